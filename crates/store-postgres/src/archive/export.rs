//! Out of the database. Each section is read in the order of an index that is there anyway.

use std::collections::HashMap;
use std::time::Duration;

use maru_activity::{ConversationId, DeliveryId, RealmId, Timestamp};
use maru_store::archive::{
    ClientKeyRecord, ConversationRecord, DeliveryRecord, EntryRecord, ErasureRecord, MemberRecord,
    Record, Section, StateRecord, TimerRecord,
};
use maru_store::{AttemptRecord, Cursor, Page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::{Db, Lent, Values};
use crate::fault::Fault;
use crate::read::one_more;
use crate::rows::{
    self, bytes, delivery_columns, entry_columns, get, known_columns, maybe_text, text, time, uint,
};
use crate::text::Text;

/// How many bytes of bodies a page holds before it ends early.
const PAGE_BYTES: i64 = 4 << 20;

/// Counting a table reads all of it.
const COUNT_MAX: Duration = Duration::from_secs(3_600);

const CONVERSATIONS: &str = concat!(
    "SELECT ",
    known_columns!(),
    " FROM conversations c WHERE (c.realm, c.opened_at, c.id) > ($1, $2, $3) \
     ORDER BY c.realm, c.opened_at, c.id LIMIT $4"
);
const MEMBERS: &str = "SELECT realm, conversation, number, role, external, name, spelled, verified, \
     person FROM members WHERE (realm, conversation) >= ($1, $2) \
     AND (realm, conversation, number) > ($1, $2, $3) \
     ORDER BY realm, conversation, number LIMIT $4";
/// Ends early where the bodies are large, and tells how many entries there were to choose from.
const ENTRIES: &str = concat!(
    "SELECT realm, conversation, found, ",
    entry_columns!(),
    " FROM (SELECT p.*, count(*) OVER () AS found, \
     sum(length(p.body)) OVER (ORDER BY p.realm, p.conversation, p.seq) - length(p.body) AS before \
     FROM (SELECT * FROM entries WHERE (realm, conversation, seq) > ($1, $2, $3) \
     ORDER BY realm, conversation, seq LIMIT $4) p) e \
     WHERE e.before < $5 ORDER BY realm, conversation, seq"
);
const DELIVERIES: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM (SELECT * FROM deliveries WHERE (realm, created_at, written_at, id) > ($1, $2, $3, $4) \
     ORDER BY realm, created_at, written_at, id LIMIT $5) d \
     JOIN conversations c ON c.realm = d.realm AND c.id = d.conversation \
     ORDER BY d.realm, d.created_at, d.written_at, d.id"
);
const ATTEMPTS: &str = "SELECT a.delivery, a.number, a.at, a.took_ms, a.outcome, a.cause \
     FROM unnest($1::text[], $2::text[], $3::uuid[]) AS u (realm, conversation, delivery) \
     JOIN attempts a ON a.realm = u.realm AND a.conversation = u.conversation \
     AND a.delivery = u.delivery ORDER BY a.delivery, a.made";
const CLIENT_KEYS: &str = "SELECT realm, conversation, hash, digest, at, seq, pos, count, hidden \
     FROM client_keys WHERE (realm, conversation, hash) > ($1, $2, $3) \
     ORDER BY realm, conversation, hash LIMIT $4";
const STATES: &str = "SELECT realm, scope, key, version, at, until, value, conversation \
     FROM states WHERE (realm, scope, key) > ($1, $2, $3) ORDER BY realm, scope, key LIMIT $4";
const TIMERS: &str = "SELECT realm, scope, key, due_at, value FROM timers \
     WHERE (realm, scope, key) > ($1, $2, $3) ORDER BY realm, scope, key LIMIT $4";
const ERASURES: &str = "SELECT id, at, realm, person, channel, external, written_at FROM erasures \
     WHERE (written_at, id) > ($1, $2) ORDER BY written_at, id LIMIT $3";

/// How many records a section has.
pub(crate) async fn count(db: &Db, section: Section) -> Result<u64, Fault> {
    let sql = match section {
        Section::Conversations => "SELECT count(*) AS records FROM conversations",
        Section::Members => "SELECT count(*) AS records FROM members",
        Section::Entries => "SELECT count(*) AS records FROM entries",
        Section::Deliveries => "SELECT count(*) AS records FROM deliveries",
        Section::ClientKeys => "SELECT count(*) AS records FROM client_keys",
        Section::States => "SELECT count(*) AS records FROM states",
        Section::Timers => "SELECT count(*) AS records FROM timers",
        Section::Erasures => "SELECT count(*) AS records FROM erasures",
    };
    let row = db.lend_for(COUNT_MAX).await?.row(sql, &[]).await?;
    row.as_ref().map_or(Ok(0), |row| uint(row, "records"))
}

/// A page of a section, behind a cursor that an earlier page gave. `None`: it is no such cursor.
pub(crate) async fn export(
    lent: &Lent,
    section: Section,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    match section {
        Section::Conversations => conversations(lent, after, limit).await,
        Section::Members => members(lent, after, limit).await,
        Section::Entries => entries(lent, after, limit).await,
        Section::Deliveries => deliveries(lent, after, limit).await,
        Section::ClientKeys => client_keys(lent, after, limit).await,
        Section::States => states(lent, after, limit).await,
        Section::Timers => timers(lent, after, limit).await,
        Section::Erasures => erasures(lent, after, limit).await,
    }
}

/// Where a page begins: the key that a cursor holds, or one before every other.
fn start<K: DeserializeOwned>(after: Option<&str>, first: K) -> Option<K> {
    after.map_or(Some(first), |text| serde_json::from_str(text).ok())
}

/// Makes a page out of rows, of which there is one more than it holds if there is more.
fn whole_page<K: Serialize>(
    rows: &[Row],
    limit: usize,
    read: impl Fn(&Row) -> Result<Record, Fault>,
    key: impl Fn(&Row) -> Result<K, Fault>,
) -> Result<Page<Record>, Fault> {
    page(rows, limit, rows.len() > limit, read, key)
}

/// Makes a page out of up to `limit` rows, behind which there may be more.
fn page<K: Serialize>(
    rows: &[Row],
    limit: usize,
    more: bool,
    read: impl Fn(&Row) -> Result<Record, Fault>,
    key: impl Fn(&Row) -> Result<K, Fault>,
) -> Result<Page<Record>, Fault> {
    let held = rows.get(..limit.min(rows.len())).unwrap_or_default();
    let items = rows::each(held, read)?;
    let next = match held.last() {
        Some(last) if more => Some(cursor(&key(last)?)?),
        _ => None,
    };
    Ok(Page { items, next })
}

fn cursor<K: Serialize>(key: &K) -> Result<Cursor, Fault> {
    // Texts and numbers can always be written.
    serde_json::to_string(key).map_err(|_| Fault::Bad("key"))
}

fn realm(row: &Row) -> Result<RealmId, Fault> {
    Ok(RealmId::new(text(row, "realm")?))
}

fn conversation_id(row: &Row) -> Result<ConversationId, Fault> {
    Ok(ConversationId::new(text(row, "conversation")?))
}

async fn conversations(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let first = (String::new(), i64::MIN, String::new());
    let Some((realm, at, id)) = start(after, first) else { return Ok(None) };
    let values: Values<'_> = &[&Text(&realm), &at, &Text(&id), &one_more(limit)];
    let read = |row: &Row| {
        let known = rows::known(row)?;
        Ok(Record::Conversation(Box::new(ConversationRecord {
            id: known.record.id,
            realm: known.record.realm,
            channel: known.record.channel,
            channel_kind: known.record.channel_kind,
            bot: known.record.bot,
            opened_at: known.record.opened_at,
            route: known.head.route,
            route_epoch: known.head.route_epoch,
            next_seq: known.head.next_seq,
            next_pos: known.head.next_pos,
            last_at: known.head.last_at,
        })))
    };
    let key =
        |row: &Row| Ok((text(row, "realm")?, get::<i64>(row, "opened_at")?, text(row, "id")?));
    whole_page(&lent.query(CONVERSATIONS, values).await?, limit, read, key).map(Some)
}

/// The key of what is numbered within a conversation.
type Numbered = (String, String, i64);

fn numbered(row: &Row, number: &'static str) -> Result<Numbered, Fault> {
    Ok((text(row, "realm")?, text(row, "conversation")?, get(row, number)?))
}

async fn members(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let first: Numbered = (String::new(), String::new(), -1);
    let Some((in_realm, id, number)) = start(after, first) else { return Ok(None) };
    let values: Values<'_> = &[&Text(&in_realm), &Text(&id), &number, &one_more(limit)];
    let read = |row: &Row| {
        let member = rows::member(row)?;
        Ok(Record::Member(Box::new(MemberRecord {
            realm: realm(row)?,
            conversation: conversation_id(row)?,
            role: member.role,
            external: member.account.id,
            name: member.account.name,
            spelled: member.account.role,
            verified: member.verified,
            person: member.person,
        })))
    };
    let found = lent.query(MEMBERS, values).await?;
    whole_page(&found, limit, read, |row| numbered(row, "number")).map(Some)
}

async fn entries(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let first: Numbered = (String::new(), String::new(), -1);
    let Some((in_realm, id, seq)) = start(after, first) else { return Ok(None) };
    let more = one_more(limit);
    let values: Values<'_> = &[&Text(&in_realm), &Text(&id), &seq, &more, &PAGE_BYTES];
    let read = |row: &Row| {
        let entry = rows::entry(row)?;
        Ok(Record::Entry(Box::new(EntryRecord {
            realm: realm(row)?,
            conversation: conversation_id(row)?,
            seq: entry.seq,
            pos: uint(row, "pos")?,
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
    };
    let rows = lent.query(ENTRIES, values).await?;
    let found: i64 = rows.first().map_or(Ok(0), |row| get(row, "found"))?;
    // As if the page were meant to be no longer.
    let held = if rows.len() as u64 == found.unsigned_abs() { limit } else { rows.len() };
    let more = found.unsigned_abs() > held as u64;
    page(&rows, held, more, read, |row| numbered(row, "seq")).map(Some)
}

async fn deliveries(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let first = (String::new(), i64::MIN, i64::MIN, Uuid::nil());
    let Some((realm, at, written, id)) = start(after, first) else { return Ok(None) };
    let values: Values<'_> = &[&Text(&realm), &at, &written, &id, &one_more(limit)];
    let read = |row: &Row| {
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
    };
    let key = |row: &Row| {
        let at: (i64, i64) = (get(row, "created_at")?, get(row, "written_at")?);
        Ok((text(row, "realm")?, at.0, at.1, get::<Uuid>(row, "id")?))
    };
    let mut page = whole_page(&lent.query(DELIVERIES, values).await?, limit, read, key)?;
    add_attempts(lent, &mut page.items).await?;
    Ok(Some(page))
}

/// Adds the failed attempts of a page's deliveries.
async fn add_attempts(lent: &Lent, records: &mut [Record]) -> Result<(), Fault> {
    let mut places = (Vec::new(), Vec::new(), Vec::new());
    let mut deliveries: HashMap<DeliveryId, &mut DeliveryRecord> = HashMap::new();
    for record in records {
        let Record::Delivery(delivery) = record else { continue };
        if delivery.attempts > 0 {
            places.0.push(crate::text::Owned(delivery.realm.as_str().to_owned()));
            places.1.push(crate::text::Owned(delivery.conversation.as_str().to_owned()));
            places.2.push(delivery.id.0);
            deliveries.insert(delivery.id, delivery);
        }
    }
    if deliveries.is_empty() {
        return Ok(());
    }
    for row in lent.query(ATTEMPTS, &[&places.0, &places.1, &places.2]).await? {
        let failed: AttemptRecord = rows::attempt(&row)?;
        if let Some(delivery) = deliveries.get_mut(&DeliveryId(get(&row, "delivery")?)) {
            delivery.failed.push(failed);
        }
    }
    Ok(())
}

async fn client_keys(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let first = (String::new(), String::new(), Vec::new());
    let Some((in_realm, id, hash)) = start::<(String, String, Vec<u8>)>(after, first) else {
        return Ok(None);
    };
    let values: Values<'_> = &[&Text(&in_realm), &Text(&id), &hash, &one_more(limit)];
    let read = |row: &Row| {
        let places = rows::places(row)?;
        let hidden = places.hidden.iter().flatten().zip(0..);
        let hash: &[u8] = get(row, "hash")?;
        Ok(Record::ClientKey(Box::new(ClientKeyRecord {
            realm: realm(row)?,
            conversation: conversation_id(row)?,
            hash: hash.try_into().map_err(|_| Fault::Bad("hash"))?,
            digest: u64::from_ne_bytes(get::<i64>(row, "digest")?.to_ne_bytes()),
            at: places.at,
            seq: places.seq,
            pos: places.pos,
            count: places.count,
            hidden: hidden.filter_map(|(flag, index)| (*flag != 0).then_some(index)).collect(),
        })))
    };
    let key = |row: &Row| {
        Ok((text(row, "realm")?, text(row, "conversation")?, get::<Vec<u8>>(row, "hash")?))
    };
    whole_page(&lent.query(CLIENT_KEYS, values).await?, limit, read, key).map(Some)
}

/// Where a value or a timer is.
type Name = (String, String, String);

fn name(row: &Row) -> Result<Name, Fault> {
    Ok((text(row, "realm")?, text(row, "scope")?, text(row, "key")?))
}

async fn states(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let Some((in_realm, scope, key)) = start(after, Name::default()) else { return Ok(None) };
    let values: Values<'_> = &[&Text(&in_realm), &Text(&scope), &Text(&key), &one_more(limit)];
    let read = |row: &Row| {
        let until: Option<i64> = get(row, "until")?;
        Ok(Record::State(Box::new(StateRecord {
            realm: realm(row)?,
            scope: text(row, "scope")?,
            key: text(row, "key")?,
            version: uint(row, "version")?,
            at: time(row, "at")?,
            until: until.map(Timestamp::from_micros),
            about: maybe_text(row, "conversation")?.map(Into::into),
            value: bytes(row, "value")?,
        })))
    };
    whole_page(&lent.query(STATES, values).await?, limit, read, name).map(Some)
}

async fn timers(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let Some((in_realm, scope, key)) = start(after, Name::default()) else { return Ok(None) };
    let values: Values<'_> = &[&Text(&in_realm), &Text(&scope), &Text(&key), &one_more(limit)];
    let read = |row: &Row| {
        let timer = rows::timer(row)?;
        Ok(Record::Timer(Box::new(TimerRecord {
            realm: timer.realm,
            scope: timer.scope,
            key: timer.key,
            due_at: timer.due_at,
            value: timer.value,
        })))
    };
    whole_page(&lent.query(TIMERS, values).await?, limit, read, name).map(Some)
}

async fn erasures(
    lent: &Lent,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Page<Record>>, Fault> {
    let Some((written, id)) = start(after, (i64::MIN, Uuid::nil())) else { return Ok(None) };
    let read = |row: &Row| {
        Ok(Record::Erasure(Box::new(ErasureRecord {
            id: get(row, "id")?,
            at: time(row, "at")?,
            realm: realm(row)?,
            person: maybe_text(row, "person")?.map(Into::into),
            channel: maybe_text(row, "channel")?.map(Into::into),
            external: maybe_text(row, "external")?,
        })))
    };
    let key = |row: &Row| Ok((get::<i64>(row, "written_at")?, get::<Uuid>(row, "id")?));
    let found = lent.query(ERASURES, &[&written, &id, &one_more(limit)]).await?;
    whole_page(&found, limit, read, key).map(Some)
}
