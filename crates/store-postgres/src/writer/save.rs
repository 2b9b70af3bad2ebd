//! What a batch writes: a statement for each kind of row, whatever the number of rows.

use futures_util::future::try_join_all;
use maru_activity::Timestamp;
use tokio_postgres::types::ToSql;

use super::batch::{Batch, Conv, Fate, Key, Name, Parcel, Place, Seat, SeatKey};
use crate::fault::Fault;
use crate::rows::{audience_code, int, meta_column, op_code, state_code};
use crate::session::Session;
use crate::text::{Owned, Text};

const COMMITS: &str = "INSERT INTO commits (id, realm, conversation, at, seq, pos, count, hidden) \
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[], $5::int8[], $6::int8[], \
     $7::int8[], $8::bytea[]) ON CONFLICT DO NOTHING";
const OPEN: &str = "INSERT INTO conversations (realm, id, channel, channel_kind, bot, opened_at, \
     next_seq, next_pos, last_at, route, route_epoch, lease_owner, lease_epoch, open, members, \
     oldest_at) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], \
     $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::text[], $11::int8[], $12::uuid[], \
     $13::int8[], $14::int8[], $15::int8[], $16::int8[]) ON CONFLICT DO NOTHING";
const HEADS: &str = "UPDATE conversations AS c SET next_seq = u.next_seq, next_pos = u.next_pos, \
     last_at = u.last_at, route = u.route, route_epoch = u.route_epoch, \
     lease_owner = u.lease_owner, lease_epoch = u.lease_epoch, open = u.open, \
     members = u.members, oldest_at = u.oldest_at \
     FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::text[], \
     $7::int8[], $8::uuid[], $9::int8[], $10::int8[], $11::int8[], $12::int8[]) \
     AS u (realm, id, next_seq, next_pos, last_at, route, route_epoch, lease_owner, lease_epoch, \
     open, members, oldest_at) WHERE c.realm = u.realm AND c.id = u.id";
const ENTRIES: &str = "INSERT INTO entries (realm, conversation, seq, pos, at, audience, kind, role, \
     sender, turn, op, target, meta, body) SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], \
     $4::int8[], $5::int8[], $6::int2[], $7::text[], $8::int2[], $9::text[], $10::int8[], \
     $11::int2[], $12::int8[], $13::bytea[], $14::bytea[])";
const FOLDS: &str = "UPDATE entries AS e SET folded = u.folded \
     FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[]) \
     AS u (realm, conversation, seq, folded) \
     WHERE e.realm = u.realm AND e.conversation = u.conversation AND e.seq = u.seq";
const HAND_OVER: &str = "INSERT INTO deliveries (realm, conversation, id, seq, number, bot, state, \
     first, once, replay, attempts, created_at, due_at, cause, written_at) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int8[], $5::int4[], $6::text[], \
     $7::int2[], $8::bool[], $9::bool[], $10::bool[], $11::int4[], $12::int8[], $13::int8[], \
     $14::text[], $15::int8[])";
const SETTLE: &str = "UPDATE deliveries AS d SET state = u.state, first = u.first, \
     replay = u.replay, attempts = u.attempts, due_at = u.due_at, \
     cause = u.cause FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int2[], $5::bool[], \
     $6::bool[], $7::int4[], $8::int8[], $9::text[]) \
     AS u (realm, conversation, id, state, first, replay, attempts, due_at, cause) \
     WHERE d.realm = u.realm AND d.conversation = u.conversation AND d.id = u.id";
const ATTEMPTS: &str = "INSERT INTO attempts (realm, conversation, delivery, made, number, at, \
     took_ms, outcome, cause) SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int4[], \
     $5::int8[], $6::int8[], $7::int8[], $8::text[], $9::text[])";
const SIT_DOWN: &str = "INSERT INTO members (realm, conversation, role, external, number, channel, \
     name, spelled, verified, person, opened_at) SELECT * FROM unnest($1::text[], $2::text[], \
     $3::int2[], $4::text[], $5::int8[], $6::text[], $7::text[], $8::text[], $9::bool[], \
     $10::text[], $11::int8[])";
const RENAME: &str = "UPDATE members AS m SET name = u.name, spelled = u.spelled, \
     verified = u.verified FROM unnest($1::text[], $2::text[], $3::int2[], $4::text[], $5::text[], \
     $6::text[], $7::bool[]) AS u (realm, conversation, role, external, name, spelled, verified) \
     WHERE m.realm = u.realm AND m.conversation = u.conversation AND m.role = u.role \
     AND m.external = u.external";
const KEYS: &str = "INSERT INTO client_keys (realm, conversation, hash, digest, at, seq, pos, count, \
     hidden) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::int8[], $5::int8[], \
     $6::int8[], $7::int8[], $8::int8[], $9::bytea[])";
const NEW_STATES: &str = "INSERT INTO states (realm, scope, key, version, at, until, value, \
     conversation) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], \
     $5::int8[], $6::int8[], $7::bytea[], $8::text[]) ON CONFLICT DO NOTHING";
const STATES: &str = "UPDATE states AS s SET version = u.version, at = u.at, until = u.until, \
     value = u.value, conversation = u.conversation FROM unnest($1::text[], $2::text[], \
     $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::bytea[], $8::text[]) \
     AS u (realm, scope, key, version, at, until, value, conversation) \
     WHERE s.realm = u.realm AND s.scope = u.scope AND s.key = u.key";
const NO_STATES: &str = "DELETE FROM states AS s \
     USING unnest($1::text[], $2::text[], $3::text[]) AS u (realm, scope, key) \
     WHERE s.realm = u.realm AND s.scope = u.scope AND s.key = u.key";
const NEW_TIMERS: &str = "INSERT INTO timers (realm, scope, key, due_at, value) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::bytea[]) \
     ON CONFLICT DO NOTHING";
const TIMERS: &str = "UPDATE timers AS t SET due_at = u.due_at, value = u.value, held_by = NULL, \
     held_until = NULL FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::bytea[]) \
     AS u (realm, scope, key, due_at, value) \
     WHERE t.realm = u.realm AND t.scope = u.scope AND t.key = u.key";
const NO_TIMERS: &str = "DELETE FROM timers AS t \
     USING unnest($1::text[], $2::text[], $3::text[]) AS u (realm, scope, key) \
     WHERE t.realm = u.realm AND t.scope = u.scope AND t.key = u.key";
/// Waits, at its COMMIT, for whatever a commit waits for: so what is visible now is as durable.
const FENCE: &str = "UPDATE meta SET value = value + 1 WHERE name = 'fences'";

/// All of them, see `load::STATEMENTS`.
pub(super) const STATEMENTS: [&str; 18] = [
    COMMITS, OPEN, HEADS, ENTRIES, FOLDS, HAND_OVER, SETTLE, ATTEMPTS, SIT_DOWN, RENAME, KEYS,
    NEW_STATES, STATES, NO_STATES, NEW_TIMERS, TIMERS, NO_TIMERS, FENCE,
];

/// One column, with a value for each row.
type Column<'b> = Box<dyn ToSql + Sync + Send + 'b>;

/// A statement with its columns.
struct Write<'b> {
    sql: &'static str,
    columns: Vec<Column<'b>>,
    /// How many rows it must touch. Fewer: another process came first with one of them.
    rows: u64,
}

/// What came of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saved {
    /// All of it was written.
    All,
    /// Another process made a row at the same time, which this batch did not see.
    Raced,
}

/// Writes what was decided, all statements at once. The ids of the commits go first: once they are
/// written, whoever looks one of them up waits for what becomes of this transaction.
pub(super) async fn save(session: &Session, batch: &Batch<'_>) -> Result<Saved, Fault> {
    let mut writes = Writes::default();
    if !batch.done.is_empty() {
        writes.list.push(Write { sql: FENCE, columns: Vec::new(), rows: 1 });
    }
    writes.commits(batch);
    writes.conversations(batch);
    writes.states(batch);
    writes.timers(batch);
    writes.entries(batch);
    writes.outbox(batch);
    writes.members(batch);
    writes.keys(batch);
    let run = writes.list.into_iter().map(async |write| -> Result<bool, Fault> {
        let statement = session.client.prepare_cached(write.sql).await?;
        Ok(session.client.execute_raw(&statement, write.columns).await? == write.rows)
    });
    let all = try_join_all(run).await?;
    Ok(if all.into_iter().all(|whole| whole) { Saved::All } else { Saved::Raced })
}

#[derive(Default)]
struct Writes<'b> {
    list: Vec<Write<'b>>,
}

/// A column made of each row.
fn column<'b, R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Column<'b>
where
    T: ToSql + Sync + Send + 'b,
{
    Box::new(rows.iter().map(value).collect::<Vec<T>>())
}

fn micros(at: Timestamp) -> i64 {
    at.as_micros()
}

/// The two columns that nearly every table begins with.
fn place<'b, R>(rows: &[R], key: impl Fn(&R) -> &'b Key) -> Vec<Column<'b>> {
    vec![
        column(rows, |row| Text(key(row).0.as_str())),
        column(rows, |row| Text(key(row).1.as_str())),
    ]
}

impl<'b> Writes<'b> {
    fn push(&mut self, sql: &'static str, rows: usize, columns: Vec<Column<'b>>) {
        if rows > 0 {
            self.list.push(Write { sql, columns, rows: rows as u64 });
        }
    }

    fn commits(&mut self, batch: &'b Batch<'_>) {
        let rows: Vec<_> = batch.commits.iter().collect();
        let columns = vec![
            column(&rows, |row| row.id),
            column(&rows, |row| Text(row.realm.as_str())),
            column(&rows, |row| row.conversation.as_ref().map(|id| Text(id.as_str()))),
            column(&rows, |row| micros(row.places.at)),
            column(&rows, |row| int(row.places.seq)),
            column(&rows, |row| int(row.places.pos)),
            column(&rows, |row| int(row.places.count)),
            column(&rows, |row| row.places.hidden.as_deref()),
        ];
        self.push(COMMITS, rows.len(), columns);
    }

    fn conversations(&mut self, batch: &'b Batch<'_>) {
        let of = |fate| -> Vec<&'b Conv> {
            batch.known.values().filter(|conv| conv.fate == fate).collect()
        };
        let ids = |rows: &[&'b Conv]| -> Vec<Column<'b>> {
            vec![
                column(rows, |c| Text(c.known.record.realm.as_str())),
                column(rows, |c| Text(c.known.record.id.as_str())),
            ]
        };
        let heads = |rows: &[&'b Conv]| -> Vec<Column<'b>> {
            let routes = rows.iter().map(|c| c.known.head.route.to_string());
            vec![
                column(rows, |c| int(c.known.head.next_seq)),
                column(rows, |c| int(c.known.head.next_pos)),
                column(rows, |c| micros(c.known.head.last_at)),
                Box::new(routes.map(Owned).collect::<Vec<_>>()),
                column(rows, |c| int(c.known.head.route_epoch)),
                column(rows, |c| c.known.lease_owner),
                column(rows, |c| int(c.known.lease_epoch)),
                column(rows, |c| int(c.known.head.open)),
                column(rows, |c| int(c.known.members)),
                column(rows, |c| c.known.oldest_at.map(micros)),
            ]
        };
        let rows = of(Fate::New);
        let mut columns = ids(&rows);
        columns.push(column(&rows, |c| Text(c.known.record.channel.as_str())));
        columns.push(column(&rows, |c| Text(&c.known.record.channel_kind)));
        columns.push(column(&rows, |c| Text(c.known.record.bot.as_str())));
        columns.push(column(&rows, |c| micros(c.known.record.opened_at)));
        columns.extend(heads(&rows));
        self.push(OPEN, rows.len(), columns);
        let rows = of(Fate::Changed);
        let mut columns = ids(&rows);
        columns.extend(heads(&rows));
        self.push(HEADS, rows.len(), columns);
    }

    fn entries(&mut self, batch: &'b Batch<'_>) {
        let rows: Vec<_> = batch.entries.iter().collect();
        let turn = |row: &&super::batch::EntryRow<'_>| match row.entry.turn {
            maru_store::Turn::None => None,
            maru_store::Turn::Begins => Some(int(row.seq)),
            maru_store::Turn::Of(turn) => Some(int(turn)),
        };
        let mut columns = place(&rows, |row| &row.key);
        columns.push(column(&rows, |row| int(row.seq)));
        columns.push(column(&rows, |row| int(row.pos)));
        columns.push(column(&rows, |row| micros(row.at)));
        columns.push(column(&rows, |row| audience_code(row.entry.audience)));
        columns.push(column(&rows, |row| Text(row.entry.kind.as_str())));
        columns.push(column(&rows, |row| crate::rows::role_code(row.entry.role)));
        columns.push(column(&rows, |row| Text(&row.entry.sender)));
        columns.push(column(&rows, turn));
        columns.push(column(&rows, |row| op_code(row.entry.op).0));
        columns.push(column(&rows, |row| op_code(row.entry.op).1));
        columns.push(column(&rows, |row| meta_column(&row.entry.meta)));
        columns.push(column(&rows, |row| &*row.entry.body));
        self.push(ENTRIES, rows.len(), columns);
        let rows: Vec<_> = batch.folds.iter().collect();
        let mut columns = place(&rows, |((key, _), _)| key);
        columns.push(column(&rows, |((_, target), _)| int(*target)));
        columns.push(column(&rows, |(_, seq)| int(**seq)));
        self.push(FOLDS, rows.len(), columns);
    }

    fn outbox(&mut self, batch: &'b Batch<'_>) {
        let of = |fate| -> Vec<(&'b Key, &'b Parcel)> {
            let all = batch.known.iter();
            let all = all.flat_map(|(key, conv)| conv.outbox.iter().map(move |p| (key, p)));
            let mut rows: Vec<_> = all.filter(|(_, parcel)| parcel.fate == fate).collect();
            // In the order in which everyone writes to them.
            rows.sort_by_key(|(key, parcel)| (*key, parcel.place()));
            rows
        };
        let attempts = |p: &Parcel| i32::try_from(p.delivery.attempts).unwrap_or(i32::MAX);
        let rows = of(Fate::New);
        let mut columns = place(&rows, |(key, _)| key);
        columns.push(column(&rows, |(_, p)| p.delivery.id.0));
        columns.push(column(&rows, |(_, p)| int(p.delivery.seq)));
        columns.push(column(&rows, |(_, p)| p.number));
        columns.push(column(&rows, |(_, p)| Text(p.delivery.bot.as_str())));
        columns.push(column(&rows, |(_, p)| state_code(p.delivery.state)));
        columns.push(column(&rows, |(_, p)| p.first));
        columns.push(column(&rows, |(_, p)| p.delivery.once));
        columns.push(column(&rows, |(_, p)| p.delivery.replay));
        columns.push(column(&rows, |(_, p)| attempts(p)));
        columns.push(column(&rows, |(_, p)| micros(p.delivery.created_at)));
        columns.push(column(&rows, |(_, p)| micros(p.delivery.due_at)));
        columns.push(column(&rows, |(_, p)| p.delivery.cause.as_deref().map(Text)));
        columns.push(column(&rows, |(_, p)| p.written_at));
        self.push(HAND_OVER, rows.len(), columns);
        let rows = of(Fate::Changed);
        let mut columns = place(&rows, |(key, _)| key);
        columns.push(column(&rows, |(_, p)| p.delivery.id.0));
        columns.push(column(&rows, |(_, p)| state_code(p.delivery.state)));
        columns.push(column(&rows, |(_, p)| p.first));
        columns.push(column(&rows, |(_, p)| p.delivery.replay));
        columns.push(column(&rows, |(_, p)| attempts(p)));
        columns.push(column(&rows, |(_, p)| micros(p.delivery.due_at)));
        columns.push(column(&rows, |(_, p)| p.delivery.cause.as_deref().map(Text)));
        self.push(SETTLE, rows.len(), columns);
        let rows: Vec<_> = batch.attempts.iter().collect();
        let mut columns = place(&rows, |row| &row.key);
        columns.push(column(&rows, |row| row.delivery));
        columns.push(column(&rows, |row| row.made));
        columns.push(column(&rows, |row| i64::from(row.record.number)));
        columns.push(column(&rows, |row| micros(row.record.at)));
        columns.push(column(&rows, |row| int(row.record.took_ms)));
        columns.push(column(&rows, |row| Text(&row.record.outcome)));
        columns.push(column(&rows, |row| Text(&row.record.cause)));
        self.push(ATTEMPTS, rows.len(), columns);
    }

    fn members(&mut self, batch: &'b Batch<'_>) {
        let of = |fate| -> Vec<(&'b SeatKey, &'b Seat)> {
            let taken = batch.seats.iter().filter_map(|(key, place)| match place {
                Place::Taken(seat) => Some((key, seat)),
                Place::Free(_) => None,
            });
            taken.filter(|(_, seat)| seat.fate == fate).collect()
        };
        let record = |key: &SeatKey| batch.known.get(&key.0).map(|conv| &conv.known.record);
        let rows = of(Fate::New);
        let mut columns = place(&rows, |(key, _)| &key.0);
        columns.push(column(&rows, |(key, _)| key.1));
        columns.push(column(&rows, |(key, _)| Text(&key.2)));
        columns.push(column(&rows, |(_, seat)| int(seat.number)));
        columns.push(column(&rows, |(key, _)| record(key).map(|r| Text(r.channel.as_str()))));
        columns.push(column(&rows, |(_, seat)| seat.name.as_deref().map(Text)));
        columns.push(column(&rows, |(_, seat)| seat.spelled.as_deref().map(Text)));
        columns.push(column(&rows, |(_, seat)| seat.verified));
        columns.push(column(&rows, |(_, seat)| Text(&seat.person)));
        columns.push(column(&rows, |(key, _)| record(key).map(|r| micros(r.opened_at))));
        self.push(SIT_DOWN, rows.len(), columns);
        let rows = of(Fate::Changed);
        let mut columns = place(&rows, |(key, _)| &key.0);
        columns.push(column(&rows, |(key, _)| key.1));
        columns.push(column(&rows, |(key, _)| Text(&key.2)));
        columns.push(column(&rows, |(_, seat)| seat.name.as_deref().map(Text)));
        columns.push(column(&rows, |(_, seat)| seat.spelled.as_deref().map(Text)));
        columns.push(column(&rows, |(_, seat)| seat.verified));
        self.push(RENAME, rows.len(), columns);
    }

    fn keys(&mut self, batch: &'b Batch<'_>) {
        let rows: Vec<_> = batch.new_keys.iter().collect();
        let mut columns = place(&rows, |row| &row.key);
        columns.push(column(&rows, |row| row.hash.as_slice()));
        columns.push(column(&rows, |row| i64::from_ne_bytes(row.digest.to_ne_bytes())));
        columns.push(column(&rows, |row| micros(row.places.at)));
        columns.push(column(&rows, |row| int(row.places.seq)));
        columns.push(column(&rows, |row| int(row.places.pos)));
        columns.push(column(&rows, |row| int(row.places.count)));
        columns.push(column(&rows, |row| row.places.hidden.as_deref()));
        self.push(KEYS, rows.len(), columns);
    }

    fn states(&mut self, batch: &'b Batch<'_>) {
        let (mut new, mut old, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (name, slot) in &batch.states {
            let Some((at, write)) = slot.write else { continue };
            match (&write.value, slot.found) {
                (Some(value), 0) => new.push((name, slot.version, at, write, value)),
                (Some(value), _) => old.push((name, slot.version, at, write, value)),
                (None, 0) => {}
                (None, _) => gone.push(name),
            }
        }
        for (sql, rows) in [(NEW_STATES, new), (STATES, old)] {
            let mut columns = names(&rows, |row| row.0);
            columns.push(column(&rows, |row| int(row.1)));
            columns.push(column(&rows, |row| micros(row.2)));
            columns.push(column(&rows, |row| row.3.until.map(micros)));
            columns.push(column(&rows, |row| &**row.4));
            columns.push(column(&rows, |row| row.3.about.as_ref().map(|id| Text(id.as_str()))));
            self.push(sql, rows.len(), columns);
        }
        self.push(NO_STATES, gone.len(), names(&gone, |name| name));
    }

    fn timers(&mut self, batch: &'b Batch<'_>) {
        let (mut new, mut old, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (name, slot) in &batch.timers {
            let Some(write) = slot.write else { continue };
            match (&write.set, slot.found) {
                (Some((due_at, value)), false) => new.push((name, *due_at, value)),
                (Some((due_at, value)), true) => old.push((name, *due_at, value)),
                (None, false) => {}
                (None, true) => gone.push(name),
            }
        }
        for (sql, rows) in [(NEW_TIMERS, new), (TIMERS, old)] {
            let mut columns = names(&rows, |row| row.0);
            columns.push(column(&rows, |row| micros(row.1)));
            columns.push(column(&rows, |row| &**row.2));
            self.push(sql, rows.len(), columns);
        }
        self.push(NO_TIMERS, gone.len(), names(&gone, |name| name));
    }
}

fn names<'b, R>(rows: &[R], name: impl Fn(&R) -> &'b Name) -> Vec<Column<'b>> {
    vec![
        column(rows, |row| Text(name(row).0.as_str())),
        column(rows, |row| Text(&name(row).1)),
        column(rows, |row| Text(&name(row).2)),
    ]
}
