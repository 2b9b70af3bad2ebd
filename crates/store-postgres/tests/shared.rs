//! The contract of shared stores, on PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::env::Env;
use maru_store::contract::shared::SharedSubject;
use maru_store_postgres::{Options, PostgresStore};
use maru_testkit::PostgresDatabase;

/// Longer than any test: who lives and who is dead is decided by the test alone.
const LONG: Duration = Duration::from_secs(3_600);

struct Database(PostgresDatabase);

impl Database {
    fn new() -> Self {
        Self(PostgresDatabase::fresh("shared"))
    }
}

impl SharedSubject for Database {
    type Store = PostgresStore;

    async fn open(&mut self) -> Arc<PostgresStore> {
        let options =
            Options { lease: LONG, heartbeat: LONG, ..Options::new(self.0.url(), Env::system()) };
        Arc::new(PostgresStore::connect(options).await.expect("it opens"))
    }

    async fn kill(&mut self, store: &PostgresStore) {
        let node = store.node();
        self.0.psql(&format!(
            "UPDATE nodes SET until = 0 WHERE id = '{node}'; \
             UPDATE timers SET held_until = 0 WHERE held_by = '{node}'"
        ));
    }
}

maru_store::shared_contract_suite!(Database::new());
