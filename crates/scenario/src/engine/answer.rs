//! The order in which an answer is looked at. The numbers are those of the language's reference.

use crate::file::{Choice, Kind, Move, Node};
use crate::slot::pick;
use crate::text;
use crate::trace::Event;

use super::Refusal;
use super::run::{Flow, Rest, Run};

/// At which moment an answer comes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mode {
    /// The node asked, and this is the answer.
    Waiting,
    /// The session begins with it, and the entry node asked nothing yet: what it says counts only
    /// if the node knows it by name.
    Restarted,
}

/// What an answer is to a node.
enum Fit<'a> {
    /// What it asked for.
    Good,
    /// What it asked for, and that leads somewhere of its own.
    To(&'a Node),
    /// The node takes anything.
    Open,
    /// Not what it asked for.
    Wrong,
}

impl<'a> Run<'a> {
    /// Looks at what the user said to the node that waits.
    pub(super) fn answer(&mut self, node: &'a Node, mode: Mode) -> Result<Flow<'a>, Refusal> {
        // (1) The kind of content.
        if !node.accepts.has(self.heard.kind) {
            if mode == Mode::Restarted {
                return Ok(Flow::Go(node));
            }
            return Err(Refusal::Kind { node: node.id.clone(), kind: self.heard.kind });
        }
        // (2) The globals.
        if let Some(to) = self.follow(node, &self.scenario.globals, Event::Global, true)? {
            return Ok(Flow::Go(to));
        }
        if let Some((name, consent)) = self.missing_consent(node) {
            return self.hear_consent(node, name, consent, mode);
        }
        // (3) Choices, or the slot's validator.
        let fit = match &node.kind {
            Kind::Select { choices } => self.choose(node, choices)?,
            Kind::Slot { slot, .. } => self.fill(node, slot, mode),
            Kind::Intent | Kind::Link => Fit::Open,
            // A handler hears every answer itself, and what does not wait is gone through.
            _ => return Ok(Flow::Go(node)),
        };
        if let Fit::To(to) = fit {
            return Ok(Flow::Go(to));
        }
        let good = match fit {
            Fit::Open => mode == Mode::Waiting,
            Fit::Good => true,
            Fit::To(_) | Fit::Wrong => false,
        };
        // (4) The node's transitions. What is always true leads on from a good answer only.
        if let Some(to) = self.follow(node, &node.transitions, Event::Transition, !good)? {
            return Ok(Flow::Go(to));
        }
        // (5) The node's own way.
        if good && let Some(to) = &node.to {
            self.tracer.line(&node.id, Event::To, None, Some(to));
            return self.node(to).map(Flow::Go);
        }
        if mode == Mode::Restarted && !matches!(fit, Fit::Good) {
            return Ok(Flow::Go(node));
        }
        self.ask_again(node, !matches!(fit, Fit::Good))
    }

    /// (6) The question again, or the fallback; (7) the exception node.
    fn ask_again(&mut self, node: &'a Node, again: bool) -> Result<Flow<'a>, Refusal> {
        if again
            && self.state.retries < node.retries
            && let Some(reprompt) = node.reprompt.as_ref().or(node.message.as_ref())
        {
            self.state.retries += 1;
            self.fell_back = true;
            let count = format!("{} of {}", self.state.retries, node.retries);
            self.tracer.line(&node.id, Event::Reprompt, None, Some(&count));
            self.say(reprompt);
            return Ok(Flow::Rest(Rest::Stayed));
        }
        if let Some(to) = &node.fallback {
            self.fell_back = true;
            self.tracer.line(&node.id, Event::Fallback, None, Some(to));
            return self.node(to).map(Flow::Go);
        }
        self.exception(node)
    }

    /// The exception node: for what nothing else answers.
    pub(super) fn exception(&mut self, node: &'a Node) -> Result<Flow<'a>, Refusal> {
        self.fell_back = true;
        let to = &self.scenario.meta.exception;
        self.tracer.line(&node.id, Event::Exception, None, Some(to));
        self.node(to).map(Flow::Go)
    }

    /// The first move whose condition holds, with what it sets. `named`: only those that have a
    /// condition.
    pub(super) fn follow(
        &mut self,
        node: &'a Node,
        moves: &'a [Move],
        event: Event,
        named: bool,
    ) -> Result<Option<&'a Node>, Refusal> {
        for candidate in moves.iter().filter(|m| !named || !m.when.is_always()) {
            let limit = crate::limits::REQUEST_BYTES_MAX;
            let holds = self.render(limit, |render| candidate.when.holds(render));
            let result = if holds { "true" } else { "false" };
            self.tracer.line(&node.id, event, Some(candidate.when.source()), Some(result));
            if holds {
                self.clear_and_set(candidate.clear_slots, &candidate.set);
                return self.node(&candidate.to).map(Some);
            }
        }
        Ok(None)
    }

    /// Which choice was made: by its label or its value, else by its number.
    fn choose(&mut self, node: &'a Node, choices: &'a [Choice]) -> Result<Fit<'a>, Refusal> {
        let mut shown = Vec::with_capacity(choices.len());
        for choice in choices {
            let label = self.label(&choice.label);
            // A label that came out empty is no button, and counts as none.
            if !label.trim().is_empty() {
                let words = [Some(text::fold(&label)), choice.value.as_deref().map(text::fold)];
                shown.push((choice, label, words.into_iter().flatten().collect::<Vec<_>>()));
            }
        }
        let found = pick(shown.iter().map(|(_, _, words)| words.as_slice()), &self.heard.content);
        let Some((choice, label, _)) = found.map(|at| shown.swap_remove(at)) else {
            self.tracer.line(&node.id, Event::Choice, None, Some("none"));
            return Ok(Fit::Wrong);
        };
        self.tracer.line(&node.id, Event::Choice, None, Some(&label));
        self.heard.choice = Some(choice.value.clone().unwrap_or(label));
        self.clear_and_set(choice.clear_slots, &choice.set);
        match &choice.to {
            Some(to) => self.node(to).map(Fit::To),
            None => Ok(Fit::Good),
        }
    }

    fn fill(&mut self, node: &'a Node, name: &str, mode: Mode) -> Fit<'a> {
        let Some(slot) = self.scenario.slots.get(name) else { return Fit::Wrong };
        // Nothing was asked yet: only words that the slot knows can have been meant for it.
        if mode == Mode::Restarted && !slot.is_closed() {
            return Fit::Wrong;
        }
        let Some(value) = slot.value(self.heard.kind, &self.heard.content) else {
            self.tracer.line(&node.id, Event::Slot, None, Some("not a value"));
            return Fit::Wrong;
        };
        let written = self.write_slot(name, &value);
        let result = if written { "filled" } else { "not written" };
        self.tracer.line(&node.id, Event::Slot, None, Some(result));
        if written { Fit::Good } else { Fit::Wrong }
    }
}
