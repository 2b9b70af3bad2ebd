//! A step under way: the call in hand, and what it has changed so far.

use std::collections::BTreeMap;

use maru_activity::{BotId, ConversationId, Timestamp};
use maru_hall::{CallState, CallStatus, Party, PartyKind, Route};

use crate::Why;
use crate::floor::{
    Agent, Chat, Count, Dn, Floor, Phase, Queue, Said, Slot, SlotKind, Speaker, Step, Trouble, What,
};
use crate::status::{about, status};

/// A step under way.
pub(super) struct Work<'a> {
    pub(super) floor: &'a Floor,
    pub(super) now: Timestamp,
    pub(super) chat: Chat,
    /// The desk keeps nothing of the call any more.
    pub(super) gone: bool,
    /// With which code a search failed that a former owner began.
    pub(super) failed: Option<u16>,
    pub(super) why: Option<Why>,
    before: Option<Chat>,
    agents: BTreeMap<Dn, Agent>,
    queues: BTreeMap<Dn, Queue>,
    said: Vec<Said>,
    route: Option<Route>,
    greet: bool,
    counts: Vec<Count>,
    alert: Option<Trouble>,
}

impl<'a> Work<'a> {
    /// On a call that is known.
    pub(super) fn on(floor: &'a Floor, now: Timestamp, chat: Chat) -> Self {
        let before = Some(chat.clone());
        Self { before, ..Self::fresh(floor, now, chat) }
    }

    /// On a call that is not.
    pub(super) fn fresh(floor: &'a Floor, now: Timestamp, chat: Chat) -> Self {
        Self {
            floor,
            now,
            chat,
            gone: false,
            failed: None,
            why: None,
            before: None,
            agents: BTreeMap::new(),
            queues: BTreeMap::new(),
            said: Vec::new(),
            route: None,
            greet: false,
            counts: Vec::new(),
            alert: None,
        }
    }

    /// What has come of it. A step that changed nothing is empty.
    pub(super) fn finish(mut self) -> Step {
        let changed = self.gone || self.before.as_ref() != Some(&self.chat);
        if !changed && self.said.is_empty() && self.agents.is_empty() && self.queues.is_empty() {
            return Step { alert: self.alert, counts: self.counts, ..Step::default() };
        }
        let now = self.now;
        self.chat.cooling.retain(|(_, until)| *until > now);
        self.chat.rev += 1;
        self.mark();
        let call = self.chat.call.clone();
        Step {
            chat: Some((call, (!self.gone).then_some(self.chat))),
            agents: self.agents.into_values().collect(),
            queues: self.queues.into_values().collect(),
            said: self.said,
            route: self.route,
            greet: self.greet,
            why: self.why,
            counts: self.counts,
            alert: self.alert,
        }
    }

    /// Writes the call's new revision wherever it stands, so that other nodes see that it changed.
    fn mark(&mut self) {
        let (call, rev) = (self.chat.call.clone(), self.chat.rev);
        if self.gone {
            return;
        }
        if let Some(queue) = self.chat.queue().cloned()
            && let Some(waiting) =
                self.queue_mut(&queue).waiting.iter_mut().find(|w| w.call == call)
        {
            waiting.rev = rev;
        }
        let asked = match &self.chat.phase {
            Phase::Ringing { agent, .. } | Phase::Wrapup { agent, .. } => Some(agent.clone()),
            _ => None,
        };
        for agent in asked.into_iter().chain(self.chat.owner().cloned()) {
            if let Some(slot) = self.agent_mut(&agent).slots.iter_mut().find(|s| s.call == call) {
                slot.rev = rev;
            }
        }
    }

    pub(super) fn agent(&self, dn: &str) -> Option<&Agent> {
        self.agents.get(dn).or_else(|| self.floor.agents.get(dn).map(|agent| &**agent))
    }

    pub(super) fn agent_mut(&mut self, dn: &str) -> &mut Agent {
        let known = self.floor.agents.get(dn);
        self.agents
            .entry(dn.into())
            .or_insert_with(|| known.map_or_else(|| Agent::new(dn), |agent| Agent::clone(agent)))
    }

    pub(super) fn queue(&self, dn: &str) -> Option<&Queue> {
        self.queues.get(dn).or_else(|| self.floor.queues.get(dn).map(|queue| &**queue))
    }

    pub(super) fn queue_mut(&mut self, dn: &str) -> &mut Queue {
        let known = self.floor.queues.get(dn);
        self.queues
            .entry(dn.into())
            .or_insert_with(|| known.map_or_else(|| Queue::new(dn), |queue| Queue::clone(queue)))
    }

    /// Gives an agent the call to spend time on, or another kind of time.
    pub(super) fn occupy(&mut self, agent: &str, kind: SlotKind, until: Option<Timestamp>) {
        let (call, rev, now) = (self.chat.call.clone(), self.chat.rev, self.now);
        let agent = self.agent_mut(agent);
        agent.slots.retain(|slot| slot.call != call);
        agent.slots.push(Slot { call, rev, kind, until });
        if kind != SlotKind::Ringing {
            agent.idle_since = now;
        }
    }

    /// Takes the call off an agent's time.
    pub(super) fn free(&mut self, agent: &str) {
        let (call, now) = (self.chat.call.clone(), self.now);
        let agent = self.agent_mut(agent);
        if agent.slot(&call).is_some_and(|slot| slot.kind != SlotKind::Ringing) {
            agent.idle_since = now;
        }
        agent.slots.retain(|slot| slot.call != call);
    }

    /// Puts the call into another phase. Whoever was asked before is too late now.
    pub(super) fn turn(&mut self, phase: Phase) {
        self.chat.phase = phase;
        self.chat.since = self.now;
        self.chat.epoch += 1;
    }

    pub(super) fn route(&mut self, route: Route) {
        self.route = Some(route);
    }

    pub(super) fn greet(&mut self) {
        self.greet = true;
    }

    pub(super) fn count(&mut self, count: Count) {
        self.counts.push(count);
    }

    pub(super) fn alert(&mut self, trouble: Trouble) {
        self.alert = Some(trouble);
    }

    /// Says how the call stands, in a number's name.
    pub(super) fn say(&mut self, from: &str, mut said: CallStatus, tell: Option<BotId>) {
        said.virtual_agent.clone_from(&self.chat.virtual_agent);
        self.write(from, What::Status(said), tell);
    }

    /// The same of a state with its own code.
    pub(super) fn say_that(&mut self, from: &str, state: CallState, code: u16) {
        self.say(from, status(state, code), None);
    }

    /// The same of a state about an agent.
    pub(super) fn say_of(&mut self, agent: &str, state: CallState, tell: Option<BotId>) {
        let party = self.party(agent, PartyKind::Agent);
        self.say(agent, about(state, party), tell);
    }

    pub(super) fn write(&mut self, from: &str, what: What, tell: Option<BotId>) {
        let from = Speaker { dn: from.into(), name: self.name(from) };
        self.said.push(Said { from, what, tell });
    }

    pub(super) fn party(&self, dn: &str, kind: PartyKind) -> Party {
        Party { dn: dn.into(), name: self.name(dn), kind }
    }

    fn name(&self, dn: &str) -> Box<str> {
        self.floor.book.dns.get(dn).map_or_else(|| dn.into(), |record| record.name().into())
    }

    pub(super) fn is_call(&self, call: &ConversationId) -> bool {
        self.chat.call == *call
    }
}
