//! One call of a user at a time: two taps in flight would otherwise be given one answer twice.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use maru_activity::RealmId;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

/// At how many users to look first for those who are gone.
const LOOK_AT: usize = 1_024;

type Users = HashMap<(RealmId, String), Weak<Turn<()>>>;

/// The turns of users on this node.
#[derive(Default)]
pub(crate) struct Turns {
    users: Mutex<Users>,
}

impl Turns {
    /// Waits for a user's turn, until the deadline at most.
    pub(crate) async fn take(
        &self,
        realm: &RealmId,
        key: &str,
        deadline: Instant,
    ) -> Option<OwnedMutexGuard<()>> {
        let turn = self.of(realm, key);
        timeout_at(deadline, turn.lock_owned()).await.ok()
    }

    fn of(&self, realm: &RealmId, key: &str) -> Arc<Turn<()>> {
        let mut users = self.users.lock();
        // Each look costs as much as the users that came since the last one.
        if users.len() >= LOOK_AT && users.len() == users.capacity() {
            users.retain(|_, turn| turn.strong_count() > 0);
        }
        let place = users.entry((realm.clone(), key.to_owned())).or_default();
        place.upgrade().unwrap_or_else(|| {
            let turn = Arc::new(Turn::new(()));
            *place = Arc::downgrade(&turn);
            turn
        })
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}
