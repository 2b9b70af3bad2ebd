//! Schema versions, and what is asked of a database.

use maru_activity::Timestamp;
use maru_activity::env::Env;
use maru_store::Store;
use maru_store_postgres::{Migrated, OpenError, Options, PostgresStore, migrate};
use maru_testkit::{Postgres, PostgresDatabase};
use tokio::task::JoinSet;

use crate::support::World;

fn options(database: &PostgresDatabase, migrate: bool) -> Options {
    Options { migrate, ..Options::new(database.url(), Env::system()) }
}

/// Many that start at once on an empty database all come up; each migration is done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_start_at_once_do_not_get_in_each_others_way() {
    let database = PostgresDatabase::fresh("schema");
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        tasks.spawn(PostgresStore::connect(options(&database, true)));
    }
    for opened in tasks.join_all().await {
        opened.expect("it opens");
    }
    let applied = database.psql("SELECT count(*), max(version) FROM refinery_schema_history");
    let (count, newest) = applied.split_once('|').expect("two columns");
    assert_eq!(count, newest);
}

/// Where migrating is somebody else's task, an old schema is refused until it was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_schema_is_refused_where_it_may_not_be_migrated() {
    let database = PostgresDatabase::fresh("schema");
    let refused = PostgresStore::connect(options(&database, false)).await.map(|_| ());
    let Err(OpenError::NeedsMigration { found: 0, known }) = refused else {
        unreachable!("{refused:?}");
    };
    let done = migrate(database.url()).await.expect("it migrates");
    assert_eq!(done, Migrated { from: 0, to: known });
    let again = migrate(database.url()).await.expect("nothing is left to do");
    assert_eq!(again, Migrated { from: known, to: known });
    PostgresStore::connect(options(&database, false)).await.expect("it opens");
}

/// A schema that was only added to is worked on, and left alone; one that something was taken from is
/// refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_worked_on_only_if_it_allows() {
    let database = PostgresDatabase::fresh("schema");
    migrate(database.url()).await.expect("it migrates");
    database.psql(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
         VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')",
    );
    for may_migrate in [true, false] {
        PostgresStore::connect(options(&database, may_migrate)).await.expect("it was added to");
    }
    database.psql("UPDATE meta SET value = 99 WHERE name = 'min_program'");
    let refused = PostgresStore::connect(options(&database, true)).await.map(|_| ());
    assert!(matches!(refused, Err(OpenError::Newer { found: 99, .. })), "{refused:?}");
}

/// A database that cannot hold every text is refused, and so is a server that is not there; nothing
/// tells the password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_refused_when_it_is_opened() {
    let server = Postgres::start_new();
    server.psql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    let refused = PostgresStore::connect(Options::new(server.url_of("latin"), Env::system())).await;
    assert!(matches!(&refused, Err(OpenError::Encoding(name)) if name == "LATIN1"), "{refused:?}");
    let port = server.port();
    drop(server);
    let url = format!("postgres://maru:hunter2@127.0.0.1:{port}/latin");
    let options = Options::new(url, Env::system());
    assert!(!format!("{options:?}").contains("hunter2"));
    let refused = PostgresStore::connect(options).await.expect_err("nobody is there");
    assert!(matches!(refused, OpenError::Unreachable(_)), "{refused:?}");
    assert!(!format!("{refused:?} {refused}").contains("hunter2"));
}

/// Each restore raises the epoch, to the time of it at least, for those who open the store then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_raises_the_epoch() {
    let database = PostgresDatabase::fresh("schema");
    let world = World::open(database.url()).await;
    assert_eq!(world.store.restore_epoch(), 0);
    let at = Timestamp::from_secs(1_700_000_000);
    assert_eq!(world.store.raise_restore_epoch(at).await, Ok(1_700_000_000));
    assert_eq!(world.store.raise_restore_epoch(at).await, Ok(1_700_000_001));
    assert_eq!(World::open(database.url()).await.store.restore_epoch(), 1_700_000_001);
    let refused = world.store.backup(std::path::Path::new("/nowhere")).await;
    assert!(matches!(refused, Err(maru_store::Error::Unsupported(_))), "{refused:?}");
}
