//! Finding somebody for a call: numbers, queues, and whom to ask.

use std::sync::Arc;

use maru_activity::{BotId, Timestamp};
use maru_hall::{CallState, PartyKind, Route};

use crate::floor::work::Work;
use crate::floor::{Count, Dn, Floor, Former, Phase, SlotKind, Waiting, secs};
use crate::limits::{HOPS_MAX, QUEUE_DEFAULT};
use crate::records::{AgentRecord, DnRecord, GroupRecord, Policy};
use crate::status::about;

/// Those who lost their agent come before everybody else.
pub(super) const HEAD: u8 = 0;

/// Everybody else, in the order they came.
pub(super) const BEHIND: u8 = 1;

impl<'a> Work<'a> {
    /// Takes the call to a number; from there to where that one's calls overflow to, as often as is
    /// allowed and never to the same one twice; and gives up then.
    pub(super) fn place(&mut self, dn: &str) {
        let mut record = self.floor.book.dial(dn);
        let mut code = 404;
        while let Some(at) = record {
            self.chat.been_to.push(at.dn().into());
            let taken = match &**at {
                DnRecord::Virtual(bot) => {
                    self.answered_by_bot(&bot.dn, bot.bot.clone());
                    Ok(())
                }
                DnRecord::Group(group) => self.place_in_group(group),
                DnRecord::Agent(agent) => self.place_with_agent(agent),
                DnRecord::Alias(_) => Err(404),
            };
            match taken {
                Ok(()) => return,
                Err(why) => code = why,
            }
            record = self.way_on(at.dn());
            if record.is_some() {
                self.say_that(at.dn(), CallState::Forwarded, 181);
            }
        }
        self.fail(code);
    }

    /// Takes a call that cannot stay in its queue to where that one's calls overflow to; gives up
    /// with this code, if that is nowhere.
    pub(super) fn overflow(&mut self, code: u16) {
        let queue = self.leave_queue();
        match queue.as_deref().and_then(|queue| self.way_on(queue)) {
            Some(next) => {
                let (from, next) = (queue.unwrap_or_default(), next.dn().to_owned());
                self.say_that(&from, CallState::Forwarded, 181);
                self.place(&next);
            }
            None => self.fail(code),
        }
    }

    fn way_on(&self, dn: &str) -> Option<&'a Arc<DnRecord>> {
        let book = &self.floor.book;
        let next = book.dial(book.dns.get(dn)?.overflow()?)?;
        let hops = self.chat.been_to.len().saturating_sub(1);
        let been = self.chat.been_to.iter().any(|been| **been == *next.dn());
        (hops < usize::from(HOPS_MAX) && !been).then_some(next)
    }

    fn place_in_group(&mut self, group: &GroupRecord) -> Result<(), u16> {
        let floor = self.floor;
        let mut members = group.members.iter().filter_map(|m| floor.agents.get(&m.dn));
        let somebody = members.any(|agent| floor.is_signed_in(agent, self.now));
        if !somebody && !group.accept_when_empty {
            return Err(480);
        }
        let waiting =
            self.queue(&group.dn).map_or(0, |q| q.waiting.iter().filter(|w| !w.ringing).count());
        let at_once = waiting == 0 && self.choose(&group.dn).is_some();
        if !at_once && waiting >= group.queue_max as usize {
            return Err(486);
        }
        let wait = group.queue_secs.unwrap_or(floor.book.settings.queue_secs);
        self.wait_in(&group.dn, BEHIND, wait);
        Ok(())
    }

    fn place_with_agent(&mut self, record: &AgentRecord) -> Result<(), u16> {
        let known = self.agent(&record.dn).filter(|agent| self.floor.is_signed_in(agent, self.now));
        let Some(agent) = known else { return Err(480) };
        let (ready, full) = (agent.ready, agent.slots.len() >= record.max as usize);
        let waiting =
            self.queue(&record.dn).map_or(0, |q| q.waiting.iter().filter(|w| !w.ringing).count());
        let at_once = waiting == 0 && self.choose(&record.dn).is_some();
        if !at_once && (!record.queue || waiting >= QUEUE_DEFAULT as usize) {
            return Err(if ready && full || record.queue { 486 } else { 480 });
        }
        let settings = &self.floor.book.settings;
        let wait = match self.chat.former {
            Some(Former::Agent { .. }) => settings.transfer_secs,
            _ => settings.queue_secs,
        };
        self.wait_in(&record.dn, BEHIND, wait);
        Ok(())
    }

    /// Puts the call into a queue, and asks somebody at once if it is its turn.
    pub(super) fn wait_in(&mut self, queue: &str, class: u8, wait_secs: u32) {
        let until = (wait_secs > 0).then(|| self.now.after(secs(wait_secs)));
        let (call, rev) = (self.chat.call.clone(), self.chat.rev);
        // Whoever lost their agent has waited since they came.
        let since = if class == HEAD { self.chat.began_at } else { self.now };
        let waiting = Waiting { call, rev, class, since, ringing: false, place: 0 };
        self.queue_mut(queue).add(waiting);
        self.turn(Phase::Queued { queue: queue.into(), until });
        if !matches!(self.chat.former, Some(Former::Agent { .. })) {
            self.route(Route::Desk(queue.into()));
        }
        if !self.is_next_in(queue) || !self.offer() {
            self.say_that(queue, CallState::Queued, 182);
        }
    }

    fn is_next_in(&self, queue: &str) -> bool {
        let next = self.queue(queue).and_then(|q| q.waiting.iter().find(|w| !w.ringing));
        next.is_some_and(|next| self.is_call(&next.call))
    }

    /// Takes the call out of the queue that it waits in, and back from whoever is asked.
    pub(super) fn leave_queue(&mut self) -> Option<Dn> {
        if let Phase::Ringing { agent, .. } = &self.chat.phase {
            let agent = agent.clone();
            self.free(&agent);
        }
        let queue = self.chat.queue()?.clone();
        let call = self.chat.call.clone();
        self.queue_mut(&queue).waiting.retain(|waiting| waiting.call != call);
        Some(queue)
    }

    /// Somebody may have become free.
    pub(super) fn offer_if_any(&mut self) {
        self.offer();
    }

    /// Asks somebody, if there is anybody to ask.
    pub(super) fn offer(&mut self) -> bool {
        let Phase::Queued { queue, until: queue_until } = self.chat.phase.clone() else {
            return false;
        };
        if queue_until.is_some_and(|until| until <= self.now) {
            return false;
        }
        let Some(agent) = self.choose(&queue) else {
            return false;
        };
        let settings = &self.floor.book.settings;
        let ring = match (self.floor.book.group(&queue), &self.chat.former) {
            (Some(group), _) => group.ring_secs.unwrap_or(settings.ring_secs),
            (None, Some(Former::Agent { .. })) => settings.transfer_secs,
            (None, _) => settings.ring_secs,
        };
        let until = self.now.after(secs(ring));
        let call = self.chat.call.clone();
        let line = self.queue_mut(&queue);
        line.last = Some(agent.clone());
        if let Some(index) = line.index(&call) {
            line.waiting[index].ringing = true;
        }
        self.occupy(&agent, SlotKind::Ringing, None);
        let since = self.chat.since;
        self.turn(Phase::Ringing { queue: queue.clone(), queue_until, agent, until });
        // The customer has waited since before.
        self.chat.since = since;
        self.count(Count::Offered);
        if !self.chat.rung {
            self.chat.rung = true;
            self.say_that(&queue, CallState::Ringing, 180);
        }
        true
    }

    /// Back to where it waited, after whoever was asked did not take it: nobody loses a place by that.
    pub(super) fn wait_on(&mut self) {
        let Phase::Ringing { queue, queue_until, agent, .. } = self.chat.phase.clone() else {
            return;
        };
        self.free(&agent);
        let call = self.chat.call.clone();
        let line = self.queue_mut(&queue);
        if let Some(index) = line.index(&call) {
            line.waiting[index].ringing = false;
        }
        let since = self.chat.since;
        self.turn(Phase::Queued { queue, until: queue_until });
        self.chat.since = since;
    }

    fn choose(&self, queue: &str) -> Option<Dn> {
        let line = self.queue(queue);
        self.floor.choose(self.now, queue, line.and_then(|l| l.last.as_deref()), |agent| {
            let known = self.agent(agent);
            known.is_some_and(|known| self.floor.is_free(known, self.now))
                && self.may_be_asked(agent)
        })
    }

    fn may_be_asked(&self, agent: &str) -> bool {
        self.floor.may_be_asked(&self.chat, agent, self.now)
    }

    pub(super) fn answered_by_bot(&mut self, dn: &str, bot: BotId) {
        if self.chat.virtual_agent.is_none() {
            self.chat.virtual_agent = Some(dn.into());
        }
        if !self.chat.rung {
            self.chat.rung = true;
            self.say_that(dn, CallState::Ringing, 180);
        }
        let party = self.party(dn, PartyKind::Bot);
        let state = if self.chat.answered { CallState::Joined } else { CallState::Accepted };
        self.say(dn, about(state, party), None);
        self.chat.answered = true;
        if let Some(Former::Agent { agent, queue }) = self.chat.former.take() {
            self.say_of(&agent, CallState::Left, None);
            self.write_up(&agent, &queue);
        }
        self.chat.former = None;
        self.chat.bot = Some(bot.clone());
        self.route(Route::Bot(bot.clone()));
        self.greet();
        self.turn(Phase::Bot { bot });
        self.settle_in();
    }
}

impl Floor {
    /// Whether an agent can be given a call now.
    pub(super) fn is_free(&self, agent: &super::Agent, now: Timestamp) -> bool {
        let record = self.book.agent(&agent.dn);
        agent.ready
            && agent.is_linked(now)
            && record.is_some_and(|record| agent.slots.len() < record.max as usize)
    }

    /// Whether an agent may be asked about this call now.
    pub(super) fn may_be_asked(&self, chat: &super::Chat, agent: &str, now: Timestamp) -> bool {
        let owns = chat.owner().is_some_and(|owner| **owner == *agent);
        !owns && !chat.is_cooling(agent, now)
    }

    /// Whom of those who are free a number would ask; nobody, where agents help themselves.
    pub(super) fn choose(
        &self,
        now: Timestamp,
        queue: &str,
        last: Option<&str>,
        is_free: impl Fn(&str) -> bool,
    ) -> Option<Dn> {
        let Some(group) = self.book.group(queue) else {
            return is_free(queue).then(|| queue.into());
        };
        if group.policy == Policy::Manual {
            return None;
        }
        let free: Vec<_> = group.members.iter().filter(|member| is_free(&member.dn)).collect();
        let rank = free.iter().map(|member| member.rank).min()?;
        let best = || free.iter().filter(|member| member.rank == rank).map(|member| &member.dn);
        let idle = |dn: &Dn| self.agents.get(dn).map_or(now, |agent| agent.idle_since);
        match group.policy {
            Policy::RoundRobin => {
                let place = |dn: &str| group.members.iter().position(|m| *m.dn == *dn);
                let after = last.and_then(place);
                let next = best().find(|dn| place(dn) > after);
                next.or_else(|| best().next()).cloned()
            }
            Policy::LongestIdle | Policy::Manual => {
                best().min_by_key(|dn| (idle(dn), (*dn).clone())).cloned()
            }
        }
    }
}
