//! What one step has made possible for another call.

use maru_activity::{ConversationId, Timestamp};

use crate::floor::{Agent, Chat, Dn, Event, Floor, Phase, Queue, SlotKind, Step, Waiting};

impl Floor {
    /// What is to be done now that no deadline says and nobody asked for: an agent who was asked has no
    /// link, or one whose call it was has gone; somebody waits where nobody is; or somebody is free for
    /// whom a call waits. `None` when all is well.
    pub fn next(&self, now: Timestamp) -> Option<Event> {
        self.next_vanished()
            .or_else(|| self.next_lost(now))
            .or_else(|| self.next_deserted(now))
            .or_else(|| self.next_offer(now))
    }

    fn next_vanished(&self) -> Option<Event> {
        let slots = self.agents.values().flat_map(|agent| &agent.slots);
        // Who writes up a call may do so after it is over.
        let slots = slots.filter(|slot| slot.kind != SlotKind::Wrapup).map(|slot| &slot.call);
        let waiting = self.queues.values().flat_map(|queue| &queue.waiting).map(|w| &w.call);
        let call = slots.chain(waiting).find(|call| !self.chats.contains_key(*call))?.clone();
        Some(Event::Vanished { call })
    }

    /// Whoever refers to a call that is not there forgets it.
    pub(super) fn vanished(&self, call: &ConversationId) -> Step {
        let mut step = Step::default();
        if self.chats.contains_key(call) {
            return step;
        }
        for agent in self.agents.values().filter(|agent| agent.slot(call).is_some()) {
            let mut agent = Agent::clone(agent);
            agent.slots.retain(|slot| slot.call != *call);
            step.agents.push(agent);
        }
        for queue in self.queues.values().filter(|queue| queue.index(call).is_some()) {
            let mut queue = Queue::clone(queue);
            queue.waiting.retain(|waiting| waiting.call != *call);
            step.queues.push(queue);
        }
        step
    }

    fn next_lost(&self, now: Timestamp) -> Option<Event> {
        for agent in self.agents.values().filter(|agent| !agent.is_linked(now)) {
            let signed_out = !self.is_signed_in(agent, now);
            for slot in agent.slots.iter().filter(|slot| self.chats.contains_key(&slot.call)) {
                let call = slot.call.clone();
                match slot.kind {
                    SlotKind::Ringing => return Some(Event::Withdraw { call }),
                    SlotKind::Call if signed_out => return Some(Event::Orphaned { call }),
                    SlotKind::Call | SlotKind::Wrapup => {}
                }
            }
        }
        None
    }

    fn next_deserted(&self, now: Timestamp) -> Option<Event> {
        let lines = self.queues.values().filter(|queue| !queue.waiting.is_empty());
        let waiting =
            lines.filter(|queue| self.is_deserted(&queue.dn, now)).flat_map(|q| &q.waiting);
        let waiting =
            waiting.filter(|waiting| !waiting.ringing).find(|w| self.queued(w, now).is_some())?;
        Some(Event::Deserted { call: waiting.call.clone() })
    }

    /// Whether nobody is there for those who wait, and they are not to wait then.
    fn is_deserted(&self, queue: &str, now: Timestamp) -> bool {
        let is_here = |dn: &Dn| self.agents.get(dn).is_some_and(|a| self.is_signed_in(a, now));
        match self.book.group(queue) {
            Some(group) => group.clear_when_empty && !group.members.iter().any(|m| is_here(&m.dn)),
            None => self.book.agent(queue).is_none_or(|agent| !is_here(&agent.dn)),
        }
    }

    /// Of all calls for which somebody is free, the one that comes first.
    fn next_offer(&self, now: Timestamp) -> Option<Event> {
        let lines = self.queues.values().filter(|queue| !queue.waiting.is_empty());
        let first = lines.filter_map(|queue| self.first_served(queue, now));
        let call = first.min_by_key(|waiting| waiting.order())?.call.clone();
        Some(Event::Offer { call })
    }

    /// The first in a queue for whom somebody is free: it may be one behind another whom those who are
    /// free have turned down a moment ago.
    fn first_served<'a>(&'a self, queue: &'a Queue, now: Timestamp) -> Option<&'a Waiting> {
        let is_free = |dn: &str| self.agents.get(dn).is_some_and(|agent| self.is_free(agent, now));
        self.choose(now, &queue.dn, None, is_free)?;
        let mut waiting = queue.waiting.iter().filter(|waiting| !waiting.ringing);
        waiting.find(|waiting| {
            let Some(chat) = self.queued(waiting, now) else { return false };
            let asks = |dn: &str| is_free(dn) && self.may_be_asked(chat, dn, now);
            self.choose(now, &queue.dn, None, asks).is_some()
        })
    }

    /// The call, if it waits, and may go on to do so.
    fn queued(&self, waiting: &Waiting, now: Timestamp) -> Option<&Chat> {
        let chat = self.chats.get(&waiting.call)?;
        match chat.phase {
            Phase::Queued { until, .. } if until.is_none_or(|until| until > now) => Some(&**chat),
            _ => None,
        }
    }

    /// The calls that agents and queues refer to: what has to be known of the realm's calls.
    pub fn referred(&self) -> impl Iterator<Item = (&ConversationId, u64)> {
        let slots = self.agents.values().flat_map(|agent| &agent.slots);
        let waiting = self.queues.values().flat_map(|queue| &queue.waiting);
        slots.map(|slot| (&slot.call, slot.rev)).chain(waiting.map(|w| (&w.call, w.rev)))
    }
}
