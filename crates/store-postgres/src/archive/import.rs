//! Into the database: a statement for each kind of row, whatever the number of rows. What is there
//! already stays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use maru_activity::{ConversationId, RealmId, Timestamp};
use maru_store::Error;
use maru_store::archive::{
    ClientKeyRecord, ConversationRecord, DeliveryRecord, EntryRecord, ErasureRecord, MemberRecord,
    Record, StateRecord, TimerRecord,
};
use tokio_postgres::types::ToSql;

use crate::db::{Db, Transaction};
use crate::fault::Fault;
use crate::rows::{audience_code, int, meta_column, op_code, role_code, state_code};
use crate::session::{BY_KEY, now};
use crate::text::{Owned, Text};

/// For how long one step may take.
const STEP_MAX: Duration = Duration::from_secs(300);

const CONVERSATIONS: &str = "INSERT INTO conversations (realm, id, channel, channel_kind, bot, \
     opened_at, next_seq, next_pos, last_at, route, route_epoch, lease_epoch, open, members) \
     SELECT u.*, 0, 0, 0 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], \
     $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::text[], $11::int8[]) AS u \
     ON CONFLICT DO NOTHING";
/// Conversations that are not there.
const UNKNOWN: &str = "SELECT u.id FROM unnest($1::text[], $2::text[]) AS u (realm, id) \
     WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.realm = u.realm AND c.id = u.id) \
     LIMIT 1";
/// New members are numbered on behind those that are there.
const MEMBERS: &str = "INSERT INTO members (realm, conversation, role, external, number, channel, \
     name, spelled, verified, person, opened_at) \
     SELECT u.realm, u.conversation, u.role, u.external, \
     c.members + row_number() OVER (PARTITION BY u.realm, u.conversation ORDER BY u.place) - 1, \
     c.channel, u.name, u.spelled, u.verified, u.person, c.opened_at \
     FROM unnest($1::text[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::text[], \
     $7::bool[], $8::text[], $9::int8[]) \
     AS u (realm, conversation, role, external, name, spelled, verified, person, place) \
     JOIN conversations c ON c.realm = u.realm AND c.id = u.conversation \
     WHERE NOT EXISTS (SELECT 1 FROM members m WHERE m.realm = u.realm \
     AND m.conversation = u.conversation AND m.role = u.role AND m.external = u.external) \
     ON CONFLICT DO NOTHING";
const COUNT_MEMBERS: &str = "UPDATE conversations AS c SET members = (SELECT count(*) FROM members m \
     WHERE m.realm = c.realm AND m.conversation = c.id) \
     FROM unnest($1::text[], $2::text[]) AS u (realm, id) WHERE c.realm = u.realm AND c.id = u.id";
const ENTRIES: &str = "INSERT INTO entries (realm, conversation, seq, pos, at, audience, kind, role, \
     sender, turn, op, target, folded, meta, body) SELECT * FROM unnest($1::text[], $2::text[], \
     $3::int8[], $4::int8[], $5::int8[], $6::int2[], $7::text[], $8::int2[], $9::text[], \
     $10::int8[], $11::int2[], $12::int8[], $13::int8[], $14::bytea[], $15::bytea[]) \
     ON CONFLICT DO NOTHING";
const OLDEST: &str = "UPDATE conversations AS c SET oldest_at = u.at \
     FROM unnest($1::text[], $2::text[], $3::int8[]) AS u (realm, id, at) \
     WHERE c.realm = u.realm AND c.id = u.id AND (c.oldest_at IS NULL OR c.oldest_at > u.at)";
/// An entry's deliveries are numbered on behind those that are there. Listings go by the time of
/// writing, which is made to rise.
const DELIVERIES: &str = concat!(
    "INSERT INTO deliveries (realm, conversation, id, seq, number, bot, state, first, once, replay, \
     attempts, created_at, due_at, cause, written_at) \
     SELECT u.realm, u.conversation, u.id, u.seq, u.place + coalesce((SELECT max(d.number) + 1 \
     FROM deliveries d WHERE d.realm = u.realm AND d.conversation = u.conversation \
     AND d.seq = u.seq), 0), u.bot, u.state, false, u.once, u.replay, u.attempts, u.created_at, \
     u.due_at, u.cause, t.at + u.place FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int8[], \
     $5::text[], $6::int2[], $7::bool[], $8::bool[], $9::int4[], $10::int8[], $11::int8[], \
     $12::text[], $13::int4[]) AS u (realm, conversation, id, seq, bot, state, once, replay, \
     attempts, created_at, due_at, cause, place), (SELECT ",
    now!(),
    " AS at) t ON CONFLICT DO NOTHING"
);
const ATTEMPTS: &str = "INSERT INTO attempts (realm, conversation, delivery, made, number, at, \
     took_ms, outcome, cause) SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int4[], \
     $5::int8[], $6::int8[], $7::int8[], $8::text[], $9::text[]) ON CONFLICT DO NOTHING";
const FIRST: &str = "UPDATE deliveries AS d SET first = (d.id = (SELECT o.id FROM deliveries o \
     WHERE o.realm = d.realm AND o.conversation = d.conversation AND o.state = 0 \
     ORDER BY o.seq, o.number LIMIT 1)) \
     FROM unnest($1::text[], $2::text[]) AS u (realm, id) \
     WHERE d.realm = u.realm AND d.conversation = u.id AND d.state = 0";
const COUNT_OPEN: &str = "UPDATE conversations AS c SET open = (SELECT count(*) FROM deliveries d \
     WHERE d.realm = c.realm AND d.conversation = c.id AND d.state = 0) \
     FROM unnest($1::text[], $2::text[]) AS u (realm, id) WHERE c.realm = u.realm AND c.id = u.id";
const CLIENT_KEYS: &str = "INSERT INTO client_keys (realm, conversation, hash, digest, at, seq, pos, \
     count, hidden) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::int8[], \
     $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::bytea[]) ON CONFLICT DO NOTHING";
const STATES: &str = "INSERT INTO states (realm, scope, key, version, at, until, value, \
     conversation) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], \
     $5::int8[], $6::int8[], $7::bytea[], $8::text[]) ON CONFLICT DO NOTHING";
const TIMERS: &str = "INSERT INTO timers (realm, scope, key, due_at, value) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::bytea[]) \
     ON CONFLICT DO NOTHING";
const ERASURES: &str = concat!(
    "INSERT INTO erasures (id, at, realm, person, channel, external, written_at) \
     SELECT u.id, u.at, u.realm, u.person, u.channel, u.external, t.at + u.place \
     FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], \
     $7::int8[]) AS u (id, at, realm, person, channel, external, place), (SELECT ",
    now!(),
    " AS at) t ON CONFLICT DO NOTHING"
);
const EPOCH: &str = "UPDATE meta SET value = greatest(value, $1) WHERE name = 'restore_epoch'";

/// One column, with a value for each row.
type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A column made of each row.
fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Column<'a>
where
    T: ToSql + Sync + Send + 'a,
{
    Box::new(rows.iter().map(value).collect::<Vec<T>>())
}

/// A conversation.
type Key<'a> = (&'a RealmId, &'a ConversationId);

/// The two columns that nearly every table begins with.
fn place<'a, R>(rows: &'a [R], key: impl Fn(&'a R) -> Key<'a>) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| Text(key(row).0.as_str())),
        column(rows, |row| Text(key(row).1.as_str())),
    ]
}

/// Records by their kind.
#[derive(Default)]
struct Sorted<'a> {
    conversations: Vec<&'a ConversationRecord>,
    members: Vec<&'a MemberRecord>,
    entries: Vec<&'a EntryRecord>,
    deliveries: Vec<&'a DeliveryRecord>,
    client_keys: Vec<&'a ClientKeyRecord>,
    states: Vec<&'a StateRecord>,
    timers: Vec<&'a TimerRecord>,
    erasures: Vec<&'a ErasureRecord>,
    epoch: Option<u32>,
    /// The conversations that records refer to.
    named: BTreeSet<Key<'a>>,
}

impl<'a> Sorted<'a> {
    fn of(records: &'a [Record]) -> Self {
        let mut sorted = Self::default();
        for record in records {
            match record {
                Record::Conversation(conversation) => sorted.conversations.push(conversation),
                Record::Member(member) => {
                    sorted.named.insert((&member.realm, &member.conversation));
                    sorted.members.push(member);
                }
                Record::Entry(entry) => {
                    sorted.named.insert((&entry.realm, &entry.conversation));
                    sorted.entries.push(entry);
                }
                Record::Delivery(delivery) => {
                    sorted.named.insert((&delivery.realm, &delivery.conversation));
                    sorted.deliveries.push(delivery);
                }
                Record::ClientKey(key) => {
                    sorted.named.insert((&key.realm, &key.conversation));
                    sorted.client_keys.push(key);
                }
                Record::State(state) => sorted.states.push(state),
                Record::Timer(timer) => sorted.timers.push(timer),
                Record::Erasure(erasure) => sorted.erasures.push(erasure),
                Record::RestoreEpoch(epoch) => sorted.epoch = sorted.epoch.max(Some(*epoch)),
            }
        }
        sorted
    }
}

/// Takes records in, in one transaction.
pub(crate) async fn import(db: &Db, records: &[Record]) -> Result<(), Error> {
    if !records.iter().all(Record::is_sound) {
        return Err(Error::Unsound("a record contradicts itself"));
    }
    let sorted = Sorted::of(records);
    let lent = db.lend_for(STEP_MAX).await?;
    for wish in BY_KEY {
        // What was just filled is taken for empty until the server has looked at it, and would be
        // read whole for every step. Not every engine knows the setting.
        match lent.execute(wish, &[]).await {
            Err(fault) if fault.is_lost() => return Err(fault.into()),
            _ => {}
        }
    }
    let transaction = Import(lent.begin().await?);
    transaction.conversations(&sorted.conversations).await?;
    if transaction.is_unknown(&sorted.named).await? {
        transaction.0.rollback().await?;
        return Err(Error::UnknownConversation);
    }
    transaction.members(&sorted.members).await?;
    transaction.entries(&sorted.entries).await?;
    transaction.deliveries(&sorted.deliveries).await?;
    transaction.client_keys(&sorted.client_keys).await?;
    transaction.states(&sorted.states).await?;
    transaction.timers(&sorted.timers).await?;
    transaction.erasures(&sorted.erasures).await?;
    if let Some(epoch) = sorted.epoch {
        transaction.0.execute(EPOCH, &[&i64::from(epoch)]).await?;
    }
    Ok(transaction.0.commit().await?)
}

/// The open transaction.
struct Import(Transaction);

impl Import {
    async fn run(&self, sql: &'static str, columns: Vec<Column<'_>>) -> Result<(), Fault> {
        let values: Vec<&(dyn ToSql + Sync)> =
            columns.iter().map(|column| &**column as &(dyn ToSql + Sync)).collect();
        self.0.execute(sql, &values).await?;
        Ok(())
    }

    /// Runs a statement over conversations.
    async fn over(&self, sql: &'static str, keys: &BTreeSet<Key<'_>>) -> Result<(), Fault> {
        let keys: Vec<Key<'_>> = keys.iter().copied().collect();
        self.run(sql, place(&keys, |key| *key)).await
    }

    async fn is_unknown(&self, named: &BTreeSet<Key<'_>>) -> Result<bool, Fault> {
        let realms: Vec<Text<'_>> = named.iter().map(|(realm, _)| Text(realm.as_str())).collect();
        let ids: Vec<Text<'_>> = named.iter().map(|(_, id)| Text(id.as_str())).collect();
        Ok(self.0.row(UNKNOWN, &[&realms, &ids]).await?.is_some())
    }

    async fn conversations(&self, rows: &[&ConversationRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let routes = rows.iter().map(|row| Owned(row.route.to_string()));
        let mut columns = place(rows, |row| (&row.realm, &row.id));
        columns.push(column(rows, |row| Text(row.channel.as_str())));
        columns.push(column(rows, |row| Text(&row.channel_kind)));
        columns.push(column(rows, |row| Text(row.bot.as_str())));
        columns.push(column(rows, |row| row.opened_at.as_micros()));
        columns.push(column(rows, |row| int(row.next_seq)));
        columns.push(column(rows, |row| int(row.next_pos)));
        columns.push(column(rows, |row| row.last_at.as_micros()));
        columns.push(Box::new(routes.collect::<Vec<_>>()));
        columns.push(column(rows, |row| int(row.route_epoch)));
        self.run(CONVERSATIONS, columns).await
    }

    async fn members(&self, rows: &[&MemberRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut columns = place(rows, |row| (&row.realm, &row.conversation));
        columns.push(column(rows, |row| role_code(row.role)));
        columns.push(column(rows, |row| Text(&row.external)));
        columns.push(column(rows, |row| row.name.as_deref().map(Text)));
        columns.push(column(rows, |row| row.spelled.as_deref().map(Text)));
        columns.push(column(rows, |row| row.verified));
        columns.push(column(rows, |row| Text(row.person.as_str())));
        columns.push(Box::new((0..int(rows.len() as u64)).collect::<Vec<i64>>()));
        self.run(MEMBERS, columns).await?;
        let keys = rows.iter().map(|row| (&row.realm, &row.conversation)).collect();
        self.over(COUNT_MEMBERS, &keys).await
    }

    async fn entries(&self, rows: &[&EntryRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut columns = place(rows, |row| (&row.realm, &row.conversation));
        columns.push(column(rows, |row| int(row.seq)));
        columns.push(column(rows, |row| int(row.pos)));
        columns.push(column(rows, |row| row.at.as_micros()));
        columns.push(column(rows, |row| audience_code(row.audience)));
        columns.push(column(rows, |row| Text(row.kind.as_str())));
        columns.push(column(rows, |row| role_code(row.role)));
        columns.push(column(rows, |row| Text(&row.sender)));
        columns.push(column(rows, |row| row.turn.map(int)));
        columns.push(column(rows, |row| op_code(row.op).0));
        columns.push(column(rows, |row| op_code(row.op).1));
        columns.push(column(rows, |row| row.folded.map(int)));
        columns.push(column(rows, |row| meta_column(&row.meta)));
        columns.push(column(rows, |row| &*row.body));
        self.run(ENTRIES, columns).await?;
        let mut oldest: BTreeMap<Key<'_>, Timestamp> = BTreeMap::new();
        for row in rows {
            let at = oldest.entry((&row.realm, &row.conversation)).or_insert(row.at);
            *at = (*at).min(row.at);
        }
        let oldest: Vec<_> = oldest.into_iter().collect();
        let mut columns = place(&oldest, |(key, _)| *key);
        columns.push(column(&oldest, |(_, at)| at.as_micros()));
        self.run(OLDEST, columns).await
    }

    async fn deliveries(&self, rows: &[&DeliveryRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let count = i32::try_from(rows.len()).unwrap_or(i32::MAX);
        let attempts = |row: &&DeliveryRecord| i32::try_from(row.attempts).unwrap_or(i32::MAX);
        let mut columns = place(rows, |row| (&row.realm, &row.conversation));
        columns.push(column(rows, |row| row.id.0));
        columns.push(column(rows, |row| int(row.seq)));
        columns.push(column(rows, |row| Text(row.bot.as_str())));
        columns.push(column(rows, |row| state_code(row.state)));
        columns.push(column(rows, |row| row.once));
        columns.push(column(rows, |row| row.replay));
        columns.push(column(rows, attempts));
        columns.push(column(rows, |row| row.created_at.as_micros()));
        columns.push(column(rows, |row| row.due_at.as_micros()));
        columns.push(column(rows, |row| row.cause.as_deref().map(Text)));
        columns.push(Box::new((0..count).collect::<Vec<i32>>()));
        self.run(DELIVERIES, columns).await?;
        self.attempts(rows).await?;
        let keys = rows.iter().map(|row| (&row.realm, &row.conversation)).collect();
        self.over(FIRST, &keys).await?;
        self.over(COUNT_OPEN, &keys).await
    }

    async fn attempts(&self, deliveries: &[&DeliveryRecord]) -> Result<(), Fault> {
        let attempts =
            deliveries.iter().flat_map(|row| (1_i32..).zip(&row.failed).map(move |a| (row, a)));
        let rows: Vec<_> = attempts.collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut columns = place(&rows, |(row, _)| (&row.realm, &row.conversation));
        columns.push(column(&rows, |(row, _)| row.id.0));
        columns.push(column(&rows, |(_, (made, _))| *made));
        columns.push(column(&rows, |(_, (_, failed))| i64::from(failed.number)));
        columns.push(column(&rows, |(_, (_, failed))| failed.at.as_micros()));
        columns.push(column(&rows, |(_, (_, failed))| int(failed.took_ms)));
        columns.push(column(&rows, |(_, (_, failed))| Text(&failed.outcome)));
        columns.push(column(&rows, |(_, (_, failed))| Text(&failed.cause)));
        self.run(ATTEMPTS, columns).await
    }

    async fn client_keys(&self, rows: &[&ClientKeyRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let hidden = |row: &&ClientKeyRecord| {
            let flag = |index: u64| u8::from(row.hidden.contains(&index));
            (!row.hidden.is_empty()).then(|| (0..row.count).map(flag).collect::<Vec<u8>>())
        };
        let digest = |row: &&ClientKeyRecord| i64::from_ne_bytes(row.digest.to_ne_bytes());
        let mut columns = place(rows, |row| (&row.realm, &row.conversation));
        columns.push(column(rows, |row| &row.hash[..]));
        columns.push(column(rows, digest));
        columns.push(column(rows, |row| row.at.as_micros()));
        columns.push(column(rows, |row| int(row.seq)));
        columns.push(column(rows, |row| int(row.pos)));
        columns.push(column(rows, |row| int(row.count)));
        columns.push(column(rows, hidden));
        self.run(CLIENT_KEYS, columns).await
    }

    async fn states(&self, rows: &[&StateRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = vec![
            column(rows, |row| Text(row.realm.as_str())),
            column(rows, |row| Text(&row.scope)),
            column(rows, |row| Text(&row.key)),
            column(rows, |row| int(row.version)),
            column(rows, |row| row.at.as_micros()),
            column(rows, |row| row.until.map(Timestamp::as_micros)),
            column(rows, |row| &*row.value),
            column(rows, |row| row.about.as_ref().map(|id| Text(id.as_str()))),
        ];
        self.run(STATES, columns).await
    }

    async fn timers(&self, rows: &[&TimerRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = vec![
            column(rows, |row| Text(row.realm.as_str())),
            column(rows, |row| Text(&row.scope)),
            column(rows, |row| Text(&row.key)),
            column(rows, |row| row.due_at.as_micros()),
            column(rows, |row| &*row.value),
        ];
        self.run(TIMERS, columns).await
    }

    async fn erasures(&self, rows: &[&ErasureRecord]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = vec![
            column(rows, |row| row.id),
            column(rows, |row| row.at.as_micros()),
            column(rows, |row| Text(row.realm.as_str())),
            column(rows, |row| row.person.as_ref().map(|person| Text(person.as_str()))),
            column(rows, |row| row.channel.as_ref().map(|channel| Text(channel.as_str()))),
            column(rows, |row| row.external.as_deref().map(Text)),
            Box::new((0..int(rows.len() as u64)).collect::<Vec<i64>>()),
        ];
        self.run(ERASURES, columns).await
    }
}
