//! The contract of all stores, on SQLite.

use std::sync::Arc;

use maru_activity::env::Env;
use maru_store::contract::Subject;
use maru_store_sqlite::{Options, SqliteStore};

struct Sqlite(tempfile::TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }
}

impl Subject for Sqlite {
    type Store = SqliteStore;

    async fn open(&mut self) -> Arc<SqliteStore> {
        let options = Options { readers: 2, ..Options::new(Env::system()) };
        Arc::new(SqliteStore::open(self.0.path(), options).expect("it opens"))
    }
}

maru_store::contract_suite!(Sqlite::new());

maru_store::archive_suite!(Sqlite::new(), Sqlite::new());
