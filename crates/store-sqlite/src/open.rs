//! Opening the database: connections, pragmas, migrations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use maru_activity::env::Env;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The database's file within its folder; SQLite keeps `-wal` and `-shm` files beside it.
pub const FILE: &str = "maru.db";

/// How long a connection waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(5);

/// How the store works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many reading threads there are.
    pub readers: usize,
    /// How many commits may share a transaction.
    pub batch_max: usize,
    /// How many bytes of bodies may share a transaction, if more than one commit does.
    pub batch_bytes_max: usize,
    /// How many commits may wait for the writer before callers wait to hand theirs over.
    pub queue_max: usize,
    /// Of how many conversations the head is kept in memory.
    pub heads_max: usize,
    /// Where the time and the randomness come from.
    pub env: Env,
}

impl Options {
    /// The defaults: 4 readers, batches of 256 commits or 1 MiB.
    pub fn new(env: Env) -> Self {
        Self {
            readers: 4,
            batch_max: 256,
            batch_bytes_max: 1 << 20,
            queue_max: 4_096,
            heads_max: 65_536,
            env,
        }
    }
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was written by a newer version of the program, whose schema this one does not know.
    #[error(
        "the database has schema version {found}, and this program knows up to {known}: \
         it was written by a newer version of Maru, which is the one to run"
    )]
    Newer {
        /// The database's version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// A migration failed. The database is as it was before.
    #[error("the database could not be brought up to date")]
    Migration(#[source] Box<refinery::Error>),
    /// SQLite refuses.
    #[error("the database cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// The folder or a thread cannot be made.
    #[error("the database's folder cannot be used")]
    Io(#[from] std::io::Error),
}

/// The schema version of the database in a folder; 0 when there is none, or it is empty. Nothing is
/// written.
///
/// # Errors
/// When it cannot be opened.
pub fn found_schema(folder: &Path) -> Result<u32, OpenError> {
    let database = database_in(folder);
    if !database.try_exists()? {
        return Ok(0);
    }
    Ok(found_version(&reader(&database)?)?)
}

/// The newest schema version that this program knows.
pub fn known_schema() -> u32 {
    let runner = embedded::migrations::runner();
    let newest = runner.get_migrations().iter().map(|migration| migration.version()).max();
    newest.and_then(|version| u32::try_from(version).ok()).unwrap_or(0)
}

/// The database's schema version; 0 when it is empty.
pub(crate) fn found_version(conn: &Connection) -> rusqlite::Result<u32> {
    let has_history: bool = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )?;
    if !has_history {
        return Ok(0);
    }
    let found = conn
        .query_row("SELECT max(version) FROM refinery_schema_history", [], |row| {
            row.get::<_, Option<u32>>(0)
        })
        .optional()?;
    Ok(found.flatten().unwrap_or(0))
}

/// Opens the connection that writes, makes the database if there is none, and brings its schema up
/// to date.
pub(crate) fn writer(database: &Path) -> Result<Connection, OpenError> {
    let mut conn = Connection::open(database)?;
    conn.busy_timeout(BUSY)?;
    // Before anything is written: a newer database stays untouched, its journal mode too.
    let (found, known) = (found_version(&conn)?, known_schema());
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    if found == 0 {
        // A commit touches about nine pages, each of which goes to the log whole: small ones.
        conn.pragma_update(None, "page_size", 4_096)?;
    }
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Nothing refers across tables by SQLite's own foreign keys; the writer sees to it.
    conn.pragma_update(None, "foreign_keys", false)?;
    // No page goes to the log before its COMMIT: a batch that fails leaves nothing behind.
    conn.pragma_update(None, "cache_spill", false)?;
    // What is deleted or overwritten is zeroed, so that an erasure is one.
    conn.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    // Larger is slower: after each commit that rebalanced a tree SQLite looks through all of the cache
    // (it thinks that the page of the lock byte was in it), and what is missing the system has.
    conn.pragma_update(None, "cache_size", -8_192)?;
    // The checkpointer's work, on its own thread.
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    embedded::migrations::runner()
        .run(&mut conn)
        .map_err(|error| OpenError::Migration(Box::new(error)))?;
    conn.set_prepared_statement_cache_capacity(96);
    Ok(conn)
}

/// Opens a connection that only reads.
pub(crate) fn reader(database: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(database, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "cache_size", -8_192)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Opens the connection that moves pages from the log into the database.
pub(crate) fn checkpointer(database: &Path) -> Result<Connection, OpenError> {
    let conn = Connection::open(database)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // The writer closes last, and decides whether to checkpoint then.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(conn)
}

/// The database in a folder.
pub(crate) fn database_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use refinery::Target;

    use super::*;

    #[test]
    fn what_the_first_schema_kept_is_there_in_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let database = database_in(folder.path());
        let mut first = Connection::open(&database).unwrap();
        let runner = embedded::migrations::runner().set_target(Target::Version(1));
        runner.run(&mut first).unwrap();
        let put = "INSERT INTO states (realm, scope, key, version, at, until, value) \
                   VALUES ('r', 's', ?1, 7, 1, 2, ?2)";
        for (key, length) in [("short", 1), ("long", 9_000)] {
            first.execute(put, (key, vec![b'v'; length])).unwrap();
        }
        drop(first);
        let newest = writer(&database).unwrap();
        assert_eq!(found_version(&newest).unwrap(), known_schema());
        let read = "SELECT version, at, until, length(value) FROM states WHERE key = ?1";
        for (key, length) in [("short", 1), ("long", 9_000)] {
            let found: (u32, u32, u32, u32) = newest
                .query_row(read, [key], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
                .unwrap();
            assert_eq!(found, (7, 1, 2, length));
        }
        // A row of the table, and not of an index.
        assert!(newest.query_row("SELECT rowid FROM states", [], |_| Ok(())).is_ok());
    }
}
