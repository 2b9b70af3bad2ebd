//! The two indexes that every post adds to, each in two tables: a large one, and a small one for
//! what is recent.
//!
//! Conversations take turns, so a batch of commits adds to as many places of an index as there are
//! conversations in it, and every page that is touched goes to the write-ahead log whole. The
//! small table has so few pages that a batch shares them. What is in it moves on in the order of
//! the index, so that the neighbors that gathered in the meantime share a page of the large one.
//! It moves within the transactions of commits, a slice at a time, and costs no sync of its own.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::keep::Key;
use crate::rows::{self, int};

/// From how many rows on the small table is made smaller: about 15 pages of places.
const ROWS_MAX: u64 = 4_096;

/// How many rows move at once.
const SLICE: u64 = 512;

/// One of the two indexes.
#[derive(Debug)]
pub(crate) struct Recent {
    sql: &'static Sql,
    /// How many rows the small table has, at most; not known at first, and after a rollback.
    rows: Option<u64>,
    /// The last row that moved; the next slice follows it.
    last: (i64, Value),
}

#[derive(Debug)]
struct Sql {
    count: &'static str,
    /// The last row of the next slice.
    end: &'static str,
    copy: &'static str,
    clear: &'static str,
}

const PLACES: Sql = Sql {
    count: "SELECT count(*) AS rows FROM places_recent",
    end: "SELECT conv, seq FROM places_recent WHERE (conv, seq) > (?1, ?2) \
          ORDER BY conv, seq LIMIT 1 OFFSET ?3",
    copy: "INSERT INTO places (conv, seq, entry) SELECT conv, seq, entry FROM places_recent \
           WHERE (conv, seq) > (?1, ?2) AND (conv, seq) <= (?3, ?4) ORDER BY conv, seq",
    clear: "DELETE FROM places_recent WHERE (conv, seq) > (?1, ?2) AND (conv, seq) <= (?3, ?4)",
};

const KEYS: Sql = Sql {
    count: "SELECT count(*) AS rows FROM keys_recent",
    end: "SELECT conv, hash FROM keys_recent WHERE (conv, hash) > (?1, ?2) \
          ORDER BY conv, hash LIMIT 1 OFFSET ?3",
    copy: "INSERT INTO keys (conv, hash, key) SELECT conv, hash, key FROM keys_recent \
           WHERE (conv, hash) > (?1, ?2) AND (conv, hash) <= (?3, ?4) ORDER BY conv, hash",
    clear: "DELETE FROM keys_recent WHERE (conv, hash) > (?1, ?2) AND (conv, hash) <= (?3, ?4)",
};

/// Before every row: conversations are numbered from 1.
const START: (i64, Value) = (0, Value::Null);

impl Recent {
    /// The index of entries by place.
    pub(crate) fn places() -> Self {
        Self { sql: &PLACES, rows: None, last: START }
    }

    /// The index of client keys.
    pub(crate) fn keys() -> Self {
        Self { sql: &KEYS, rows: None, last: START }
    }

    /// What was added and moved was rolled back. The next slice begins at the start again: going
    /// on from here would move a conversation's later places before its earlier ones.
    pub(crate) fn rolled_back(&mut self) {
        (self.rows, self.last) = (None, START);
    }

    /// Notes rows that were added, and moves some on if there are many. Within the transaction
    /// that added them.
    pub(crate) fn added(&mut self, conn: &Connection, more: u64) -> rusqlite::Result<()> {
        let mut rows = match self.rows {
            Some(rows) => rows + more,
            None => count(conn, self.sql)?,
        };
        while rows > ROWS_MAX {
            let moved = self.move_on(conn)?;
            // At the end of the table it begins anew, and retention may have taken rows away.
            rows = if self.last == START { count(conn, self.sql)? } else { rows - moved };
        }
        self.rows = Some(rows);
        Ok(())
    }

    /// Moves the next slice. Tells how many rows it had.
    fn move_on(&mut self, conn: &Connection) -> rusqlite::Result<u64> {
        let (conv, key) = &self.last;
        let end: Option<(i64, Value)> = conn
            .prepare_cached(self.sql.end)?
            .query_row(params![conv, key, int(SLICE - 1)], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (to_conv, to_key) = end.clone().unwrap_or((i64::MAX, Value::Null));
        let slice = params![conv, key, to_conv, to_key];
        let moved = conn.prepare_cached(self.sql.copy)?.execute(slice)?;
        conn.prepare_cached(self.sql.clear)?.execute(slice)?;
        self.last = end.unwrap_or(START);
        Ok(moved as u64)
    }
}

fn count(conn: &Connection, sql: &Sql) -> rusqlite::Result<u64> {
    conn.prepare_cached(sql.count)?.query_row([], |row| rows::uint(row, "rows"))
}

/// Takes places away, wherever they are.
pub(crate) struct Unplace<'a>([CachedStatement<'a>; 2]);

impl<'a> Unplace<'a> {
    pub(crate) fn new(conn: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self([
            conn.prepare_cached("DELETE FROM places WHERE conv = ?1 AND seq = ?2")?,
            conn.prepare_cached("DELETE FROM places_recent WHERE conv = ?1 AND seq = ?2")?,
        ]))
    }

    pub(crate) fn take_away(&mut self, conv: i64, seq: i64) -> rusqlite::Result<()> {
        for delete in &mut self.0 {
            delete.execute([conv, seq])?;
        }
        Ok(())
    }
}

/// Takes client keys away, with what finds them.
pub(crate) fn sweep_keys(conn: &Connection, keys: &[Key]) -> rusqlite::Result<()> {
    let mut deletes = [
        conn.prepare_cached(
            "DELETE FROM keys WHERE (conv, hash) = \
             (SELECT conv, hash FROM client_keys WHERE id = ?1)",
        )?,
        conn.prepare_cached(
            "DELETE FROM keys_recent WHERE (conv, hash) = \
             (SELECT conv, hash FROM client_keys WHERE id = ?1)",
        )?,
        conn.prepare_cached("DELETE FROM client_keys WHERE id = ?1")?,
    ];
    for key in keys {
        for delete in &mut deletes {
            delete.execute([key])?;
        }
    }
    Ok(())
}
