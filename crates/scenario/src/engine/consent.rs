//! Personal data is asked for only after the user agreed to that, and stands nowhere before.

use crate::effect::Effect;
use crate::file::{Consent, Kind, Node};
use crate::slot::{Slot, pick};
use crate::state::Agreed;
use crate::text;
use crate::trace::Event;
use crate::turn::{Bubble, Keyboard};

use super::Refusal;
use super::answer::Mode;
use super::run::{Flow, Rest, Run};

impl<'a> Run<'a> {
    /// The consent that the node's slot needs and the user did not give to its present wording.
    pub(super) fn missing_consent(&self, node: &Node) -> Option<(&'a str, &'a Consent)> {
        let Kind::Slot { slot, .. } = &node.kind else { return None };
        self.missing_for(self.scenario.slots.get(slot)?)
    }

    /// The same for a slot.
    pub(super) fn missing_for(&self, slot: &Slot) -> Option<(&'a str, &'a Consent)> {
        let (name, consent) = self.scenario.consent_for(slot)?;
        let given = self.state.consents.get(name);
        given.is_none_or(|given| given.version != consent.version).then_some((name, consent))
    }

    /// Shows the wording, to the letter.
    pub(super) fn say_consent(&mut self, consent: &'a Consent) {
        let link = consent.link.as_ref().and_then(|link| self.link(link));
        self.bubbles.push(Bubble { text: consent.text.clone(), image: None, link });
    }

    pub(super) fn consent_keyboard(consent: &Consent) -> Keyboard {
        Keyboard::Buttons { buttons: vec![consent.agree.clone(), consent.decline.clone()] }
    }

    /// Looks at the answer to a consent.
    pub(super) fn hear_consent(
        &mut self,
        node: &'a Node,
        name: &str,
        consent: &'a Consent,
        mode: Mode,
    ) -> Result<Flow<'a>, Refusal> {
        if mode == Mode::Restarted {
            // Nothing was shown yet that could have been agreed to.
            return Ok(Flow::Go(node));
        }
        let words = [[text::fold(&consent.agree)], [text::fold(&consent.decline)]];
        match pick(words.iter().map(<[String; 1]>::as_slice), &self.heard.content) {
            Some(0) => {
                self.tracer.line(&node.id, Event::Consent, None, Some("agreed"));
                let agreed = Agreed { version: consent.version.clone(), at: self.context.now };
                self.state.consents.insert(name.to_owned(), agreed);
                self.record(name, consent, true);
                Ok(Flow::Go(node))
            }
            Some(_) => {
                self.tracer.line(&node.id, Event::Consent, None, Some("declined"));
                self.record(name, consent, false);
                let own = match &node.kind {
                    Kind::Slot { on_declined, .. } => on_declined.as_ref(),
                    _ => None,
                };
                let to = own.or(consent.on_declined.as_ref()).or(node.fallback.as_ref());
                match to {
                    Some(to) => self.node(to).map(Flow::Go),
                    None => self.exception(node),
                }
            }
            None => {
                let moved = self.follow(node, &node.transitions, Event::Transition, true)?;
                if let Some(to) = moved {
                    return Ok(Flow::Go(to));
                }
                self.fell_back = true;
                self.tracer.line(&node.id, Event::Consent, None, Some("asked again"));
                self.say_consent(consent);
                Ok(Flow::Rest(Rest::Stayed))
            }
        }
    }

    fn record(&mut self, name: &str, consent: &Consent, agreed: bool) {
        self.effects.push(Effect::Consent {
            name: name.to_owned(),
            version: consent.version.clone(),
            at: self.context.now,
            agreed,
        });
    }
}
