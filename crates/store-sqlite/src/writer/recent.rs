//! The index of entries by place, in two tables: a large one, and a small one for what is recent.
//!
//! Conversations take turns, so a batch of commits adds to as many places of an index as there are
//! conversations in it, and every page that is touched goes to the write-ahead log whole. The
//! small table has so few pages that a batch shares them. What is in it moves on in the order of
//! the index, so that the neighbors that gathered in the meantime share a page of the large one.
//! It moves within the transactions of commits, a slice at a time, and costs no sync of its own.

use rusqlite::{CachedStatement, Connection, OptionalExtension};

use crate::rows::{self, int};

/// From how many rows on the small table is made smaller: about 15 pages of places.
const ROWS_MAX: u64 = 4_096;

/// How many rows move at once.
const SLICE: u64 = 512;

/// The index of entries by place.
#[derive(Debug)]
pub(crate) struct Recent {
    /// How many rows the small table has, at most; not known at first, and after a rollback.
    rows: Option<u64>,
    /// The last row that moved; the next slice follows it.
    last: (i64, i64),
}

/// Before every row: conversations are numbered from 1.
const START: (i64, i64) = (0, 0);

impl Recent {
    /// As it is found on disk.
    pub(crate) fn new() -> Self {
        Self { rows: None, last: START }
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
            None => count(conn)?,
        };
        while rows > ROWS_MAX {
            let moved = self.move_on(conn)?;
            // At the end of the table it begins anew, and retention may have taken rows away.
            rows = if self.last == START { count(conn)? } else { rows - moved };
        }
        self.rows = Some(rows);
        Ok(())
    }

    /// Moves the next slice. Tells how many rows it had.
    fn move_on(&mut self, conn: &Connection) -> rusqlite::Result<u64> {
        let (conv, seq) = self.last;
        let end: Option<(i64, i64)> = conn
            .prepare_cached(
                "SELECT conv, seq FROM places_recent WHERE (conv, seq) > (?1, ?2) \
                 ORDER BY conv, seq LIMIT 1 OFFSET ?3",
            )?
            .query_row([conv, seq, int(SLICE - 1)], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (to_conv, to_seq) = end.unwrap_or((i64::MAX, i64::MAX));
        let slice = [conv, seq, to_conv, to_seq];
        let moved = conn
            .prepare_cached(
                "INSERT INTO places (conv, seq, entry) SELECT conv, seq, entry FROM places_recent \
                 WHERE (conv, seq) > (?1, ?2) AND (conv, seq) <= (?3, ?4) ORDER BY conv, seq",
            )?
            .execute(slice)?;
        conn.prepare_cached(
            "DELETE FROM places_recent WHERE (conv, seq) > (?1, ?2) AND (conv, seq) <= (?3, ?4)",
        )?
        .execute(slice)?;
        self.last = end.unwrap_or(START);
        Ok(moved as u64)
    }
}

fn count(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT count(*) AS rows FROM places_recent")?
        .query_row([], |row| rows::uint(row, "rows"))
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
