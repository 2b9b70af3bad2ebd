//! What the tests stand on: a store in a folder of its own, and a clock that is set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use maru_accounts::{Accounts, Error, InstanceKey, Leeway, SYSTEM_REALM};
use maru_activity::env::{Clock, Env, SystemRandom};
use maru_activity::{CommitId, Timestamp};
use maru_store::{Commit, StateWrite, Store};
use maru_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

/// The time at which every test begins, in seconds since the Unix epoch.
pub(crate) const NOW: i64 = 1_800_000_000;

/// An instance key for tests; any 32 bytes do.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(crate) const OTHER_KEY: &str = "HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

#[derive(Debug)]
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct House {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<Hands>,
    pub(crate) env: Env,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(Hands(AtomicI64::new(NOW)));
        let env =
            Env { clock: Arc::clone(&clock) as Arc<dyn Clock>, random: Arc::new(SystemRandom) };
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path(), Options::new(env.clone())).unwrap();
        Self { store: Arc::new(store), clock, env, _folder: folder }
    }

    /// Takes away one of the server's own values.
    pub(crate) async fn forget(&self, scope: &str, key: &str) {
        let id = CommitId(self.env.uuid());
        let mut commit = Commit::new(id, SYSTEM_REALM.into(), self.env.now());
        commit.states.push(StateWrite::delete(scope, key));
        self.store.commit(commit).await.unwrap();
    }

    pub(crate) async fn accounts(&self) -> Arc<Accounts> {
        self.open(KEY, Leeway::default()).await.unwrap()
    }

    pub(crate) async fn open(&self, key: &str, leeway: Leeway) -> Result<Arc<Accounts>, Error> {
        let key = InstanceKey::from_text(key).unwrap();
        Accounts::open_with(Arc::clone(&self.store), self.env.clone(), key, leeway).await
    }
}
