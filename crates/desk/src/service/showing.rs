//! What agents are shown of the floor.

use maru_activity::{ConversationId, Timestamp};

use crate::floor::{Chat, Dn, Floor, Former, Phase, SlotKind};
use crate::records::DnRecord;
use crate::view::CustomerView;
use crate::{AgentState, ChatPhase, ChatView, DnView, GroupStats, Standing};

impl Floor {
    /// The state of an agent; `None` if there is none of this number.
    pub(crate) fn agent_state(&self, dn: &str) -> Option<AgentState> {
        let max = self.book.agent(dn)?.max;
        let known = self.agents.get(dn);
        Some(AgentState {
            ready: known.is_some_and(|agent| agent.ready),
            reason: known.and_then(|agent| agent.reason.clone()),
            since: known.map_or(self.open_since, |agent| agent.since),
            max,
        })
    }

    /// The calls that an agent is shown.
    pub(crate) fn calls_of(&self, dn: &str) -> Vec<ConversationId> {
        let mut calls: Vec<_> = match self.agents.get(dn) {
            Some(agent) => agent.slots.iter().map(|slot| slot.call.clone()).collect(),
            None => Vec::new(),
        };
        for queue in self.queues_of(dn) {
            let waiting = queue.waiting.iter().filter(|waiting| !waiting.ringing);
            let others = waiting.map(|w| &w.call).filter(|call| !calls.contains(call));
            let others: Vec<_> = others.cloned().collect();
            calls.extend(others);
        }
        calls
    }

    fn queues_of<'a>(&'a self, dn: &'a str) -> impl Iterator<Item = &'a crate::floor::Queue> {
        let groups = self.book.groups_of(dn).map(|group| &*group.dn);
        let dns = groups.chain(std::iter::once(dn));
        dns.filter_map(|dn| self.queues.get(dn).map(|queue| &**queue))
    }

    /// A call as an agent is shown it, less its log's head; `None` if it is none of theirs.
    pub(crate) fn chat_view(&self, dn: &str, call: &ConversationId) -> Option<ChatView> {
        let chat = self.chats.get(call)?;
        let (phase, deadline) = self.phase_for(dn, chat)?;
        let group = match &chat.phase {
            Phase::Agent { queue, .. } => Some(queue),
            _ => chat.queue(),
        };
        let gives_away =
            matches!(&chat.former, Some(Former::Agent { agent, .. }) if **agent == *dn);
        Some(ChatView {
            c: chat.call.clone(),
            epoch: chat.epoch,
            phase,
            deadline,
            since: self.since_for(phase, chat),
            customer: CustomerView {
                id: chat.customer.account.id.clone(),
                name: chat.customer.account.name.clone(),
                verified: chat.customer.verified,
                locale: chat.customer.locale.clone(),
                context: chat.customer.context.clone(),
            },
            dn: chat.dn.clone(),
            group: group.cloned(),
            virtual_agent: chat.virtual_agent.clone(),
            transfer: chat.queue().filter(|_| gives_away).cloned(),
            customer_lost: chat.lost_at,
            head: 0,
        })
    }

    fn phase_for(&self, dn: &str, chat: &Chat) -> Option<(ChatPhase, Option<Timestamp>)> {
        if chat.owner().is_some_and(|owner| **owner == *dn) {
            let held = matches!(chat.phase, Phase::Agent { held: true, .. });
            return Some((if held { ChatPhase::Held } else { ChatPhase::Mine }, None));
        }
        match &chat.phase {
            Phase::Ringing { agent, until, .. } if **agent == *dn => {
                return Some((ChatPhase::Offered, Some(*until)));
            }
            Phase::Queued { queue, .. } if self.queues_of(dn).any(|q| q.dn == *queue) => {
                return Some((ChatPhase::Waiting, None));
            }
            _ => {}
        }
        let slot = self.agents.get(dn)?.slot(&chat.call)?;
        (slot.kind == SlotKind::Wrapup).then_some((ChatPhase::Wrapup, slot.until))
    }

    /// Of those who wait, since when they have waited in all.
    fn since_for(&self, phase: ChatPhase, chat: &Chat) -> Timestamp {
        let waits = matches!(phase, ChatPhase::Waiting | ChatPhase::Offered);
        let queue = chat.queue().filter(|_| waits).and_then(|queue| self.queues.get(queue));
        let waiting = queue.and_then(|q| q.waiting.iter().find(|w| w.call == chat.call));
        waiting.map_or(chat.since, |waiting| waiting.since)
    }

    /// What an agent may do in a conversation.
    pub(crate) fn standing(&self, dn: &str, call: &ConversationId) -> Standing {
        let phase = self.chats.get(call).and_then(|chat| self.phase_for(dn, chat));
        match phase.map(|(phase, _)| phase) {
            None => Standing::default(),
            Some(ChatPhase::Offered | ChatPhase::Waiting) => {
                Standing { reads: true, ..Standing::default() }
            }
            Some(ChatPhase::Wrapup) => Standing { reads: true, speaks: false, notes: true },
            Some(ChatPhase::Mine | ChatPhase::Held) => {
                Standing { reads: true, speaks: true, notes: true }
            }
        }
    }

    /// The numbers that a call can be given to.
    pub(crate) fn dn_views(&self, now: Timestamp) -> Vec<DnView> {
        let dialed = self.book.dns.values().filter(|r| !matches!(***r, DnRecord::Alias(_)));
        dialed
            .map(|record| DnView {
                dn: record.dn().into(),
                name: record.name().into(),
                kind: record.kind(),
                free: match &**record {
                    DnRecord::Agent(agent) => self.free_slots(&agent.dn, now),
                    DnRecord::Group(group) => {
                        group.members.iter().map(|m| self.free_slots(&m.dn, now)).sum()
                    }
                    DnRecord::Virtual(_) | DnRecord::Alias(_) => 1,
                },
            })
            .collect()
    }

    fn free_slots(&self, dn: &str, now: Timestamp) -> u32 {
        let agent = self.agents.get(dn).filter(|agent| agent.ready && agent.is_linked(now));
        let taken = agent.map(|agent| u32::try_from(agent.slots.len()).unwrap_or(u32::MAX));
        let max = self.book.agent(dn).map_or(0, |record| record.max);
        taken.map_or(0, |taken| max.saturating_sub(taken))
    }

    /// How an agent's groups stand.
    pub(crate) fn stats_of(&self, dn: &str, now: Timestamp) -> Vec<GroupStats> {
        let groups = self.book.groups_of(dn);
        groups
            .map(|group| {
                let queue = self.queues.get(&group.dn);
                let waiting = queue.iter().flat_map(|q| &q.waiting).filter(|w| !w.ringing);
                let since: Vec<Timestamp> = waiting.map(|waiting| waiting.since).collect();
                let longest = since.iter().min().map_or(0, |since| now.since(*since).as_secs());
                let group: Dn = group.dn.clone();
                let waiting = u32::try_from(since.len()).unwrap_or(u32::MAX);
                GroupStats { group, waiting, longest_s: longest }
            })
            .collect()
    }
}
