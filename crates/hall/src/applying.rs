//! One change of a conversation: a commit, then whoever listens and whoever answers.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{CommitId, RealmId, Role};
use maru_hints::Hint;
use maru_store::{
    Change, Commit, Entry, Error as StoreError, NewEntry, Page, Receipt, State, StateWrite,
    TimerWrite, Turn,
};
use tokio::time::Instant;

use crate::finishing::Finishing;
use crate::known::Known;
use crate::{Error, Hall};

/// How long a settlement is tried again while the store does not answer: a database that fails over
/// is back by then. What was done is otherwise done again.
pub(crate) const SETTLE_PATIENCE: Duration = Duration::from_secs(30);

/// The wait before the first of these tries; it doubles from here.
const TRY_FIRST: Duration = Duration::from_millis(200);

/// The longest wait between them.
const TRY_MAX: Duration = Duration::from_secs(5);

impl Hall {
    /// Makes a commit of a change.
    pub(crate) fn commit_of(&self, realm: &RealmId, change: Change) -> Commit {
        let env = &self.inner.env;
        let mut commit = Commit::new(CommitId(env.uuid()), realm.clone(), env.now());
        commit.conversation = Some(change);
        commit
    }

    /// Commits a change, wakes who listens, and hands over what may go at once.
    pub(crate) async fn apply(&self, known: &Arc<Known>, change: Change) -> Result<Receipt, Error> {
        let commit = self.commit_of(&known.conversation.realm, change);
        self.apply_commit(known, commit, Duration::ZERO).await
    }

    /// Commits, wakes who listens, and hands over what may go at once. All of that happens, whether or
    /// not whoever called waits for it (a client may hang up). While the store does not answer, it is
    /// tried again for as long as `patience`.
    pub(crate) async fn apply_commit(
        &self,
        known: &Arc<Known>,
        commit: Commit,
        patience: Duration,
    ) -> Result<Receipt, Error> {
        let (hall, known) = (self.clone(), Arc::clone(known));
        Finishing::new(async move { hall.apply_here(&known, commit, patience).await }).await
    }

    async fn apply_here(
        &self,
        known: &Arc<Known>,
        mut commit: Commit,
        patience: Duration,
    ) -> Result<Receipt, Error> {
        let conversation = &known.conversation;
        // Bodies are shared, not copied.
        let change = commit.conversation.as_ref();
        let written = change.map(|change| change.entries.clone()).unwrap_or_default();
        commit.states.extend(crate::blobs::claims(conversation, &written));
        commit.timers.extend(self.asked_of_desk(conversation, &written, commit.at));
        let timer = soonest(&commit.timers);
        let receipt = if patience.is_zero() {
            self.inner.store.commit(commit).await?
        } else {
            self.commit_patiently(commit, patience).await?
        };
        if receipt.repeated {
            return Ok(receipt);
        }
        if let Some(due) = timer {
            self.inner.timers.wake_at(due);
        }
        let placed = written.into_iter().zip(&receipt.entries);
        let entries: Arc<[Entry]> = placed.map(|(new, at)| entry_of(new, *at)).collect();
        if let Some(last) = entries.last() {
            let next_seq = last.seq + 1;
            let hint = Hint::Grown { next_seq, entries: Some(Arc::clone(&entries)) };
            self.inner.hints.tell(&conversation.realm, &conversation.id, hint);
        }
        for entry in entries.iter().filter(|e| e.role == Role::Bot && !e.meta.system) {
            if let Some(turn) = entry.turn {
                known.answered(turn);
            }
        }
        if receipt.leased
            && !receipt.behind
            && let Some(first) = receipt.deliveries.first()
        {
            let entry = entries.iter().find(|entry| entry.seq == first.seq).cloned();
            self.hand_over(known, first.clone(), entry);
        }
        Ok(receipt)
    }

    /// Commits, and tries again while the store does not answer. Whether it took place before is
    /// looked up each time, by its id.
    async fn commit_patiently(
        &self,
        commit: Commit,
        patience: Duration,
    ) -> Result<Receipt, StoreError> {
        let store = &self.inner.store;
        let until = Instant::now() + patience;
        let mut wait = TRY_FIRST;
        let mut tried = store.commit(commit.clone()).await;
        loop {
            match tried {
                Err(error) if error.is_retryable() && Instant::now() + wait < until => {
                    tracing::debug!(%error, "tried again");
                }
                settled => return settled,
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(TRY_MAX);
            tried = match store.outcome(&commit.realm, commit.id).await {
                Ok(Some(receipt)) => Ok(receipt),
                Ok(None) => store.commit(commit.clone()).await,
                Err(error) => Err(error),
            };
        }
    }

    /// Writes small values and timers of one realm, in one commit and beside any conversation.
    ///
    /// # Errors
    /// [`Error::Conflict`] if one is not as it was expected; then nothing was written.
    pub async fn write(
        &self,
        realm: &RealmId,
        states: Vec<StateWrite>,
        timers: Vec<TimerWrite>,
    ) -> Result<(), Error> {
        let env = &self.inner.env;
        let due = soonest(&timers);
        let mut commit = Commit::new(CommitId(env.uuid()), realm.clone(), env.now());
        (commit.states, commit.timers) = (states, timers);
        self.inner.store.commit(commit).await?;
        if let Some(due) = due {
            self.inner.timers.wake_at(due);
        }
        Ok(())
    }

    /// A small value as it was written by [`Hall::write`], or together with a post. One that is past
    /// its [`StateWrite::until`] may still be there: whoever reads it checks that.
    ///
    /// # Errors
    /// What the store says.
    pub async fn state(
        &self,
        realm: &RealmId,
        scope: &str,
        key: &str,
    ) -> Result<Option<State>, Error> {
        Ok(self.inner.store.state(realm, scope, key).await?)
    }

    /// The small values of a scope, in the order of their keys, a page at a time; `after` is what the
    /// page before gave as [`Page::next`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn states(
        &self,
        realm: &RealmId,
        scope: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Page<State>, Error> {
        let page = self.inner.store.states(realm, scope, after, limit).await;
        page.map_err(Error::of_listing)
    }
}

/// When the first of the timers that are set falls due.
fn soonest(timers: &[TimerWrite]) -> Option<maru_activity::Timestamp> {
    timers.iter().filter_map(|timer| timer.set.as_ref()).map(|(due, _)| *due).min()
}

fn entry_of(new: NewEntry, at: maru_store::Placed) -> Entry {
    Entry {
        seq: at.seq,
        pos: at.pos,
        at: at.at,
        audience: new.audience,
        kind: new.kind,
        role: new.role,
        sender: new.sender,
        turn: match new.turn {
            Turn::None => None,
            Turn::Begins => Some(at.seq),
            Turn::Of(seq) => Some(seq),
        },
        op: new.op,
        folded: None,
        body: new.body,
        meta: new.meta,
    }
}
