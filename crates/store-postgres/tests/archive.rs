//! Moving between databases, and between engines both ways.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::env::Env;
use maru_store::contract::Subject;
use maru_store_postgres::{Options, PostgresStore};
use maru_store_sqlite::{Options as SqliteOptions, SqliteStore};
use maru_testkit::PostgresDatabase;

struct Database(PostgresDatabase);

impl Database {
    fn new() -> Self {
        Self(PostgresDatabase::fresh("archive"))
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

struct Sqlite(tempfile::TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }
}

impl Subject for Sqlite {
    type Store = SqliteStore;

    async fn open(&mut self) -> Arc<SqliteStore> {
        let options = SqliteOptions { readers: 2, ..SqliteOptions::new(Env::system()) };
        Arc::new(SqliteStore::open(self.0.path(), options).expect("it opens"))
    }
}

mod to_itself {
    use super::*;
    maru_store::archive_suite!(Database::new(), Database::new());
}

mod from_sqlite {
    use super::*;
    maru_store::archive_suite!(Sqlite::new(), Database::new());
}

mod to_sqlite {
    use super::*;
    maru_store::archive_suite!(Database::new(), Sqlite::new());
}
