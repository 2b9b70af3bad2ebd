//! Calls that come in, what customers and bots do, and how agents answer.

use maru_activity::Timestamp;
use maru_hall::{By, CallState, CustomerDid, Route};

use crate::Why;
use crate::floor::work::Work;
use crate::floor::{
    Asked, CallKind, Chat, Count, Customer, Dn, Floor, Former, Incoming, Phase, SlotKind, Step,
    secs,
};
use crate::records::DnRecord;
use crate::status::{TERMINATED, phrase};

impl Floor {
    pub(super) fn admit(&self, now: Timestamp, incoming: Incoming) -> Step {
        let Incoming { call, dn, customer } = incoming;
        if self.chats.contains_key(&call) {
            return Step::default();
        }
        let chat = Chat::new(call, CallKind::Call, dn.clone(), customer, now);
        let mut work = Work::fresh(self, now, chat);
        work.say_that(&dn, CallState::Trying, 100);
        work.place(&dn);
        work.finish()
    }

    pub(super) fn handoff(&self, now: Timestamp, asked: Asked) -> Step {
        let Asked { call, bot, customer, wanted } = asked;
        let known = self.chats.get(&call);
        let mut work = match known {
            Some(chat) if chat.phase == (Phase::Bot { bot: bot.clone() }) => {
                Work::on(self, now, Chat::clone(chat))
            }
            // It is with people already, or over.
            Some(chat) if !chat.is_over() || chat.kind == CallKind::Call => return Step::default(),
            // Another one, while an agent still writes up the last: the new one is what counts.
            Some(_) | None => {
                let mut chat =
                    Chat::new(call, CallKind::Handoff, Dn::default(), customer.clone(), now);
                (chat.rung, chat.answered) = (true, true);
                chat.rev = known.map_or(0, |chat| chat.rev);
                chat.epoch = known.map_or(0, |chat| chat.epoch);
                Work::fresh(self, now, chat)
            }
        };
        let entry = work.chat.virtual_agent.clone().or_else(|| self.virtual_of(&bot));
        work.chat.bot = Some(bot.clone());
        work.chat.former = Some(Former::Bot { bot });
        if work.chat.kind == CallKind::Handoff {
            work.chat.virtual_agent.clone_from(&entry);
        }
        work.chat.customer.context.extend(customer.context);
        let target = self.human(&wanted, entry.as_deref());
        let from = target.clone().or(entry).unwrap_or_else(|| work.chat.dn.clone());
        work.say_that(&from, CallState::Forwarded, 181);
        match target {
            Some(target) => {
                if work.chat.kind == CallKind::Handoff {
                    work.chat.dn = target.clone();
                }
                work.chat.been_to.clear();
                work.place(&target);
            }
            None => work.fail(404),
        }
        work.finish()
    }

    /// The humans that a bot hands over to: those it named, else those of its number, else the realm's.
    fn human(&self, wanted: &[Dn], entry: Option<&str>) -> Option<Dn> {
        let of_entry = entry.and_then(|dn| match self.book.dns.get(dn).map(|record| &**record) {
            Some(DnRecord::Virtual(record)) => record.group.clone(),
            _ => None,
        });
        let default = self.book.settings.default_group.clone();
        let mut ways = wanted.iter().cloned().chain(of_entry).chain(default);
        ways.find_map(|dn| match &**self.book.dial(&dn)? {
            DnRecord::Agent(record) => Some(record.dn.clone()),
            DnRecord::Group(record) => Some(record.dn.clone()),
            DnRecord::Virtual(_) | DnRecord::Alias(_) => None,
        })
    }

    fn virtual_of(&self, bot: &maru_activity::BotId) -> Option<Dn> {
        self.book.dns.values().find_map(|record| match &**record {
            DnRecord::Virtual(record) if record.bot == *bot => Some(record.dn.clone()),
            _ => None,
        })
    }
}

impl Chat {
    fn new(
        call: maru_activity::ConversationId,
        kind: CallKind,
        dn: Dn,
        customer: Customer,
        now: Timestamp,
    ) -> Self {
        Self {
            call,
            epoch: 0,
            rev: 0,
            kind,
            phase: Phase::Queued { queue: dn.clone(), until: None },
            dn,
            virtual_agent: None,
            customer,
            bot: None,
            since: now,
            began_at: now,
            former: None,
            rung: false,
            answered: false,
            been_to: Vec::new(),
            cooling: Vec::new(),
            link: 0,
            lost_at: None,
            look_at: None,
            silence: None,
        }
    }
}

impl Work<'_> {
    pub(super) fn customer_did(&mut self, did: CustomerDid) {
        if self.chat.is_over() {
            return;
        }
        match did {
            CustomerDid::Left if self.chat.answered => self.end(200, TERMINATED, By::Customer),
            CustomerDid::Left => {
                self.count(Count::Abandoned);
                self.end(487, phrase(487), By::Customer);
            }
            CustomerDid::Lost { link } if link >= self.chat.link => {
                self.chat.link = link;
                self.chat.lost_at = self.chat.lost_at.or(Some(self.now));
            }
            CustomerDid::Back { link } if link >= self.chat.link => {
                self.chat.link = link;
                self.chat.lost_at = None;
            }
            CustomerDid::Lost { .. } | CustomerDid::Back { .. } => {}
        }
    }

    /// A bot ended the conversation: that is the end of the call, if the bot has it. Bots also say so
    /// when they have asked for a human, and then it is of no effect.
    pub(super) fn bot_ended(&mut self) {
        if matches!(self.chat.phase, Phase::Bot { .. }) {
            self.end(200, TERMINATED, By::Bot);
        }
    }

    /// An agent has it from now on.
    pub(super) fn answered_by(&mut self, agent: &str) {
        let Some(queue) = self.chat.queue().cloned() else { return };
        let (call, now) = (self.chat.call.clone(), self.now);
        let line = self.queue_mut(&queue);
        if let Some(index) = line.index(&call) {
            let waiting = line.waiting.remove(index);
            line.answered(&waiting, now);
            self.count(Count::Answered(now.since(waiting.since)));
        }
        self.occupy(agent, SlotKind::Call, None);
        self.agent_mut(agent).missed = 0;
        if !self.chat.rung {
            self.chat.rung = true;
            self.say_that(&queue, CallState::Ringing, 180);
        }
        match self.chat.former.take() {
            Some(Former::Bot { bot }) => self.say_of(agent, CallState::Accepted, Some(bot)),
            Some(Former::Agent { agent: former, queue: old }) => {
                self.say_of(agent, CallState::Joined, None);
                self.say_of(&former, CallState::Left, None);
                self.write_up(&former, &old);
                self.why = Some(Why::Transferred);
            }
            None if self.chat.answered => self.say_of(agent, CallState::Joined, None),
            None => self.say_of(agent, CallState::Accepted, None),
        }
        self.chat.answered = true;
        self.route(Route::Agent(agent.into()));
        self.turn(Phase::Agent { agent: agent.into(), queue, held: false });
        self.why = self.why.or(Some(Why::Taken));
        self.settle_in();
    }

    /// What was remembered of the search is forgotten; whoever has the call now is watched.
    pub(super) fn settle_in(&mut self) {
        let settings = &self.floor.book.settings;
        let first = match self.chat.phase {
            Phase::Agent { .. } => settings.idle_agent_first_secs.min(settings.idle_warning_secs),
            _ => settings.idle_warning_secs,
        };
        self.chat.look_at = Some(self.now.after(secs(first)));
        self.chat.silence = None;
        self.chat.been_to.clear();
        self.chat.cooling.clear();
    }

    /// Whoever had it has time to write it up, if the settings give any. Gives until when.
    pub(super) fn write_up(&mut self, agent: &str, queue: &str) -> Option<Timestamp> {
        let book = &self.floor.book;
        let group = book.group(queue).and_then(|group| group.wrapup_secs);
        let time = group.unwrap_or(book.settings.wrapup_secs);
        let until = (time > 0).then(|| self.now.after(secs(time)));
        match until {
            Some(_) => self.occupy(agent, SlotKind::Wrapup, until),
            None => self.free(agent),
        }
        until
    }

    /// The agent who was asked has no link: somebody else is, before all others.
    pub(super) fn withdraw(&mut self) {
        let Phase::Ringing { queue, queue_until, .. } = self.chat.phase.clone() else { return };
        let since = self.chat.since;
        let line = self.queue(&queue);
        let waited = line.and_then(|line| line.waiting.iter().find(|w| self.is_call(&w.call)));
        let Some(mut waiting) = waited.cloned() else { return };
        self.leave_queue();
        (waiting.class, waiting.ringing) = (super::placing::HEAD, false);
        self.queue_mut(&queue).add(waiting);
        self.turn(Phase::Queued { queue, until: queue_until });
        self.chat.since = since;
        self.why = Some(Why::Withdrawn);
        self.offer();
    }
}
