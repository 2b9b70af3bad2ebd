//! What agents do.

use maru_activity::{ConversationId, Timestamp};
use maru_hall::{By, CallState, PartyKind};

use crate::floor::work::Work;
use crate::floor::{Chat, Count, Floor, Former, Phase, SlotKind, Step, What};
use crate::limits::{CODE_CHARS_MAX, CODES_MAX, COMMENT_CHARS_MAX};
use crate::status::{TERMINATED, about, phrase};
use crate::{Command, Refusal, Why};

impl Floor {
    pub(super) fn command(
        &self,
        now: Timestamp,
        agent: &str,
        command: Command,
    ) -> Result<Step, Refusal> {
        if self.book.agent(agent).is_none() {
            return Err(Refusal::NoSuchAgent);
        }
        match command {
            Command::Ready { on, reason } => self.ready(now, agent, on, reason),
            Command::Accept { call, epoch } => {
                let mut work = self.offered(now, agent, &call, epoch)?;
                work.answered_by(agent);
                Ok(work.finish())
            }
            Command::Reject { call, epoch } => {
                let mut work = self.offered(now, agent, &call, epoch)?;
                let queue = work.chat.queue().cloned().unwrap_or_default();
                work.count(Count::Rejected);
                work.why = Some(Why::Rejected);
                work.not_taken(&queue, agent, 603);
                Ok(work.finish())
            }
            Command::Take { call } => self.take(now, agent, &call),
            Command::Hold { call, on } => self.hold(now, agent, &call, on),
            Command::Transfer { call, to, comment } => {
                self.transfer(now, agent, &call, &to, comment)
            }
            Command::Close { call, comment, codes } => {
                let mut work = self.owned(now, agent, &call)?;
                work.close(agent, comment, codes)?;
                Ok(work.finish())
            }
            Command::WrapupDone { call } => self.wrapup_done(now, agent, &call),
        }
    }

    /// A call that this agent is asked about by this very offer.
    fn offered(
        &self,
        now: Timestamp,
        agent: &str,
        call: &ConversationId,
        epoch: u64,
    ) -> Result<Work<'_>, Refusal> {
        let chat = self.chats.get(call).ok_or(Refusal::Expired)?;
        match &chat.phase {
            Phase::Ringing { agent: asked, .. } if **asked == *agent && chat.epoch == epoch => {
                Ok(Work::on(self, now, Chat::clone(chat)))
            }
            _ => Err(Refusal::Expired),
        }
    }

    /// A call that is this agent's, also while they give it away.
    fn owned(
        &self,
        now: Timestamp,
        agent: &str,
        call: &ConversationId,
    ) -> Result<Work<'_>, Refusal> {
        let chat = self.chats.get(call).ok_or(Refusal::NoSuchChat)?;
        if chat.owner().is_none_or(|owner| **owner != *agent) {
            return Err(Refusal::NoSuchChat);
        }
        Ok(Work::on(self, now, Chat::clone(chat)))
    }

    fn take(&self, now: Timestamp, agent: &str, call: &ConversationId) -> Result<Step, Refusal> {
        let chat = self.chats.get(call).ok_or(Refusal::NoSuchChat)?;
        let queue = chat.queue().ok_or(Refusal::NoSuchChat)?;
        if **queue != *agent && !self.book.groups_of(agent).any(|group| group.dn == *queue) {
            return Err(Refusal::NoSuchChat);
        }
        if !matches!(chat.phase, Phase::Queued { .. }) {
            return Err(Refusal::Expired);
        }
        if chat.owner().is_some_and(|owner| **owner == *agent) {
            return Err(Refusal::NotInCall);
        }
        let known = self.agents.get(agent).filter(|known| known.is_linked(now));
        let record = self.book.agent(agent).ok_or(Refusal::NoSuchAgent)?;
        let known = known.ok_or(Refusal::NotInCall)?;
        if known.slots.len() >= record.max as usize {
            return Err(Refusal::Full);
        }
        let mut work = Work::on(self, now, Chat::clone(chat));
        work.answered_by(agent);
        Ok(work.finish())
    }

    fn hold(
        &self,
        now: Timestamp,
        agent: &str,
        call: &ConversationId,
        on: bool,
    ) -> Result<Step, Refusal> {
        let mut work = self.owned(now, agent, call)?;
        let Phase::Agent { held, .. } = &mut work.chat.phase else {
            return Err(Refusal::NotInCall);
        };
        if std::mem::replace(held, on) != on {
            let state = if on { CallState::Held } else { CallState::Resumed };
            work.say_of(agent, state, None);
        }
        Ok(work.finish())
    }

    fn transfer(
        &self,
        now: Timestamp,
        agent: &str,
        call: &ConversationId,
        to: &str,
        comment: Option<Box<str>>,
    ) -> Result<Step, Refusal> {
        check_comment(comment.as_deref())?;
        let mut work = self.owned(now, agent, call)?;
        let Phase::Agent { queue, .. } = work.chat.phase.clone() else {
            return Err(Refusal::NotInCall);
        };
        let target = self.book.dial(to).filter(|record| record.dn() != agent);
        let target = target.ok_or(Refusal::BadTarget)?;
        let kind = match target.kind() {
            crate::DnKind::Virtual => PartyKind::Bot,
            _ => PartyKind::Agent,
        };
        if let Some(comment) = comment {
            work.write(agent, What::Note(comment), None);
        }
        work.chat.former = Some(Former::Agent { agent: agent.into(), queue });
        work.say_that(agent, CallState::Forwarded, 181);
        let party = work.party(target.dn(), kind);
        work.say(agent, about(CallState::Transferred, party), None);
        work.chat.been_to.clear();
        work.chat.look_at = None;
        work.why = Some(Why::Transferred);
        work.place(target.dn());
        match work.failed {
            // Nobody there can take it now: then nothing has happened.
            Some(code) => Err(Refusal::Unreachable { code, phrase: phrase(code) }),
            None => Ok(work.finish()),
        }
    }

    fn wrapup_done(
        &self,
        now: Timestamp,
        agent: &str,
        call: &ConversationId,
    ) -> Result<Step, Refusal> {
        let known = self.agents.get(agent).ok_or(Refusal::NoSuchChat)?;
        let slot = known.slot(call).ok_or(Refusal::NoSuchChat)?;
        if slot.kind != SlotKind::Wrapup {
            return Err(Refusal::NotInCall);
        }
        let chat = self.chats.get(call).filter(
            |chat| matches!(&chat.phase, Phase::Wrapup { agent: by, .. } if **by == *agent),
        );
        if let Some(chat) = chat {
            let mut work = Work::on(self, now, Chat::clone(chat));
            work.written_up();
            return Ok(work.finish());
        }
        // The call goes on with somebody else.
        let mut known = super::Agent::clone(known);
        known.slots.retain(|slot| slot.call != *call);
        known.idle_since = now;
        Ok(Step { agents: vec![known], ..Step::default() })
    }
}

impl Work<'_> {
    fn close(
        &mut self,
        agent: &str,
        comment: Option<Box<str>>,
        codes: Vec<Box<str>>,
    ) -> Result<(), Refusal> {
        check_comment(comment.as_deref())?;
        if codes.len() > CODES_MAX {
            return Err(Refusal::TooLong("there are too many categories"));
        }
        if codes.iter().any(|code| code.chars().count() > CODE_CHARS_MAX) {
            return Err(Refusal::TooLong("a category is too long"));
        }
        if let Some(comment) = comment {
            self.write(agent, What::Note(comment), None);
        }
        if !codes.is_empty() {
            self.write(agent, What::Codes(codes), None);
        }
        self.end(200, TERMINATED, By::Agent);
        Ok(())
    }
}

fn check_comment(comment: Option<&str>) -> Result<(), Refusal> {
    if comment.is_some_and(|comment| comment.chars().count() > COMMENT_CHARS_MAX) {
        return Err(Refusal::TooLong("the comment is too long"));
    }
    Ok(())
}
