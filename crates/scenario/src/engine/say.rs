//! What nodes say, filled in.

use crate::file::{self, Asked, Kind, Node};
use crate::limits::{BUTTONS_MAX, LABEL_CHARS_MAX, RENDERED_BYTES_MAX, TEXT_CHARS_MAX};
use crate::template::Template;
use crate::text;
use crate::turn::{Bubble, Image, Keyboard, Link};

use super::run::Run;

impl<'a> Run<'a> {
    pub(super) fn say_message(&mut self, node: &'a Node) {
        if let Some(message) = &node.message {
            self.say(message);
        }
    }

    pub(super) fn say(&mut self, saying: &'a file::Saying) {
        let text = saying.text.as_ref().map(|text| self.text(text, TEXT_CHARS_MAX));
        let image = saying.image.as_ref().and_then(|image| {
            let url = self.web_address(&image.url)?;
            Some(Image { url, width: image.width, height: image.height })
        });
        let link = saying.link.as_ref().and_then(|link| self.link(link));
        let bubble = Bubble { text: text.unwrap_or_default(), image, link };
        // Everything in it may have come out empty.
        if bubble != Bubble::default() {
            self.bubbles.push(bubble);
        }
    }

    /// The label of a button.
    pub(super) fn label(&mut self, label: &Template) -> String {
        self.text(label, LABEL_CHARS_MAX)
    }

    pub(super) fn link(&mut self, link: &file::Link) -> Option<Link> {
        Some(Link { label: self.label(&link.label), url: self.web_address(&link.url)? })
    }

    /// How the user answers a node.
    pub(super) fn keyboard_of(&mut self, node: &'a Node) -> Keyboard {
        if let Some(keyboard) = self.keyboard.take() {
            return keyboard;
        }
        if let Some((_, consent)) = self.missing_consent(node) {
            return Self::consent_keyboard(consent);
        }
        let labels: Vec<String> = match (&node.kind, &node.asked) {
            (Kind::Select { choices }, _) => {
                choices.iter().map(|choice| self.label(&choice.label)).collect()
            }
            (Kind::Slot { slot, .. }, Asked::Values) => {
                self.scenario.slots.get(slot).map(crate::slot::Slot::buttons).unwrap_or_default()
            }
            (_, Asked::Buttons(labels)) => labels.iter().map(|label| self.label(label)).collect(),
            _ => Vec::new(),
        };
        buttons(labels)
    }

    fn text(&mut self, template: &Template, chars_max: usize) -> String {
        let text = self.render(RENDERED_BYTES_MAX, |render| template.text(render));
        let short = text::cut(&text, chars_max);
        if short.len() < text.len() {
            self.tracer.note(|| format!("a text was cut at {chars_max} characters"));
            return short.to_owned();
        }
        text
    }

    fn web_address(&mut self, template: &Template) -> Option<String> {
        let address = self.render(RENDERED_BYTES_MAX, |render| template.web_address(render));
        if address.is_none() {
            self.tracer.note(|| format!("{} gives no web address", template.source()));
        }
        address
    }
}

/// A keyboard of these buttons, as far as they say something; text if there are none.
pub(super) fn buttons(labels: Vec<String>) -> Keyboard {
    let buttons: Vec<String> =
        labels.into_iter().filter(|label| !label.trim().is_empty()).take(BUTTONS_MAX).collect();
    if buttons.is_empty() { Keyboard::Text } else { Keyboard::Buttons { buttons } }
}
