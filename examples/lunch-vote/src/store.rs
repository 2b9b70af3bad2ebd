//! Where votes are kept: one SQLite file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::booth::Booth;

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(2);

/// A person's row holds their last vote and its day: so nobody has two votes a day, and no old ones
/// pile up.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS lunch_group (
        id INTEGER PRIMARY KEY,
        code TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE IF NOT EXISTS restaurant (
        id INTEGER PRIMARY KEY,
        group_id INTEGER NOT NULL REFERENCES lunch_group ON DELETE CASCADE,
        name TEXT NOT NULL,
        folded TEXT NOT NULL,
        UNIQUE (group_id, folded)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS person (
        user_key TEXT PRIMARY KEY,
        group_id INTEGER NOT NULL REFERENCES lunch_group,
        choice INTEGER REFERENCES restaurant ON DELETE SET NULL,
        day INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS person_by_group ON person (group_id);
    CREATE INDEX IF NOT EXISTS person_by_choice ON person (choice, day);
";

/// The groups, their restaurants and their votes.
#[derive(Debug)]
pub struct Store {
    db: Connection,
}

impl Store {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// The file cannot be opened, or is no database of this program.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // A vote that was confirmed is on the disk.
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.execute_batch(SCHEMA)?;
        Ok(Self { db })
    }

    /// Lets one person do something on a day, all of it or nothing.
    pub(crate) fn visit<T>(
        &mut self,
        user_key: &str,
        today: i64,
        act: impl FnOnce(&Booth<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // Immediate: what is read is still true when it is written.
        let transaction = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let done = act(&Booth::new(&transaction, user_key, today))?;
        transaction.commit()?;
        Ok(done)
    }
}
