//! Entering nodes, and passing those that do not wait.

use crate::effect::Effect;
use crate::file::{Kind, Node};
use crate::state::Phase;
use crate::trace::Event;

use super::Refusal;
use super::run::{Flow, Rest, Run};

impl<'a> Run<'a> {
    /// Enters a node: says what it says, and waits there or tells what comes next.
    pub(super) fn enter(&mut self, node: &'a Node) -> Result<Flow<'a>, Refusal> {
        self.tracer.line(&node.id, Event::Enter, None, Some(node.kind.word()));
        match &node.kind {
            Kind::Intent | Kind::Select { .. } => Ok(self.wait(node)),
            Kind::Slot { slot, always, .. } => self.enter_slot(node, slot, *always),
            Kind::Link => {
                self.say_message(node);
                if node.to.is_some() { self.leave(node) } else { Ok(Flow::Rest(Rest::At(node))) }
            }
            Kind::Message { returns } => {
                self.say_message(node);
                if *returns {
                    self.state.retries = 0;
                    return Ok(Flow::Rest(Rest::Stayed));
                }
                self.leave(node)
            }
            Kind::Condition => self.leave(node),
            Kind::Set { set, clear_slots } => {
                self.clear_and_set(*clear_slots, set);
                self.leave(node)
            }
            Kind::Jump { clear_slots } => {
                self.clear_and_set(*clear_slots, &crate::file::Assign::default());
                self.leave(node)
            }
            Kind::Custom(call) | Kind::Webhook(call) => self.call(node, call),
            Kind::End => {
                self.say_message(node);
                self.state.node.clone_from(&node.id);
                self.state.phase = Phase::Ended;
                self.effects.push(Effect::Ended);
                Ok(Flow::Rest(Rest::Ended))
            }
            Kind::Handoff { group, .. } => {
                self.say_message(node);
                self.state.node.clone_from(&node.id);
                self.state.phase = Phase::Handed;
                let (node, group) = (node.id.clone(), group.clone());
                self.effects.push(Effect::Handoff { node, group });
                Ok(Flow::Rest(Rest::Handed))
            }
        }
    }

    fn enter_slot(
        &mut self,
        node: &'a Node,
        slot: &str,
        always: bool,
    ) -> Result<Flow<'a>, Refusal> {
        if !always && self.state.slots.contains_key(slot) {
            return self.leave(node);
        }
        if let Some((_, consent)) = self.missing_consent(node) {
            self.tracer.line(&node.id, Event::Consent, None, Some("asked"));
            self.say_consent(consent);
            return Ok(Flow::Rest(Rest::At(node)));
        }
        Ok(self.wait(node))
    }

    fn wait(&mut self, node: &'a Node) -> Flow<'a> {
        self.say_message(node);
        Flow::Rest(Rest::At(node))
    }

    /// Leaves a node that does not wait: by its transitions, its own way, or else to the exception
    /// node.
    pub(super) fn leave(&mut self, node: &'a Node) -> Result<Flow<'a>, Refusal> {
        match self.way_on(node)? {
            Some(to) => Ok(Flow::Go(to)),
            None => self.exception(node),
        }
    }

    pub(super) fn way_on(&mut self, node: &'a Node) -> Result<Option<&'a Node>, Refusal> {
        if let Some(to) = self.follow(node, &node.transitions, Event::Transition, false)? {
            return Ok(Some(to));
        }
        let Some(to) = &node.to else { return Ok(None) };
        self.tracer.line(&node.id, Event::To, None, Some(to));
        self.node(to).map(Some)
    }

    /// Where a user goes who comes back from a human.
    pub(super) fn after_handoff(
        &mut self,
        node: &'a Node,
        served: bool,
    ) -> Result<Flow<'a>, Refusal> {
        match &node.kind {
            Kind::Handoff { on_error: Some(to), .. } if !served => self.node(to).map(Flow::Go),
            _ => self.leave(node),
        }
    }
}
