//! Housekeeping: what goes when it is old.
//!
//! What is to go is looked up by a reader, which may take its time; the writer is told what it was
//! and makes sure that it still may go.

use maru_activity::{BotId, RealmId, Timestamp};
use maru_store::{Error, Retention};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::recent::Unplace;
use super::{Unindexed, Writer, keys};
use crate::rows::int;

/// How many rows go in one transaction, so that no post waits long behind it.
pub(crate) const SWEEP_MAX: usize = 2_000;

/// Remembers that rows were moved within or between pages, which leaves copies in gaps that
/// `secure_delete` does not reach.
pub(crate) fn note_rearranged(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("UPDATE meta SET value = 1 WHERE name = 'rearranged' AND value = 0", [])?;
    Ok(())
}

/// An entry that may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Old {
    id: i64,
}

/// Finds entries to which a rule applies. For a reader.
pub(crate) fn find_old(conn: &Connection, rule: &Retention) -> rusqlite::Result<Vec<Old>> {
    let except = serde_json::to_string(&rule.except)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    let mut conversations = conn.prepare_cached(
        "SELECT id FROM conversations WHERE realm = ?1 AND (?2 IS NULL OR channel = ?2) \
         AND channel NOT IN (SELECT value FROM json_each(?3)) ORDER BY id",
    )?;
    let channel = rule.channel.as_ref().map(|channel| channel.as_str());
    let mut conversations = conversations.query(params![rule.realm.as_str(), channel, except])?;
    // Times rise with the places of a conversation, so each is read up to its first young entry
    // only; one query over all would look at every entry there is.
    let mut entries = conn.prepare_cached(
        "SELECT e.id, e.at, EXISTS (SELECT 1 FROM deliveries d \
         WHERE d.conv = e.conv AND d.seq = e.seq AND d.state = 0) AS waits \
         FROM log e WHERE e.conv = ?1 ORDER BY e.seq",
    )?;
    let mut old = Vec::new();
    while let Some(conversation) = conversations.next()? {
        let mut rows = entries.query([conversation.get::<_, i64>(0)?])?;
        while let Some(row) = rows.next()? {
            if old.len() >= rule.limit {
                return Ok(old);
            }
            if row.get::<_, i64>("at")? >= rule.older_than.as_micros() {
                break;
            }
            if !row.get::<_, bool>("waits")? {
                old.push(Old { id: row.get("id")? });
            }
        }
    }
    Ok(old)
}

/// Takes entries away with their deliveries, and keeps the places behind them from being given
/// again. Tells how many went.
pub(crate) fn take_away(conn: &Connection, old: &[Old]) -> rusqlite::Result<u64> {
    let waits = "EXISTS (SELECT 1 FROM deliveries w \
                 WHERE w.conv = e.conv AND w.seq = e.seq AND w.state = 0)";
    // Heads are the same before and after: what the last entry told, its conversation tells now.
    let mut base = conn.prepare_cached(&format!(
        "UPDATE conversations AS c SET base_seq = max(c.base_seq, e.seq + 1), \
         base_pos = max(c.base_pos, e.pos + (e.audience <> 1)), base_at = max(c.base_at, e.at) \
         FROM entries e WHERE e.id = ?1 AND c.id = e.conv AND NOT {waits}"
    ))?;
    let its_deliveries = format!(
        "SELECT d.id FROM entries e JOIN deliveries d ON d.id >= e.outbox \
         AND d.id < e.outbox + e.outbox_count AND d.conv = e.conv AND d.seq = e.seq \
         WHERE e.id = ?1 AND NOT {waits}"
    );
    let mut attempts =
        conn.prepare_cached(&format!("DELETE FROM attempts WHERE delivery IN ({its_deliveries})"))?;
    let mut deliveries =
        conn.prepare_cached(&format!("DELETE FROM deliveries WHERE id IN ({its_deliveries})"))?;
    let mut entries = conn.prepare_cached(&format!(
        "DELETE FROM entries AS e WHERE e.id = ?1 AND NOT {waits} RETURNING conv, seq"
    ))?;
    let mut places = Unplace::new(conn)?;
    let mut gone = 0;
    for Old { id } in old {
        base.execute([id])?;
        attempts.execute([id])?;
        deliveries.execute([id])?;
        let place = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        if let Some((conv, seq)) = entries.query_row([id], place).optional()? {
            places.take_away(conv, seq)?;
            gone += 1;
        }
    }
    if gone > 0 {
        note_rearranged(conn)?;
    }
    Ok(gone)
}

/// A kind of row that goes by age.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dust {
    ClientKeys,
    Commits,
    Deliveries,
    Attempts,
}

/// The key of a row to sweep.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    Number(i64),
    Id([u8; 16]),
}

impl rusqlite::ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Number(number) => number.to_sql(),
            Self::Id(id) => id.to_sql(),
        }
    }
}

impl Dust {
    pub(crate) const ALL: [Self; 4] =
        [Self::Attempts, Self::Deliveries, Self::ClientKeys, Self::Commits];

    /// Before every key.
    pub(crate) fn start(self) -> Key {
        match self {
            Self::Commits => Key::Id([0; 16]),
            Self::ClientKeys | Self::Deliveries | Self::Attempts => Key::Number(i64::MIN),
        }
    }

    /// The next rows from before a time. For a reader.
    pub(crate) fn find(
        self,
        conn: &Connection,
        after: &Key,
        before: Timestamp,
    ) -> rusqlite::Result<Vec<Key>> {
        let mut find = conn.prepare_cached(match self {
            Self::ClientKeys => {
                "SELECT id FROM client_keys WHERE id > ?1 AND at < ?2 ORDER BY id LIMIT ?3"
            }
            Self::Commits => {
                "SELECT id FROM commits WHERE id > ?1 AND at < ?2 ORDER BY id LIMIT ?3"
            }
            Self::Deliveries => {
                "SELECT id FROM deliveries WHERE id > ?1 AND created_at < ?2 AND state = 1 \
                 ORDER BY id LIMIT ?3"
            }
            Self::Attempts => {
                "SELECT a.id FROM attempts a LEFT JOIN deliveries d ON d.id = a.delivery \
                 WHERE a.id > ?1 AND a.at < ?2 AND d.state IS NOT 0 ORDER BY a.id LIMIT ?3"
            }
        })?;
        let limit = int(SWEEP_MAX as u64);
        let key = |row: &Row<'_>| match self {
            Self::Commits => row.get(0).map(Key::Id),
            Self::ClientKeys | Self::Deliveries | Self::Attempts => row.get(0).map(Key::Number),
        };
        find.query_map(params![after, before.as_micros(), limit], key)?.collect()
    }

    /// Takes rows away. A settled delivery is never opened again, so what was found still may go.
    fn sweep(self, conn: &Connection, keys: &[Key]) -> rusqlite::Result<()> {
        let mut delete = conn.prepare_cached(match self {
            Self::ClientKeys => return keys::sweep(conn, keys),
            Self::Commits => "DELETE FROM commits WHERE id = ?1",
            Self::Deliveries => "DELETE FROM deliveries WHERE id = ?1",
            Self::Attempts => "DELETE FROM attempts WHERE id = ?1",
        })?;
        for key in keys {
            delete.execute([key])?;
        }
        Ok(())
    }
}

impl Writer {
    /// Takes rows of one kind away.
    pub(crate) fn sweep(&mut self, dust: Dust, rows: &[Key]) -> Result<(), Error> {
        let keys = self.alone(|conn| {
            dust.sweep(conn, rows)?;
            matches!(dust, Dust::ClientKeys).then(|| Unindexed::load(conn)).transpose()
        })?;
        if let Some(keys) = keys {
            self.keys = keys;
        }
        Ok(())
    }
}

/// Takes away values that have expired. Tells how many.
pub(crate) fn sweep_states(conn: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let mut delete = conn.prepare_cached(
        "DELETE FROM states WHERE (realm, scope, key) IN \
         (SELECT realm, scope, key FROM states WHERE until <= ?1 LIMIT ?2)",
    )?;
    delete.execute(params![now.as_micros(), int(SWEEP_MAX as u64)])
}

/// Moves the due time of a bot's open deliveries.
pub(crate) fn redue(
    conn: &Connection,
    realm: &RealmId,
    bot: &BotId,
    at: Timestamp,
) -> rusqlite::Result<u64> {
    let moved = conn.execute(
        "UPDATE deliveries SET due_at = ?1 WHERE id IN (\
         SELECT d.id FROM deliveries d JOIN conversations c ON c.id = d.conv \
         WHERE d.state = 0 AND d.bot = ?2 AND c.realm = ?3)",
        params![at.as_micros(), bot.as_str(), realm.as_str()],
    )?;
    Ok(moved as u64)
}
