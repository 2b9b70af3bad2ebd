//! Keeping what was asked and answered elsewhere.
//!
//! Some protocols answer in the very call that asks, by something that is no bot of the hall's: then
//! there is no delivery, and nothing to hand over. What was said is kept all the same, in a
//! conversation like any other, together with the small values that it changed.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Account, Activity, Kind, Role};
use maru_store::{
    Change, Conversation, Member, Meta, NewEntry, Op, Opening, Receipt, StateWrite, Turn,
};
use tokio::time::Instant;

use crate::error::OPEN_ALREADY;
use crate::hall::user_member;
use crate::known::Known;
use crate::posting::audience;
use crate::{Error, Hall};

/// What was asked and answered.
#[derive(Debug)]
pub struct Exchange {
    /// The conversation, as it is or would be opened. Its bot need not have a record.
    pub conversation: Arc<Conversation>,
    /// The user.
    pub user: Account,
    /// Who answers.
    pub bot: Account,
    /// What was said, in order: what a user says begins a turn, and the rest belongs to it.
    pub said: Vec<Exchanged>,
    /// Small values to write in the same commit. If one is not as it is expected to be, nothing is
    /// kept.
    pub states: Vec<StateWrite>,
}

/// One thing that was said.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// On which side its sender stands.
    pub role: Role,
    /// What was said. Its `from.id` is the sender.
    pub activity: Activity,
    /// What stands beside it.
    pub meta: Meta,
}

impl Hall {
    /// Keeps an exchange in one commit, and opens its conversation if it is not there. Nothing is
    /// handed to anybody; whoever listens is woken.
    ///
    /// # Errors
    /// [`Error::Conflict`] if one of [`Exchange::states`] is not as it was expected; what the store
    /// says.
    pub async fn exchange(&self, exchange: Exchange) -> Result<(), Error> {
        if exchange.said.is_empty() {
            let realm = &exchange.conversation.realm;
            return self.write(realm, exchange.states, Vec::new()).await;
        }
        let Conversation { realm, id, .. } = &*exchange.conversation;
        let known = self.known(realm, id).await?;
        let Some(known) = known else {
            match self.keep_exchange(&exchange, None).await {
                // Another node opened it in the same moment.
                Err(Error::Conflict(OPEN_ALREADY)) => {}
                kept => return kept,
            }
            let known = self.known(realm, id).await?.ok_or(Error::UnknownConversation)?;
            return self.keep_exchange(&exchange, Some(known)).await;
        };
        self.keep_exchange(&exchange, Some(known)).await
    }

    /// Into the conversation that is known; or into a new one.
    async fn keep_exchange(
        &self,
        exchange: &Exchange,
        known: Option<Arc<Known>>,
    ) -> Result<(), Error> {
        let started = Instant::now();
        let conversation = &exchange.conversation;
        let mut change = Change::to(conversation.id.clone());
        let mut next_seq = 0;
        let known = match known {
            Some(known) => {
                next_seq = self.head(conversation).await?.next_seq;
                known
            }
            None => {
                change.open = Some(Opening {
                    channel: conversation.channel.clone(),
                    channel_kind: Arc::clone(&conversation.channel_kind),
                    bot: conversation.bot.clone(),
                });
                change.members = members(exchange);
                Arc::new(Known::new(Arc::clone(conversation), Some(&exchange.user.id)))
            }
        };
        change.entries = entries(&exchange.said, next_seq);
        let mut commit = self.commit_of(&conversation.realm, change);
        commit.states.clone_from(&exchange.states);
        let receipt = self.apply_commit(&known, commit, Duration::ZERO).await?;
        self.count(&exchange.said, started.elapsed(), &receipt);
        Ok(())
    }

    fn count(&self, said: &[Exchanged], took: Duration, receipt: &Receipt) {
        for Exchanged { role, activity, .. } in said {
            self.inner.metrics.posted(*role, &activity.kind, took, receipt);
        }
    }
}

fn members(exchange: &Exchange) -> Vec<Member> {
    let conversation = &exchange.conversation;
    let bot = Member {
        role: Role::Bot,
        account: exchange.bot.clone(),
        verified: true,
        person: Member::person_of(&conversation.channel, &exchange.bot.id),
    };
    vec![bot, user_member(conversation, exchange.user.clone(), true)]
}

/// The entries, if the first stands at `next_seq`. Should another node have said something in
/// between, the answers are counted to that.
fn entries(said: &[Exchanged], next_seq: u64) -> Vec<NewEntry> {
    let mut begun = None;
    let placed = (next_seq..).zip(said);
    let entries = placed.map(|(seq, Exchanged { role, activity, meta })| {
        let begins = *role == Role::User && !matches!(activity.kind, Kind::Trace);
        if begins {
            begun = Some(seq);
        }
        NewEntry {
            audience: audience(&activity.kind),
            kind: activity.kind.clone(),
            role: *role,
            sender: activity.from.id.as_str().into(),
            turn: match begun {
                _ if begins => Turn::Begins,
                Some(seq) => Turn::Of(seq),
                None => Turn::None,
            },
            op: Op::Say,
            body: activity.body.clone(),
            meta: meta.clone(),
        }
    });
    entries.collect()
}
