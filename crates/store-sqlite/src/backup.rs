//! Backups and restoring them.
//!
//! A backup is `VACUUM INTO` on a connection of its own. That reads one snapshot, so the copy is
//! consistent and has everything that was committed before; the writer goes on meanwhile, and the
//! only price is that the write-ahead log is not started anew until it is done. (The online backup
//! API would either start over at each commit, or have the writer spend its time on it.)

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use maru_activity::Timestamp;
use maru_store::{Erased, Error};
use rusqlite::{Connection, OpenFlags};

use crate::open::{self, OpenError};
use crate::rows::fault;
use crate::writer::erase::{self, Erasure};

/// Why a backup could not be restored. The folder is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a database already where the backup is to go.
    #[error("there is a database already: {}", .0.display())]
    Exists(PathBuf),
    /// The backup is damaged: what SQLite's check says first.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An erasure of the journal cannot be read.
    #[error("the journal of erasures cannot be read")]
    Journal(#[source] Error),
    /// SQLite refuses.
    #[error("the backup cannot be restored")]
    Sqlite(#[from] rusqlite::Error),
    /// It cannot be copied.
    #[error("the backup cannot be copied")]
    Io(#[from] std::io::Error),
}

/// What restoring came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// How often this database was restored now; it stands in watermarks from now on.
    pub restore_epoch: u32,
    /// What the journal's erasures took away anew.
    pub erased: Erased,
}

/// Writes a copy of `database` to `target`, which must not be there yet.
pub(crate) fn write(database: &Path, target: &Path) -> Result<(), Error> {
    let failed = |what: &str, error: std::io::Error| {
        Error::Unavailable(Arc::from(format!("the backup cannot be {what}: {error}")))
    };
    if target.try_exists().map_err(|e| failed("written", e))? {
        return Err(Error::Exists);
    }
    let part = beside(target, ".part");
    remove(&part).map_err(|e| failed("begun", e))?;
    let copied = copy_snapshot(database, &part).map_err(|error| fault(&error));
    let kept = copied
        .and_then(|()| publish(&part, target).map_err(|error| failed("put in its place", error)));
    if kept.is_err() {
        // Best effort: the error that counts is the one before.
        let _ = remove(&part);
    }
    kept
}

fn copy_snapshot(database: &Path, part: &Path) -> rusqlite::Result<()> {
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    let path = part.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(part.to_owned()))?;
    conn.execute("VACUUM INTO ?1", [path])?;
    Ok(())
}

/// The journal of erasures in a database or a backup, oldest first, for [`restore`].
///
/// # Errors
/// What SQLite says.
pub fn erasures_in(database: &Path) -> Result<Vec<Bytes>, OpenError> {
    // Not read-only: a database that was not closed has its newest pages in the log, which only
    // a connection that may write can recover.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let conn = Connection::open_with_flags(database, flags)?;
    Ok(erase::list(&conn)?)
}

/// Makes the database in `folder` from a backup: checks it, copies it, brings its schema up to
/// date, raises the restore epoch (so that watermarks given out before are not believed), and
/// repeats those erasures of `journal` that the backup does not know of.
///
/// The epoch is the time of restoring, `at`, in seconds: one backup may be restored again and again,
/// here and elsewhere, and each time its watermarks must differ from those of the times before.
///
/// # Errors
/// [`RestoreError::Exists`] if there is a database already; see there for the others.
pub fn restore(
    backup: &Path,
    folder: &Path,
    journal: &[Bytes],
    at: Timestamp,
) -> Result<Restored, RestoreError> {
    let target = open::database_in(folder);
    let leftovers = [target.clone(), beside(&target, "-wal"), beside(&target, "-shm")];
    for path in leftovers {
        // A log of another database beside the new one would be taken for its own.
        if path.try_exists()? {
            return Err(RestoreError::Exists(path));
        }
    }
    let journal: Result<Vec<Erasure>, Error> =
        journal.iter().map(|value| Erasure::parse(value)).collect();
    let journal = journal.map_err(RestoreError::Journal)?;
    fs::create_dir_all(folder)?;
    let part = beside(&target, ".part");
    remove_database(&part)?;
    let restored = fs::copy(backup, &part)
        .map_err(RestoreError::from)
        .and_then(|_| prepare(&part, &journal, at))
        .and_then(|restored| {
            publish(&part, &target)?;
            Ok(restored)
        });
    if restored.is_err() {
        // Best effort: the error that counts is the one before.
        let _ = remove_database(&part);
    }
    restored
}

fn prepare(part: &Path, journal: &[Erasure], at: Timestamp) -> Result<Restored, RestoreError> {
    let conn = open::writer(part)?;
    let check: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if check != "ok" {
        return Err(RestoreError::Damaged(check));
    }
    let transaction = conn.unchecked_transaction()?;
    let restore_epoch = transaction.query_row(
        "UPDATE meta SET value = max(value + 1, ?1) WHERE name = 'restore_epoch' RETURNING value",
        // Watermarks have room for it until the year 2106.
        [u32::try_from(at.as_secs()).unwrap_or(0)],
        |row| row.get(0),
    )?;
    let erased = erase::repeat(&transaction, journal)?;
    transaction.commit()?;
    erase::scrub(&conn)?;
    // The file goes to its place alone, so nothing may be left in a log beside it.
    conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    conn.close().map_err(|(_, error)| error)?;
    Ok(Restored { restore_epoch, erased })
}

/// Gives a finished file its name, so that after a crash it is there whole or not at all.
fn publish(part: &Path, target: &Path) -> std::io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, target)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_database(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove(&beside(path, suffix))?;
    }
    Ok(())
}
