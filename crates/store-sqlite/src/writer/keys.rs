//! Where client keys are: the index that tells a repeated post from a new one.
//!
//! Conversations take turns, so an index on disk would have each batch of commits change as many of
//! its pages as there are conversations in it, and each of these goes to the write-ahead log whole.
//! A key's row stands in `client_keys`, in the order of writing. Until thousands have come, where it
//! is is kept in memory alone, and looked up again when the database is opened. Then they move to
//! the table `keys` in its order, so that neighbors share a page: within the transactions of
//! commits, a few at a time.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::keep::Key;

/// How many keys gather before they move: half a MiB of memory, twice while others move.
const GATHER: usize = 8_192;

/// How many move for each that comes, so that all have moved long before as many have gathered again.
const PACE: usize = 4;

/// A key: the conversation's number, and what [`maru_store::ClientKey::hash`] gives.
pub(crate) type Name = (i64, [u8; 16]);

/// The keys that the index does not have yet, each with its row.
#[derive(Debug, Default)]
pub(crate) struct Unindexed {
    gathered: HashMap<Name, i64>,
    /// Those that move, in the order of the index.
    moving: Vec<(Name, i64)>,
    /// How many of them have moved, and how many will have once the open transaction is committed.
    moved: usize,
    moved_then: usize,
}

impl Unindexed {
    /// Finds them on disk: those behind the last that is known to be in the index.
    pub(crate) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut find = conn.prepare_cached(
            "SELECT conv, hash, id FROM client_keys \
             WHERE id > (SELECT value FROM meta WHERE name = 'keys_indexed')",
        )?;
        let rows = find.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
        Ok(Self { gathered: rows.collect::<Result<_, _>>()?, ..Self::default() })
    }

    /// The row of a key; `None` if it is in the index, or not there.
    pub(crate) fn find(&self, name: &Name) -> Option<i64> {
        if let Some(row) = self.gathered.get(name) {
            return Some(*row);
        }
        let at = self.moving.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        self.moving.get(at).map(|(_, row)| *row)
    }

    /// Moves some on, within the transaction that adds so many.
    pub(crate) fn move_on(&mut self, conn: &Connection, added: usize) -> rusqlite::Result<()> {
        let end = self.moving.len().min(self.moved + PACE * added);
        if end == self.moved {
            return Ok(());
        }
        index(conn, &self.moving[self.moved..end])?;
        if end == self.moving.len() {
            let last = self.moving.iter().map(|(_, row)| *row).max();
            conn.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'keys_indexed'")?
                .execute([last])?;
        }
        self.moved_then = end;
        Ok(())
    }

    /// Moves all on. Within a transaction behind which [`all_indexed`] holds and nothing of this is
    /// needed any more.
    pub(crate) fn move_all(&self, conn: &Connection) -> rusqlite::Result<()> {
        index(conn, &self.moving)?;
        let mut gathered: Vec<(Name, i64)> = self.gathered.iter().map(|(n, r)| (*n, *r)).collect();
        gathered.sort_unstable();
        index(conn, &gathered)
    }

    /// Notes that the transaction is committed, and what it added.
    pub(crate) fn committed(&mut self, added: HashMap<Name, i64>) {
        self.moved = self.moved_then;
        if self.moved == self.moving.len() {
            (self.moving, self.moved, self.moved_then) = (Vec::new(), 0, 0);
        }
        self.gathered.extend(added);
        if self.gathered.len() >= GATHER && self.moving.is_empty() {
            self.moving = self.gathered.drain().collect();
            self.moving.sort_unstable();
        }
    }

    /// Notes that what was to move has not moved.
    pub(crate) fn rolled_back(&mut self) {
        self.moved_then = self.moved;
    }
}

/// Puts keys into the index. One is there already if the program ended while its neighbors moved.
fn index(conn: &Connection, keys: &[(Name, i64)]) -> rusqlite::Result<()> {
    let mut put =
        conn.prepare_cached("INSERT OR REPLACE INTO keys (conv, hash, key) VALUES (?1, ?2, ?3)")?;
    for ((conv, hash), row) in keys {
        put.execute(params![conv, hash, row])?;
    }
    Ok(())
}

/// Notes that the index has every key.
pub(crate) fn all_indexed(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE meta SET value = (SELECT coalesce(max(id), 0) FROM client_keys) \
         WHERE name = 'keys_indexed'",
    )?
    .execute([])?;
    Ok(())
}

/// Takes client keys away, with what finds them. What was not in the index yet has to be loaded anew
/// in the same transaction: SQLite gives the numbers of the last rows again.
pub(crate) fn sweep(conn: &Connection, keys: &[Key]) -> rusqlite::Result<()> {
    let mut deletes = [
        conn.prepare_cached(
            "DELETE FROM keys WHERE (conv, hash) = \
             (SELECT conv, hash FROM client_keys WHERE id = ?1)",
        )?,
        conn.prepare_cached("DELETE FROM client_keys WHERE id = ?1")?,
    ];
    for key in keys {
        for delete in &mut deletes {
            delete.execute([key])?;
        }
    }
    conn.prepare_cached(
        "UPDATE meta SET value = min(value, (SELECT coalesce(max(id), 0) FROM client_keys)) \
         WHERE name = 'keys_indexed'",
    )?
    .execute([])?;
    Ok(())
}
