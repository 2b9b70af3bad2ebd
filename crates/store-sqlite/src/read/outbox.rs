//! Deliveries and their attempts.

use maru_activity::{DeliveryId, RealmId, Timestamp};
use maru_store::{AttemptRecord, Delivery, DeliveryFilter, DeliveryState, DueBots, Page, Places};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{one_more, page};
use crate::rows::{self, DELIVERY, int};

/// The open deliveries that come first in their conversation, by the time they are due.
const FIRST_OF_THEIRS: &str = "FROM deliveries d INDEXED BY deliveries_due \
     JOIN conversations c ON c.id = d.conv WHERE d.state = 0 AND d.id = \
     (SELECT o.id FROM deliveries o INDEXED BY deliveries_open \
     WHERE o.state = 0 AND o.conv = d.conv ORDER BY o.seq, o.id LIMIT 1)";

/// What is due by a time.
pub(crate) fn due(
    conn: &Connection,
    now: Timestamp,
    bots: &DueBots,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match bots {
        DueBots::Only(realm, bot) => {
            let mut find = conn.prepare_cached(&format!(
                "{DELIVERY} {FIRST_OF_THEIRS} AND d.due_at <= ?1 AND d.bot = ?2 AND c.realm = ?3 \
                 ORDER BY d.due_at LIMIT ?4"
            ))?;
            let values = params![now.as_micros(), bot.as_str(), realm.as_str(), limit];
            find.query_map(values, rows::delivery)?.collect()
        }
        DueBots::Except(bots) => {
            let bots = serde_json::to_string(bots)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
            let mut find = conn.prepare_cached(&format!(
                "{DELIVERY} {FIRST_OF_THEIRS} AND d.due_at <= ?1 AND (c.realm, d.bot) NOT IN \
                 (SELECT value ->> 0, value ->> 1 FROM json_each(?2)) \
                 ORDER BY d.due_at LIMIT ?3"
            ))?;
            find.query_map(params![now.as_micros(), bots, limit], rows::delivery)?.collect()
        }
    }
}

/// When the next delivery or timer falls due.
pub(crate) fn next_due(conn: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let mut delivery = conn
        .prepare_cached(&format!("SELECT d.due_at {FIRST_OF_THEIRS} ORDER BY d.due_at LIMIT 1"))?;
    let delivery = delivery.query_row([], |row| rows::time(row, "due_at")).optional()?;
    let mut timer = conn.prepare_cached("SELECT due_at FROM timers ORDER BY due_at LIMIT 1")?;
    let timer = timer.query_row([], |row| rows::time(row, "due_at")).optional()?;
    Ok(delivery.into_iter().chain(timer).min())
}

/// A delivery.
pub(crate) fn delivery(
    conn: &Connection,
    realm: &RealmId,
    id: DeliveryId,
) -> rusqlite::Result<Option<Delivery>> {
    let mut find = conn.prepare_cached(&format!(
        "{DELIVERY} FROM deliveries d JOIN conversations c ON c.id = d.conv \
         WHERE d.public = ?1 AND c.realm = ?2"
    ))?;
    find.query_row(params![id.0.as_bytes(), realm.as_str()], rows::delivery).optional()
}

/// The conversation's oldest delivery that is open.
pub(crate) fn oldest_open(conn: &Connection, conv: i64) -> rusqlite::Result<Option<Delivery>> {
    let mut find = conn.prepare_cached(&format!(
        "{DELIVERY} FROM deliveries d JOIN conversations c ON c.id = d.conv \
         WHERE d.state = 0 AND d.conv = ?1 ORDER BY d.seq, d.id LIMIT 1"
    ))?;
    find.query_row([conv], rows::delivery).optional()
}

/// The deliveries that a commit wrote.
pub(crate) fn of_entries(
    conn: &Connection,
    conv: i64,
    places: &Places,
) -> rusqlite::Result<Vec<Delivery>> {
    let mut find = conn.prepare_cached(&format!(
        "{DELIVERY} FROM log e CROSS JOIN deliveries d CROSS JOIN conversations c \
         WHERE e.conv = ?1 AND e.seq >= ?2 AND e.seq < ?3 AND d.id >= e.outbox \
         AND d.id < e.outbox + e.outbox_count AND d.conv = e.conv AND d.seq = e.seq \
         AND c.id = d.conv ORDER BY d.id"
    ))?;
    let (end, _) = places.next();
    find.query_map(params![conv, int(places.seq), int(end)], rows::delivery)?.collect()
}

/// The failed attempts of a delivery, oldest first.
pub(crate) fn attempts(
    conn: &Connection,
    realm: &RealmId,
    id: DeliveryId,
) -> rusqlite::Result<Vec<AttemptRecord>> {
    let mut find = conn.prepare_cached(
        "SELECT a.number, a.at, a.took_ms, a.outcome, a.cause FROM deliveries d \
         JOIN conversations c ON c.id = d.conv JOIN attempts a ON a.delivery = d.id \
         WHERE d.public = ?1 AND c.realm = ?2 ORDER BY a.id",
    )?;
    find.query_map(params![id.0.as_bytes(), realm.as_str()], rows::attempt)?.collect()
}

/// Deliveries, newest first.
pub(crate) fn deliveries(
    conn: &Connection,
    realm: &RealmId,
    filter: &DeliveryFilter,
    before: i64,
    limit: usize,
) -> rusqlite::Result<Page<Delivery>> {
    // Each way has its index: the conversation's entries, the open ones, the dead ones, or all in
    // the order of writing.
    let from = match filter.conversation {
        Some(_) => {
            "FROM conversations c CROSS JOIN log e CROSS JOIN deliveries d \
             WHERE c.public = :conversation AND e.conv = c.id AND d.id >= e.outbox \
             AND d.id < e.outbox + e.outbox_count AND d.conv = e.conv AND d.seq = e.seq"
        }
        None => {
            "FROM deliveries d JOIN conversations c ON c.id = d.conv WHERE :conversation IS NULL"
        }
    };
    let state = match filter.state {
        None => "",
        Some(DeliveryState::Open) => "AND d.state = 0",
        Some(DeliveryState::Settled) => "AND d.state = 1",
        Some(DeliveryState::Dead) => "AND d.state = 2",
    };
    let mut find = conn.prepare_cached(&format!(
        "{DELIVERY} {from} {state} AND c.realm = :realm AND (:bot IS NULL OR d.bot = :bot) \
         AND d.id < :before ORDER BY d.id DESC LIMIT :limit"
    ))?;
    let conversation = filter.conversation.as_ref().map(|id| id.as_str());
    let bot = filter.bot.as_ref().map(|id| id.as_str());
    let values: [(&str, &dyn ToSql); 5] = [
        (":conversation", &conversation),
        (":realm", &realm.as_str()),
        (":bot", &bot),
        (":before", &before),
        (":limit", &one_more(limit)),
    ];
    let item = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>("id")?, rows::delivery(row)?));
    let found: Vec<(i64, Delivery)> = find.query_map(&values, item)?.collect::<Result<_, _>>()?;
    let page = page(found, limit, |(id, _)| id.to_string());
    Ok(Page {
        items: page.items.into_iter().map(|(_, delivery)| delivery).collect(),
        next: page.next,
    })
}

/// How many are open and how many dead, and since when the oldest open one waits.
pub(crate) fn outbox(conn: &Connection) -> rusqlite::Result<(u64, u64, Option<Timestamp>)> {
    let mut find = conn.prepare_cached(
        "SELECT (SELECT count(*) FROM deliveries WHERE state = 0) AS open, \
         (SELECT count(*) FROM deliveries WHERE state = 2) AS dead, \
         (SELECT min(created_at) FROM deliveries WHERE state = 0) AS oldest",
    )?;
    find.query_row([], |row| {
        let oldest: Option<i64> = row.get("oldest")?;
        let oldest = oldest.map(Timestamp::from_micros);
        Ok((rows::uint(row, "open")?, rows::uint(row, "dead")?, oldest))
    })
}
