//! What the operator was told: once for all nodes, and over restarts.

use std::fmt;
use std::sync::Arc;

use maru_activity::env::Env;
use maru_activity::{CommitId, RealmId, Timestamp};
use maru_store::{Commit, Error, StateWrite, Store};
use serde::{Deserialize, Serialize};

use crate::QUIET;

const SCOPE: &str = "notify/told";

/// How often a value that others write too is read again.
const LOOKS: usize = 8;

/// What is kept of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// When the operator was told that there is trouble.
    told_at: Timestamp,
    /// Whether the operator is to hear that it is over.
    is_open: bool,
}

pub(crate) struct Ledger {
    store: Arc<dyn Store>,
    env: Env,
}

impl Ledger {
    pub(crate) fn new(store: Arc<dyn Store>, env: Env) -> Self {
        Self { store, env }
    }

    /// Notes a trouble. Whether the operator is to be told: not of what they heard less than an hour
    /// ago.
    pub(crate) async fn raised(&self, realm: &RealmId, cause: &str) -> Result<bool, Error> {
        self.decide(realm, cause, raised).await
    }

    /// Notes that a trouble is over. Whether the operator is to be told: only of what they heard of.
    pub(crate) async fn settled(&self, realm: &RealmId, cause: &str) -> Result<bool, Error> {
        self.decide(realm, cause, settled).await
    }

    async fn decide(
        &self,
        realm: &RealmId,
        cause: &str,
        next: fn(Option<Kept>, Timestamp) -> (Option<Kept>, bool),
    ) -> Result<bool, Error> {
        for _ in 0..LOOKS {
            let state = self.store.state(realm, SCOPE, cause).await?;
            let version = state.as_ref().map_or(0, |state| state.version);
            // A value that cannot be read is as good as none.
            let kept = state.and_then(|state| serde_json::from_slice(&state.value).ok());
            let now = self.env.now();
            let (next, is_news) = next(kept, now);
            let Some(next) = next.filter(|next| Some(*next) != kept) else { return Ok(is_news) };
            let value = serde_json::to_vec(&next).unwrap_or_default();
            let mut write = StateWrite::put(SCOPE, cause, value).at_version(version);
            // What is over and past its hour changes nothing any more.
            write.until = (!next.is_open).then(|| next.told_at.after(QUIET));
            let mut commit = Commit::new(CommitId(self.env.uuid()), realm.clone(), now);
            commit.states.push(write);
            match self.store.commit(commit).await {
                Ok(_) => return Ok(is_news),
                // Another node was faster: see what it wrote.
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        // So many write it that somebody has told.
        Ok(false)
    }
}

fn raised(kept: Option<Kept>, now: Timestamp) -> (Option<Kept>, bool) {
    match kept {
        Some(kept) if now < kept.told_at.after(QUIET) => (Some(kept), false),
        _ => (Some(Kept { told_at: now, is_open: true }), true),
    }
}

fn settled(kept: Option<Kept>, _: Timestamp) -> (Option<Kept>, bool) {
    match kept {
        Some(kept) if kept.is_open => (Some(Kept { is_open: false, ..kept }), true),
        _ => (None, false),
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_cause_is_told_once_an_hour_and_its_end_once() {
        let start = Env::system().now();
        let at = |secs| start.after(Duration::from_secs(secs));
        let (kept, is_news) = raised(None, at(0));
        assert!(is_news);
        let (kept, is_news) = raised(kept, at(3_599));
        assert!(!is_news);
        let (kept, is_news) = settled(kept, at(3_599));
        assert!(is_news);
        let (nothing, is_news) = settled(kept, at(3_599));
        assert!(!is_news && nothing.is_none());
        // It flaps: within the hour nothing more is said, neither that it is back nor that it is over.
        let (kept, is_news) = raised(kept, at(3_599));
        assert!(!is_news);
        assert!(!settled(kept, at(3_599)).1);
        let (kept, is_news) = raised(kept, at(3_600));
        assert!(is_news);
        assert!(settled(kept, at(3_601)).1);
    }
}
