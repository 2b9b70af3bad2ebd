//! Small values and timers.

use maru_activity::{RealmId, Timestamp};
use maru_store::{Page, State, Timer};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{one_more, page};
use crate::rows;

fn value(row: &Row<'_>) -> rusqlite::Result<State> {
    Ok(State {
        key: row.get("key")?,
        version: rows::uint(row, "version")?,
        at: rows::time(row, "at")?,
        value: rows::bytes(row, "value")?,
    })
}

/// A value.
pub(crate) fn state(
    conn: &Connection,
    realm: &RealmId,
    scope: &str,
    key: &str,
) -> rusqlite::Result<Option<State>> {
    let mut find = conn.prepare_cached(
        "SELECT key, version, at, value FROM states WHERE realm = ?1 AND scope = ?2 AND key = ?3",
    )?;
    find.query_row(params![realm.as_str(), scope, key], value).optional()
}

/// A scope's values, in the order of their keys.
pub(crate) fn states(
    conn: &Connection,
    realm: &RealmId,
    scope: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Page<State>> {
    let mut find = conn.prepare_cached(
        "SELECT key, version, at, value FROM states WHERE realm = ?1 AND scope = ?2 \
         AND (?3 IS NULL OR key > ?3) ORDER BY key LIMIT ?4",
    )?;
    let found = find.query_map(params![realm.as_str(), scope, after, one_more(limit)], value)?;
    Ok(page(found.collect::<Result<_, _>>()?, limit, |state| state.key.clone()))
}

/// Timers that are due by a time.
pub(crate) fn timers(
    conn: &Connection,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Timer>> {
    let mut find = conn.prepare_cached(
        "SELECT realm, scope, key, due_at, value FROM timers WHERE due_at <= ?1 \
         ORDER BY due_at LIMIT ?2",
    )?;
    let timer = |row: &Row<'_>| {
        Ok(Timer {
            realm: RealmId::new(rows::text(row, "realm")?),
            scope: row.get("scope")?,
            key: row.get("key")?,
            due_at: rows::time(row, "due_at")?,
            value: rows::bytes(row, "value")?,
        })
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    find.query_map(params![now.as_micros(), limit], timer)?.collect()
}
