//! The contract of all stores, on PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::env::Env;
use maru_store::contract::Subject;
use maru_store_postgres::{Options, PostgresStore};
use maru_testkit::PostgresDatabase;

struct Database(PostgresDatabase);

impl Database {
    fn new() -> Self {
        Self(PostgresDatabase::fresh("contract"))
    }
}

impl Subject for Database {
    type Store = PostgresStore;

    async fn open(&mut self) -> Arc<PostgresStore> {
        let options = Options::new(self.0.url(), Env::system());
        let store = PostgresStore::connect(options).await.expect("it opens");
        // A store that is dropped frees its leases in the background.
        while self.0.psql("SELECT count(*) FROM nodes") != "1" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Arc::new(store)
    }
}

maru_store::contract_suite!(Database::new());
