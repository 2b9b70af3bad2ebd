//! How calls end, and where they go back to when nobody was found.

use maru_hall::{By, CallState, Route};

use crate::Why;
use crate::floor::placing::HEAD;
use crate::floor::work::Work;
use crate::floor::{CallKind, Count, Dn, Former, Phase, SlotKind, What};
use crate::status::{end, phrase, status};

impl Work<'_> {
    /// Nobody was found: whoever had it before has it again; else it is over.
    pub(super) fn fail(&mut self, code: u16) {
        self.leave_queue();
        self.failed = Some(code);
        let failed = status(CallState::Failed, code);
        match self.chat.former.take() {
            Some(Former::Agent { agent, queue }) => {
                self.say(&agent, failed, None);
                self.turn(Phase::Agent { agent, queue, held: false });
                self.why = Some(Why::Withdrawn);
                self.settle_in();
            }
            Some(Former::Bot { bot }) => {
                let from = self.entry();
                self.say(&from, failed, Some(bot.clone()));
                self.route(Route::Bot(bot.clone()));
                self.turn(Phase::Bot { bot });
                self.why = Some(Why::Ended);
                self.settle_in();
                self.gone = self.chat.kind == CallKind::Handoff;
            }
            None => self.end(code, phrase(code), By::System),
        }
    }

    /// It is over. A bot's conversation goes back to the bot.
    pub(super) fn end(&mut self, code: u16, why: &str, by: By) {
        self.leave_queue();
        if !self.chat.answered {
            self.count(Count::Failed(code));
        }
        let owner = self.owner();
        let from = owner.as_ref().map_or_else(|| self.entry(), |(agent, _)| agent.clone());
        let mut status = end(code, why, by);
        status.virtual_agent.clone_from(&self.chat.virtual_agent);
        match (self.chat.kind, self.chat.bot.clone()) {
            (CallKind::Handoff, Some(bot)) => {
                self.write(&from, What::Status(status), Some(bot.clone()));
                self.route(Route::Bot(bot));
            }
            (_, bot) => {
                // A bot that has it is told, as it would be of any other user who leaves.
                let has = by != By::Bot
                    && (matches!(self.chat.phase, Phase::Bot { .. })
                        || matches!(self.chat.former, Some(Former::Bot { .. })));
                self.write(&from, What::End(status), bot.filter(|_| has));
                self.route(Route::Nobody);
            }
        }
        self.chat.former = None;
        (self.chat.look_at, self.chat.lost_at) = (None, None);
        self.why = Some(Why::Ended);
        let until = owner.and_then(|(agent, queue)| Some((self.write_up(&agent, &queue)?, agent)));
        match until {
            Some((until, agent)) => self.turn(Phase::Wrapup { agent, until }),
            None => self.gone = true,
        }
    }

    /// The agent whose call it is, also while they give it away, and the queue they took it from.
    fn owner(&self) -> Option<(Dn, Dn)> {
        match (&self.chat.phase, &self.chat.former) {
            (Phase::Agent { agent, queue, .. }, _) | (_, Some(Former::Agent { agent, queue })) => {
                Some((agent.clone(), queue.clone()))
            }
            _ => None,
        }
    }

    /// In whose name the desk speaks where no agent has the call.
    fn entry(&self) -> Box<str> {
        let queue = self.chat.been_to.last();
        queue.or(self.chat.virtual_agent.as_ref()).unwrap_or(&self.chat.dn).clone()
    }

    /// The agent whose call it was has gone: somebody else is looked for, before all others.
    pub(super) fn orphaned(&mut self) {
        let Some((agent, queue)) = self.owner() else { return };
        self.free(&agent);
        if self.chat.former.take().is_some() {
            // Somebody else was being looked for already, and now for good.
            self.chat.epoch += 1;
            let queue = self.chat.queue().cloned().unwrap_or_default();
            self.route(Route::Desk(queue));
            return;
        }
        self.say_of(&agent, CallState::Left, None);
        self.say_that(&queue, CallState::Forwarded, 181);
        let book = std::sync::Arc::clone(&self.floor.book);
        let text = book.settings.texts(self.chat.customer.locale.as_deref()).agent_lost;
        self.write(&queue, What::Text(text), None);
        self.chat.look_at = None;
        self.why = Some(Why::Withdrawn);
        match book.group(&queue) {
            Some(group) => {
                self.chat.been_to.push(group.dn.clone());
                let wait = group.queue_secs.unwrap_or(book.settings.queue_secs);
                self.wait_in(&group.dn, HEAD, wait);
            }
            // They were called themselves, and are not there: as if they were called now.
            None => self.place(&queue),
        }
    }

    /// Nobody is left where it waits.
    pub(super) fn deserted(&mut self) {
        if matches!(self.chat.phase, Phase::Queued { .. }) {
            self.overflow(480);
        }
    }

    /// An agent has written it up.
    pub(super) fn written_up(&mut self) {
        if let Phase::Wrapup { agent, .. } = self.chat.phase.clone() {
            let slot = self.agent(&agent).and_then(|agent| agent.slot(&self.chat.call));
            if slot.is_some_and(|slot| slot.kind == SlotKind::Wrapup) {
                self.free(&agent);
            }
            self.gone = true;
            self.why = Some(Why::Ended);
        }
    }
}
