//! What a batch reads: the rows it locks, and what its commits refer to.
//!
//! Every statement looks up all of a kind at once, and is left out when there is nothing of it. Those
//! of one step are sent together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use maru_activity::{ChannelId, Role};
use maru_store::{Commit, Op};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::batch::{
    Batch, Conv, Fate, Key, Name, Parcel, Place, Seat, SeatKey, StateSlot, TimerSlot, name,
};
use crate::fault::Fault;
use crate::rows::{
    self, delivery_columns, get, int, known_columns, maybe_text, role_code, text, time, uint,
};
use crate::session::{Session, now};
use crate::text::Text;

/// Rows are locked in the order of their keys by everyone, so that no two wait for each other.
const LOCK_CONVERSATIONS: &str = concat!(
    "SELECT ",
    known_columns!(),
    " FROM unnest($1::text[], $2::text[]) AS u (realm, id) \
     JOIN conversations c ON c.realm = u.realm AND c.id = u.id \
     ORDER BY c.realm, c.id FOR UPDATE OF c"
);
const LOCK_STATES: &str = "SELECT s.realm, s.scope, s.key, s.version \
     FROM unnest($1::text[], $2::text[], $3::text[]) AS u (realm, scope, key) \
     JOIN states s ON s.realm = u.realm AND s.scope = u.scope AND s.key = u.key \
     ORDER BY s.realm, s.scope, s.key FOR UPDATE OF s";
const LOCK_TIMERS: &str = "SELECT t.realm, t.scope, t.key, t.due_at \
     FROM unnest($1::text[], $2::text[], $3::text[]) AS u (realm, scope, key) \
     JOIN timers t ON t.realm = u.realm AND t.scope = u.scope AND t.key = u.key \
     ORDER BY t.realm, t.scope, t.key FOR UPDATE OF t";
const KEYS: &str = "SELECT k.realm, k.conversation, k.hash, k.digest, k.at, k.seq, k.pos, k.count, \
     k.hidden FROM unnest($1::text[], $2::text[], $3::bytea[]) AS u (realm, conversation, hash) \
     JOIN client_keys k ON k.realm = u.realm AND k.conversation = u.conversation AND k.hash = u.hash";
const SEATS: &str = "SELECT u.realm, u.conversation, u.role, u.external, m.number, m.name, m.spelled, \
     m.verified, m.person, CASE WHEN m.number IS NULL THEN (SELECT p.person FROM members p \
     WHERE p.realm = u.realm AND p.channel = u.channel AND p.external = u.external \
     AND p.role = u.role ORDER BY p.opened_at DESC LIMIT 1) END AS linked \
     FROM unnest($1::text[], $2::text[], $3::int2[], $4::text[], $5::text[]) \
     AS u (realm, conversation, role, external, channel) \
     LEFT JOIN members m ON m.realm = u.realm AND m.conversation = u.conversation \
     AND m.role = u.role AND m.external = u.external";
const TARGETS: &str = "SELECT e.realm, e.conversation, e.seq, e.op \
     FROM unnest($1::text[], $2::text[], $3::int8[]) AS u (realm, conversation, seq) \
     JOIN entries e ON e.realm = u.realm AND e.conversation = u.conversation AND e.seq = u.seq";
const SETTLED: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM unnest($1::text[], $2::text[], $3::uuid[]) AS u (realm, conversation, id) \
     JOIN deliveries d ON d.realm = u.realm AND d.conversation = u.conversation AND d.id = u.id \
     JOIN conversations c ON c.realm = u.realm AND c.id = u.conversation"
);
const OLDEST_OPEN: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM unnest($1::text[], $2::text[]) AS u (realm, id) \
     JOIN conversations c ON c.realm = u.realm AND c.id = u.id \
     CROSS JOIN LATERAL (SELECT o.* FROM deliveries o WHERE o.realm = c.realm \
     AND o.conversation = c.id AND o.state = 0 ORDER BY o.seq, o.number LIMIT $3) AS d"
);
const CLOCK: &str = concat!(
    "SELECT ",
    now!(),
    " AS now, ARRAY(SELECT n.id FROM nodes n WHERE n.until > ",
    now!(),
    ") AS live"
);
const DONE: &str = "SELECT id FROM commits WHERE id = ANY($1::uuid[])";

/// All of them, to be prepared when a connection is made: what is prepared only when it is needed
/// would be sent behind what should come after it.
pub(super) const STATEMENTS: [&str; 10] = [
    LOCK_CONVERSATIONS,
    LOCK_STATES,
    LOCK_TIMERS,
    KEYS,
    SEATS,
    TARGETS,
    SETTLED,
    OLDEST_OPEN,
    CLOCK,
    DONE,
];

/// Rows, if there is anything to look for.
async fn rows<const N: usize>(
    session: &Session,
    wanted: bool,
    sql: &'static str,
    values: [&(dyn ToSql + Sync); N],
) -> Result<Vec<Row>, Fault> {
    if !wanted {
        return Ok(Vec::new());
    }
    let statement = session.client.prepare_cached(sql).await?;
    Ok(session.client.query(&statement, &values).await?)
}

/// Begins the transaction, and locks what the commits are about.
pub(super) async fn lock<'a>(
    session: &Session,
    commits: &[&'a Commit],
    batch: &mut Batch<'a>,
) -> Result<(), Fault> {
    let mut conversations: BTreeSet<Key> = BTreeSet::new();
    let (mut states, mut timers) = (BTreeSet::<Name>::new(), BTreeSet::<Name>::new());
    for commit in commits {
        let change = commit.conversation.iter();
        conversations.extend(change.map(|change| (commit.realm.clone(), change.id.clone())));
        states.extend(commit.states.iter().map(|w| name(&commit.realm, &w.scope, &w.key)));
        timers.extend(commit.timers.iter().map(|w| name(&commit.realm, &w.scope, &w.key)));
    }
    let (realms, ids): (Vec<_>, Vec<_>) =
        conversations.iter().map(|(realm, id)| (Text(realm.as_str()), Text(id.as_str()))).unzip();
    let (states, timers) = (Names::of(&states), Names::of(&timers));
    let begin =
        async { Ok(session.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?) };
    let ((), known, states, timers) = tokio::try_join!(
        begin,
        rows(session, !ids.is_empty(), LOCK_CONVERSATIONS, [&realms, &ids]),
        rows(session, !states.keys.is_empty(), LOCK_STATES, states.values()),
        rows(session, !timers.keys.is_empty(), LOCK_TIMERS, timers.values()),
    )?;
    for row in &known {
        let known = rows::known(row)?;
        let key = (known.record.realm.clone(), known.record.id.clone());
        batch.known.insert(key, Conv::new(known, Fate::Same));
    }
    for row in &states {
        let version = uint(row, "version")?;
        let slot = StateSlot { found: version, version, write: None };
        batch.states.insert(row_name(row)?, slot);
    }
    for row in &timers {
        let slot = TimerSlot { found: true, due_at: Some(time(row, "due_at")?), write: None };
        batch.timers.insert(row_name(row)?, slot);
    }
    Ok(())
}

/// The names of states or timers as columns.
struct Names<'a> {
    realms: Vec<Text<'a>>,
    scopes: Vec<Text<'a>>,
    keys: Vec<Text<'a>>,
}

impl<'a> Names<'a> {
    fn of(names: &'a BTreeSet<Name>) -> Self {
        Self {
            realms: names.iter().map(|(realm, _, _)| Text(realm.as_str())).collect(),
            scopes: names.iter().map(|(_, scope, _)| Text(scope)).collect(),
            keys: names.iter().map(|(_, _, key)| Text(key)).collect(),
        }
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.realms, &self.scopes, &self.keys]
    }
}

fn row_name(row: &Row) -> Result<Name, Fault> {
    Ok((text(row, "realm")?.into(), text(row, "scope")?, text(row, "key")?))
}

fn row_key(row: &Row) -> Result<Key, Fault> {
    Ok((text(row, "realm")?.into(), text(row, "conversation")?.into()))
}

/// What the commits refer to, in their own words.
#[derive(Default)]
struct Wanted {
    keys: Vec<(Key, [u8; 16])>,
    seats: BTreeMap<SeatKey, ChannelId>,
    targets: BTreeSet<(Key, i64)>,
    settled: BTreeSet<(Key, Uuid)>,
    /// How many settlements each conversation has.
    settles: BTreeMap<Key, i64>,
    hands_over: bool,
    ids: Vec<Uuid>,
}

impl Wanted {
    fn of(commits: &[&Commit], batch: &Batch<'_>) -> Self {
        let mut wanted = Self::default();
        let mut channels: HashMap<Key, ChannelId> = batch
            .known
            .iter()
            .map(|(key, conv)| (key.clone(), conv.known.record.channel.clone()))
            .collect();
        for commit in commits {
            wanted.ids.push(commit.id.0);
            let Some(change) = &commit.conversation else { continue };
            let key = (commit.realm.clone(), change.id.clone());
            if let Some(opening) = &change.open {
                channels.entry(key.clone()).or_insert_with(|| opening.channel.clone());
            }
            // What is neither there nor opened is refused whatever it wants.
            let Some(channel) = channels.get(&key) else { continue };
            if let Some(client_key) = &change.client_key {
                wanted.keys.push((key.clone(), client_key.hash(&change.id)));
            }
            let seat = |role, external: &str| (key.clone(), role_code(role), external.to_owned());
            let members = change.members.iter().map(|m| seat(m.role, &m.account.id));
            let newcomer = change.expect.newcomer.iter().map(|user| seat(Role::User, user));
            wanted.seats.extend(members.chain(newcomer).map(|seat| (seat, channel.clone())));
            for entry in &change.entries {
                if let Op::Update(target) | Op::Delete(target) = entry.op {
                    wanted.targets.insert((key.clone(), int(target)));
                }
            }
            for settlement in &change.settlements {
                wanted.settled.insert((key.clone(), settlement.delivery.0));
                *wanted.settles.entry(key.clone()).or_default() += 1;
            }
            wanted.hands_over |= !change.deliveries.is_empty();
        }
        wanted
    }
}

/// Reads what the commits refer to, now that it cannot change any more. `lookup`: some of them may
/// have taken place already.
pub(super) async fn read<'a>(
    session: &Session,
    commits: &[&'a Commit],
    batch: &mut Batch<'a>,
    lookup: bool,
) -> Result<(), Fault> {
    let wanted = Wanted::of(commits, batch);
    let (key_realms, key_ids) = columns(wanted.keys.iter().map(|(key, _)| key));
    let hashes: Vec<&[u8]> = wanted.keys.iter().map(|(_, hash)| hash.as_slice()).collect();
    let (seat_realms, seat_ids) = columns(wanted.seats.keys().map(|(key, _, _)| key));
    let roles: Vec<i16> = wanted.seats.keys().map(|(_, role, _)| *role).collect();
    let externals: Vec<Text<'_>> = wanted.seats.keys().map(|(_, _, e)| Text(e)).collect();
    let channels: Vec<Text<'_>> = wanted.seats.values().map(|c| Text(c.as_str())).collect();
    let (target_realms, target_ids) = columns(wanted.targets.iter().map(|(key, _)| key));
    let seqs: Vec<i64> = wanted.targets.iter().map(|(_, seq)| *seq).collect();
    let (settled_realms, settled_ids) = columns(wanted.settled.iter().map(|(key, _)| key));
    let deliveries: Vec<Uuid> = wanted.settled.iter().map(|(_, id)| *id).collect();
    let (settle_realms, settle_ids) = columns(wanted.settles.keys());
    // One more than the batch can settle of any: one is left then, if there is any.
    let most = 1 + wanted.settles.values().max().copied().unwrap_or(0);
    let (keys, seats, targets, settled, oldest, clock, done) = tokio::try_join!(
        rows(session, !hashes.is_empty(), KEYS, [&key_realms, &key_ids, &hashes]),
        rows(
            session,
            !roles.is_empty(),
            SEATS,
            [&seat_realms, &seat_ids, &roles, &externals, &channels]
        ),
        rows(session, !seqs.is_empty(), TARGETS, [&target_realms, &target_ids, &seqs]),
        rows(
            session,
            !deliveries.is_empty(),
            SETTLED,
            [&settled_realms, &settled_ids, &deliveries]
        ),
        rows(session, !settle_ids.is_empty(), OLDEST_OPEN, [&settle_realms, &settle_ids, &most]),
        rows(session, wanted.hands_over, CLOCK, []),
        rows(session, lookup, DONE, [&wanted.ids]),
    )?;
    for row in &keys {
        let hash = <[u8; 16]>::try_from(get::<&[u8]>(row, "hash")?);
        let hash = hash.map_err(|_| Fault::Bad("hash"))?;
        let digest = u64::from_ne_bytes(get::<i64>(row, "digest")?.to_ne_bytes());
        batch.keys.insert((row_key(row)?, hash), (digest, rows::places(row)?));
    }
    for row in &seats {
        let seat_key = (row_key(row)?, get(row, "role")?, text(row, "external")?);
        batch.seats.insert(seat_key, place(row)?);
    }
    for row in &targets {
        batch.says.insert((row_key(row)?, uint(row, "seq")?), get::<i16>(row, "op")? == 0);
    }
    take_outbox(batch, &wanted, settled.iter().chain(&oldest))?;
    if let Some(row) = clock.first() {
        batch.written_at = batch.written_at.max(get(row, "now")?);
        batch.live = get::<Vec<Uuid>>(row, "live")?.into_iter().collect();
    }
    for row in &done {
        batch.done.insert(get(row, "id")?);
    }
    Ok(())
}

fn columns<'a>(keys: impl Iterator<Item = &'a Key>) -> (Vec<Text<'a>>, Vec<Text<'a>>) {
    keys.map(|(realm, id)| (Text(realm.as_str()), Text(id.as_str()))).unzip()
}

fn place(row: &Row) -> Result<Place, Fault> {
    let Some(number) = get::<Option<i64>>(row, "number")? else {
        return Ok(Place::Free(maybe_text(row, "linked")?));
    };
    Ok(Place::Taken(Seat {
        number: u64::try_from(number).map_err(|_| Fault::Bad("number"))?,
        name: maybe_text(row, "name")?,
        spelled: maybe_text(row, "spelled")?,
        verified: get(row, "verified")?,
        person: text(row, "person")?,
        fate: Fate::Same,
    }))
}

fn take_outbox<'r>(
    batch: &mut Batch<'_>,
    wanted: &Wanted,
    rows: impl Iterator<Item = &'r Row>,
) -> Result<(), Fault> {
    for key in wanted.settles.keys() {
        if let Some(conv) = batch.known.get_mut(key) {
            conv.settles = true;
        }
    }
    for row in rows {
        let delivery = rows::delivery(row)?;
        let key = (delivery.realm.clone(), delivery.conversation.clone());
        let Some(conv) = batch.known.get_mut(&key) else { continue };
        // One that is to be settled is often the oldest, too.
        if conv.outbox.iter().any(|parcel| parcel.delivery.id == delivery.id) {
            continue;
        }
        conv.outbox.push(Parcel {
            number: get(row, "number")?,
            first: get(row, "first")?,
            written_at: get(row, "written_at")?,
            fate: Fate::Same,
            delivery,
        });
    }
    Ok(())
}
