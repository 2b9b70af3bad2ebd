//! Exporting: every table row by row, as records.

use maru_activity::{ConversationId, RealmId};
use maru_store::Page;
use maru_store::archive::{
    ClientKeyRecord, ConversationRecord, DeliveryRecord, EntryRecord, ErasureRecord, MemberRecord,
    Record, Section, StateRecord, TimerRecord,
};
use rusqlite::{Connection, Row, Rows, params};
use uuid::Uuid;

use super::one_more;
use crate::heads::{self, KNOWN};
use crate::rows::{self, DELIVERY};

/// How many bytes of bodies a page holds before it ends early.
const PAGE_BYTES: usize = 4 << 20;

/// How many records a section has.
pub(crate) fn count(conn: &Connection, section: Section) -> rusqlite::Result<u64> {
    let table = match section {
        Section::Conversations => "conversations",
        Section::Members => "members",
        Section::Entries => "entries",
        Section::Deliveries => "deliveries",
        Section::ClientKeys => "client_keys",
        Section::States => "states",
        Section::Timers => "timers",
        Section::Erasures => "erasures",
    };
    let mut count = conn.prepare_cached(&format!("SELECT count(*) AS records FROM {table}"))?;
    count.query_row([], |row| rows::uint(row, "records"))
}

/// A page of a section, behind a cursor that an earlier page gave. `None`: it is no such cursor.
pub(crate) fn export(
    conn: &Connection,
    section: Section,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Option<Page<Record>>> {
    match section {
        Section::States | Section::Timers => {
            let start = || Some((String::new(), String::new(), String::new()));
            match after.map_or_else(start, |text| serde_json::from_str(text).ok()) {
                Some(after) if section == Section::States => states(conn, after, limit).map(Some),
                Some(after) => timers(conn, after, limit).map(Some),
                None => Ok(None),
            }
        }
        by_number => match after.map_or(Ok(0), str::parse) {
            Ok(after) => numbered(conn, by_number, after, limit).map(Some),
            Err(_) => Ok(None),
        },
    }
}

/// A page of a table whose rows are numbered in the order of writing.
fn numbered(
    conn: &Connection,
    section: Section,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Page<Record>> {
    // CROSS JOIN: the table itself is walked, whatever SQLite believes to be quicker.
    let (sql, read): (String, fn(&Row<'_>) -> rusqlite::Result<Record>) = match section {
        Section::Members => (
            "SELECT m.id, c.realm, c.public, m.role, m.external, m.name, m.spelled, m.verified, m.person \
             FROM members m CROSS JOIN conversations c ON c.id = m.conv WHERE m.id > ?1 \
             ORDER BY m.id LIMIT ?2"
                .to_owned(),
            member,
        ),
        Section::Entries => (
            "SELECT e.id, c.realm, c.public, e.seq, e.pos, e.at, e.audience, e.kind, e.role, e.turn, e.op, \
             e.target, e.folded, e.sender, e.meta, e.body \
             FROM entries e CROSS JOIN conversations c ON c.id = e.conv WHERE e.id > ?1 \
             ORDER BY e.id LIMIT ?2"
                .to_owned(),
            entry,
        ),
        Section::Deliveries => (
            format!(
                "{DELIVERY} FROM deliveries d CROSS JOIN conversations c ON c.id = d.conv \
                 WHERE d.id > ?1 ORDER BY d.id LIMIT ?2"
            ),
            delivery,
        ),
        Section::ClientKeys => (
            "SELECT k.id, c.realm, c.public, k.hash, k.digest, k.at, k.seq, k.pos, k.count, k.hidden \
             FROM client_keys k CROSS JOIN conversations c ON c.id = k.conv WHERE k.id > ?1 \
             ORDER BY k.id LIMIT ?2"
                .to_owned(),
            client_key,
        ),
        Section::Erasures => (
            "SELECT id, public, at, realm, person, channel, external FROM erasures \
             WHERE id > ?1 ORDER BY id LIMIT ?2"
                .to_owned(),
            erasure,
        ),
        // The two others are not numbered, and do not come here.
        Section::Conversations | Section::States | Section::Timers => {
            (format!("{KNOWN} WHERE c.id > ?1 ORDER BY c.id LIMIT ?2"), conversation)
        }
    };
    let mut find = conn.prepare_cached(&sql)?;
    let mut rows = find.query(params![after, one_more(limit)])?;
    let mut last = after;
    let page = collect(&mut rows, limit, |row| {
        last = row.get("id")?;
        Ok((last.to_string(), read(row)?))
    })?;
    match section {
        Section::Deliveries => with_attempts(conn, page, after, last),
        _ => Ok(page),
    }
}

/// Reads rows into a page until it is full. There is one row more than it holds, if there is more.
fn collect(
    rows: &mut Rows<'_>,
    limit: usize,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<(String, Record)>,
) -> rusqlite::Result<Page<Record>> {
    let mut page = Page { items: Vec::new(), next: None };
    let (mut bytes, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        if page.items.len() >= limit || bytes >= PAGE_BYTES {
            page.next = last;
            return Ok(page);
        }
        let (key, record) = read(row)?;
        bytes += match &record {
            Record::Entry(entry) => entry.body.len(),
            Record::State(state) => state.value.len(),
            _ => 0,
        };
        page.items.push(record);
        last = Some(key);
    }
    Ok(page)
}

fn public(row: &Row<'_>) -> rusqlite::Result<ConversationId> {
    Ok(ConversationId::new(rows::text(row, "public")?))
}

fn realm(row: &Row<'_>) -> rusqlite::Result<RealmId> {
    Ok(RealmId::new(rows::text(row, "realm")?))
}

fn conversation(row: &Row<'_>) -> rusqlite::Result<Record> {
    let known = heads::known(row)?;
    let (record, head) = (&*known.record, known.head);
    Ok(Record::Conversation(Box::new(ConversationRecord {
        id: record.id.clone(),
        realm: record.realm.clone(),
        channel: record.channel.clone(),
        channel_kind: record.channel_kind.clone(),
        bot: record.bot.clone(),
        opened_at: record.opened_at,
        route: head.route,
        route_epoch: head.route_epoch,
        next_seq: head.next_seq,
        next_pos: head.next_pos,
        last_at: head.last_at,
    })))
}

fn member(row: &Row<'_>) -> rusqlite::Result<Record> {
    let member = rows::member(row)?;
    Ok(Record::Member(Box::new(MemberRecord {
        realm: realm(row)?,
        conversation: public(row)?,
        role: member.role,
        external: member.account.id,
        name: member.account.name,
        spelled: member.account.role,
        verified: member.verified,
        person: member.person,
    })))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Record> {
    let entry = rows::entry(row)?;
    Ok(Record::Entry(Box::new(EntryRecord {
        realm: realm(row)?,
        conversation: public(row)?,
        seq: entry.seq,
        pos: rows::uint(row, "pos")?,
        at: entry.at,
        audience: entry.audience,
        kind: entry.kind,
        role: entry.role,
        sender: entry.sender,
        turn: entry.turn,
        op: entry.op,
        folded: entry.folded,
        meta: entry.meta,
        body: entry.body,
    })))
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Record> {
    let delivery = rows::delivery(row)?;
    Ok(Record::Delivery(Box::new(DeliveryRecord {
        id: delivery.id,
        realm: delivery.realm,
        conversation: delivery.conversation,
        seq: delivery.seq,
        bot: delivery.bot,
        state: delivery.state,
        once: delivery.once,
        replay: delivery.replay,
        attempts: delivery.attempts,
        created_at: delivery.created_at,
        due_at: delivery.due_at,
        cause: delivery.cause,
        failed: Vec::new(),
    })))
}

/// Adds the failed attempts of a page's deliveries, whose rows are numbered above `after` up to
/// `last`.
fn with_attempts(
    conn: &Connection,
    mut page: Page<Record>,
    after: i64,
    last: i64,
) -> rusqlite::Result<Page<Record>> {
    let mut find = conn.prepare_cached(
        "SELECT d.public AS delivery, a.number, a.at, a.took_ms, a.outcome, a.cause \
         FROM attempts a CROSS JOIN deliveries d ON d.id = a.delivery \
         WHERE a.delivery > ?1 AND a.delivery <= ?2 ORDER BY a.delivery, a.id",
    )?;
    let mut attempts = find.query([after, last])?;
    let mut deliveries = page.items.iter_mut().filter_map(|record| match record {
        Record::Delivery(delivery) => Some(delivery),
        _ => None,
    });
    let mut current = deliveries.next();
    while let Some(row) = attempts.next()? {
        let of = Uuid::from_bytes(row.get("delivery")?);
        // Both lists are in the order of the deliveries' rows.
        while current.as_ref().is_some_and(|delivery| delivery.id.0 != of) {
            current = deliveries.next();
        }
        let Some(delivery) = &mut current else { break };
        delivery.failed.push(rows::attempt(row)?);
    }
    Ok(page)
}

fn client_key(row: &Row<'_>) -> rusqlite::Result<Record> {
    let places = rows::places(row)?;
    let hidden = places.hidden.iter().flatten().zip(0..);
    Ok(Record::ClientKey(Box::new(ClientKeyRecord {
        realm: realm(row)?,
        conversation: public(row)?,
        hash: row.get("hash")?,
        digest: u64::from_ne_bytes(row.get::<_, i64>("digest")?.to_ne_bytes()),
        at: places.at,
        seq: places.seq,
        pos: places.pos,
        count: places.count,
        hidden: hidden.filter_map(|(flag, index)| (*flag != 0).then_some(index)).collect(),
    })))
}

fn erasure(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record::Erasure(Box::new(ErasureRecord {
        id: Uuid::from_bytes(row.get("public")?),
        at: rows::time(row, "at")?,
        realm: realm(row)?,
        person: row.get::<_, Option<String>>("person")?.map(Into::into),
        channel: row.get::<_, Option<String>>("channel")?.map(Into::into),
        external: row.get("external")?,
    })))
}

/// Where a value or a timer is.
type Name = (String, String, String);

fn name(row: &Row<'_>) -> rusqlite::Result<(Name, String)> {
    let name: Name = (row.get("realm")?, row.get("scope")?, row.get("key")?);
    let cursor = serde_json::to_string(&name)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    Ok((name, cursor))
}

fn states(
    conn: &Connection,
    (realm, scope, key): Name,
    limit: usize,
) -> rusqlite::Result<Page<Record>> {
    let mut find = conn.prepare_cached(
        "SELECT realm, scope, key, version, at, until, value, conversation FROM states \
         WHERE (realm, scope, key) > (?1, ?2, ?3) ORDER BY realm, scope, key LIMIT ?4",
    )?;
    let mut rows = find.query(params![realm, scope, key, one_more(limit)])?;
    collect(&mut rows, limit, |row| {
        let ((realm, scope, key), cursor) = name(row)?;
        let until: Option<i64> = row.get("until")?;
        let about: Option<String> = row.get("conversation")?;
        let state = StateRecord {
            realm: realm.into(),
            scope,
            key,
            version: rows::uint(row, "version")?,
            at: rows::time(row, "at")?,
            until: until.map(maru_activity::Timestamp::from_micros),
            about: about.map(Into::into),
            value: rows::bytes(row, "value")?,
        };
        Ok((cursor, Record::State(Box::new(state))))
    })
}

fn timers(
    conn: &Connection,
    (realm, scope, key): Name,
    limit: usize,
) -> rusqlite::Result<Page<Record>> {
    let mut find = conn.prepare_cached(
        "SELECT realm, scope, key, due_at, value FROM timers \
         WHERE (realm, scope, key) > (?1, ?2, ?3) ORDER BY realm, scope, key LIMIT ?4",
    )?;
    let mut rows = find.query(params![realm, scope, key, one_more(limit)])?;
    collect(&mut rows, limit, |row| {
        let ((realm, scope, key), cursor) = name(row)?;
        let timer = TimerRecord {
            realm: realm.into(),
            scope,
            key,
            due_at: rows::time(row, "due_at")?,
            value: rows::bytes(row, "value")?,
        };
        Ok((cursor, Record::Timer(Box::new(timer))))
    })
}
