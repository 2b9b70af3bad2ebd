//! From rows to values and back: the codes that columns hold.

use bytes::Bytes;
use maru_activity::{
    Account, Audience, BotId, ChannelId, ConversationId, DeliveryId, Kind, PersonId, RealmId, Role,
    Timestamp,
};
use maru_store::{
    AttemptRecord, Conversation, Delivery, DeliveryState, Entry, Error, Head, Member, Meta, Op,
    Places, Route, State, Timer,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use crate::fault::Fault;
use crate::text::Kept;

/// PostgreSQL's integers have a sign. What Maru counts stays far below 2⁶³.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As many rows as SQL may be asked for.
pub(crate) fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A column.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, name: &'static str) -> Result<T, Fault> {
    Ok(row.try_get(name)?)
}

/// A count or a place out of a column.
pub(crate) fn uint(row: &Row, name: &'static str) -> Result<u64, Fault> {
    u64::try_from(get::<i64>(row, name)?).map_err(|_| Fault::Bad(name))
}

pub(crate) fn time(row: &Row, name: &'static str) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_micros(get(row, name)?))
}

pub(crate) fn text(row: &Row, name: &'static str) -> Result<String, Fault> {
    Ok(get::<Kept>(row, name)?.0)
}

pub(crate) fn maybe_text(row: &Row, name: &'static str) -> Result<Option<String>, Fault> {
    Ok(get::<Option<Kept>>(row, name)?.map(|kept| kept.0))
}

pub(crate) fn bytes(row: &Row, name: &'static str) -> Result<Bytes, Fault> {
    Ok(Bytes::copy_from_slice(get(row, name)?))
}

pub(crate) fn audience_code(audience: Audience) -> i16 {
    match audience {
        Audience::All => 0,
        Audience::Agents => 1,
        Audience::Customer => 2,
    }
}

fn audience(row: &Row) -> Result<Audience, Fault> {
    match get(row, "audience")? {
        0_i16 => Ok(Audience::All),
        1 => Ok(Audience::Agents),
        2 => Ok(Audience::Customer),
        _ => Err(Fault::Bad("audience")),
    }
}

pub(crate) fn role_code(role: Role) -> i16 {
    match role {
        Role::User => 0,
        Role::Bot => 1,
        Role::Agent => 2,
    }
}

fn role(row: &Row) -> Result<Role, Fault> {
    match get(row, "role")? {
        0_i16 => Ok(Role::User),
        1 => Ok(Role::Bot),
        2 => Ok(Role::Agent),
        _ => Err(Fault::Bad("role")),
    }
}

pub(crate) fn state_code(state: DeliveryState) -> i16 {
    match state {
        DeliveryState::Open => 0,
        DeliveryState::Settled => 1,
        DeliveryState::Dead => 2,
    }
}

fn delivery_state(row: &Row) -> Result<DeliveryState, Fault> {
    match get(row, "state")? {
        0_i16 => Ok(DeliveryState::Open),
        1 => Ok(DeliveryState::Settled),
        2 => Ok(DeliveryState::Dead),
        _ => Err(Fault::Bad("state")),
    }
}

/// An entry's `op` and `target`.
pub(crate) fn op_code(op: Op) -> (i16, Option<i64>) {
    match op {
        Op::Say => (0, None),
        Op::Update(target) => (1, Some(int(target))),
        Op::Delete(target) => (2, Some(int(target))),
    }
}

fn op(row: &Row) -> Result<Op, Fault> {
    match get(row, "op")? {
        0_i16 => Ok(Op::Say),
        1 => Ok(Op::Update(uint(row, "target")?)),
        2 => Ok(Op::Delete(uint(row, "target")?)),
        _ => Err(Fault::Bad("op")),
    }
}

/// What [`entry`] reads.
macro_rules! entry_columns {
    () => {
        "seq, pos, at, audience, kind, role, turn, op, target, folded, sender, meta, body"
    };
}
pub(crate) use entry_columns;

pub(crate) fn entry(row: &Row) -> Result<Entry, Fault> {
    let audience = audience(row)?;
    let seq = |name| -> Result<Option<u64>, Fault> {
        let number: Option<i64> = get(row, name)?;
        number.map(|number| u64::try_from(number).map_err(|_| Fault::Bad(name))).transpose()
    };
    let meta = match get::<Option<&[u8]>>(row, "meta")? {
        None => Meta::default(),
        Some(text) => serde_json::from_slice(text).map_err(|_| Fault::Bad("meta"))?,
    };
    let pos = uint(row, "pos")?;
    Ok(Entry {
        seq: uint(row, "seq")?,
        pos: audience.has_pos().then_some(pos),
        at: time(row, "at")?,
        audience,
        kind: Kind::from(&*text(row, "kind")?),
        role: role(row)?,
        sender: text(row, "sender")?.into(),
        turn: seq("turn")?,
        op: op(row)?,
        folded: seq("folded")?,
        body: bytes(row, "body")?,
        meta,
    })
}

/// The `meta` column: nothing when there is nothing to keep.
pub(crate) fn meta_column(meta: &Meta) -> Option<Vec<u8>> {
    // A meta is made of texts, flags and JSON, all of which can be written.
    if meta.is_empty() { None } else { serde_json::to_vec(meta).ok() }
}

/// What [`delivery`] reads; the tables are `deliveries d` and `conversations c`.
macro_rules! delivery_columns {
    () => {
        "d.realm, d.conversation, d.id, d.seq, d.number, d.bot, d.state, d.first, d.once, \
         d.replay, d.attempts, d.created_at, d.due_at, d.cause, d.written_at, c.lease_epoch"
    };
}
pub(crate) use delivery_columns;

pub(crate) fn delivery(row: &Row) -> Result<Delivery, Fault> {
    Ok(Delivery {
        id: DeliveryId(get(row, "id")?),
        realm: RealmId::new(text(row, "realm")?),
        conversation: ConversationId::new(text(row, "conversation")?),
        seq: uint(row, "seq")?,
        bot: BotId::new(text(row, "bot")?),
        state: delivery_state(row)?,
        once: get(row, "once")?,
        replay: get(row, "replay")?,
        attempts: u32::try_from(get::<i32>(row, "attempts")?)
            .map_err(|_| Fault::Bad("attempts"))?,
        created_at: time(row, "created_at")?,
        due_at: time(row, "due_at")?,
        cause: maybe_text(row, "cause")?,
        lease: uint(row, "lease_epoch")?,
    })
}

pub(crate) fn attempt(row: &Row) -> Result<AttemptRecord, Fault> {
    Ok(AttemptRecord {
        number: u32::try_from(get::<i64>(row, "number")?).map_err(|_| Fault::Bad("number"))?,
        at: time(row, "at")?,
        took_ms: uint(row, "took_ms")?,
        outcome: text(row, "outcome")?,
        cause: text(row, "cause")?,
    })
}

/// A conversation with all that its row holds.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) record: Conversation,
    pub(crate) head: Head,
    pub(crate) members: u64,
    pub(crate) oldest_at: Option<Timestamp>,
    pub(crate) lease_owner: Option<Uuid>,
    pub(crate) lease_epoch: u64,
}

/// What [`known`] and [`conversation`] read; the table is `conversations c`.
macro_rules! known_columns {
    () => {
        "c.realm, c.id, c.channel, c.channel_kind, c.bot, c.opened_at, c.next_seq, c.next_pos, \
         c.last_at, c.route, c.route_epoch, c.lease_owner, c.lease_epoch, c.open, c.members, \
         c.oldest_at"
    };
}
pub(crate) use known_columns;

pub(crate) fn conversation(row: &Row) -> Result<Conversation, Fault> {
    Ok(Conversation {
        id: ConversationId::new(text(row, "id")?),
        realm: RealmId::new(text(row, "realm")?),
        channel: ChannelId::new(text(row, "channel")?),
        channel_kind: text(row, "channel_kind")?.into(),
        bot: BotId::new(text(row, "bot")?),
        opened_at: time(row, "opened_at")?,
    })
}

pub(crate) fn head(row: &Row) -> Result<Head, Fault> {
    let route: Result<Route, _> = text(row, "route")?.parse();
    Ok(Head {
        next_seq: uint(row, "next_seq")?,
        next_pos: uint(row, "next_pos")?,
        last_at: time(row, "last_at")?,
        route: route.map_err(|_| Fault::Bad("route"))?,
        route_epoch: uint(row, "route_epoch")?,
        open: uint(row, "open")?,
    })
}

pub(crate) fn known(row: &Row) -> Result<Known, Fault> {
    Ok(Known {
        record: conversation(row)?,
        head: head(row)?,
        members: uint(row, "members")?,
        oldest_at: get::<Option<i64>>(row, "oldest_at")?.map(Timestamp::from_micros),
        lease_owner: get(row, "lease_owner")?,
        lease_epoch: uint(row, "lease_epoch")?,
    })
}

pub(crate) fn member(row: &Row) -> Result<Member, Fault> {
    Ok(Member {
        role: role(row)?,
        account: Account {
            id: text(row, "external")?,
            name: maybe_text(row, "name")?,
            role: maybe_text(row, "spelled")?,
        },
        verified: get(row, "verified")?,
        person: PersonId::new(text(row, "person")?),
    })
}

pub(crate) fn state(row: &Row) -> Result<State, Fault> {
    Ok(State {
        key: text(row, "key")?,
        version: uint(row, "version")?,
        at: time(row, "at")?,
        value: bytes(row, "value")?,
    })
}

pub(crate) fn timer(row: &Row) -> Result<Timer, Fault> {
    Ok(Timer {
        realm: RealmId::new(text(row, "realm")?),
        scope: text(row, "scope")?,
        key: text(row, "key")?,
        due_at: time(row, "due_at")?,
        value: bytes(row, "value")?,
    })
}

/// All rows, each read so.
pub(crate) fn each<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    rows.iter().map(read).collect()
}

/// The places that a row of `commits` or `client_keys` holds.
pub(crate) fn places(row: &Row) -> Result<Places, Fault> {
    Ok(Places {
        seq: uint(row, "seq")?,
        pos: uint(row, "pos")?,
        count: uint(row, "count")?,
        at: time(row, "at")?,
        hidden: get(row, "hidden")?,
    })
}

/// A page's key out of a cursor that [`cursor`] made.
pub(crate) fn after(cursor: Option<&str>) -> Result<Option<(i64, i64, &str)>, Error> {
    let Some(cursor) = cursor else { return Ok(None) };
    let mut parts = cursor.splitn(3, '.');
    let mut number = || parts.next()?.parse().ok();
    let key = number().zip(number());
    let key = key.zip(parts.next()).map(|((first, second), id)| (first, second, id));
    key.map(Some).ok_or(Error::Unsound("no cursor of this listing"))
}

/// A cursor: where an item stands in a listing.
pub(crate) fn cursor(first: i64, second: i64, id: &str) -> String {
    format!("{first}.{second}.{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_can_be_written_down_and_given_again() {
        let at = Timestamp::from_secs(7);
        let audiences = [Audience::Agents, Audience::All, Audience::Agents, Audience::Customer];
        let places = Places::new((10, 4), at, audiences.into_iter());
        let given: Vec<_> = places.placed().iter().map(|p| (p.seq, p.pos)).collect();
        assert_eq!(given, [(10, None), (11, Some(4)), (12, None), (13, Some(5))]);

        let visible = Places::new((0, 0), at, [Audience::All; 3].into_iter());
        assert_eq!(visible.hidden, None, "the usual case costs nothing");
        assert_eq!(visible.placed().last().and_then(|p| p.pos), Some(2));
    }

    #[test]
    fn cursors_are_read_as_they_were_made() {
        assert_eq!(after(Some(&cursor(-7, 8, "a.b"))), Ok(Some((-7, 8, "a.b"))));
        assert_eq!(after(None), Ok(None));
        for wrong in ["", "1", "1.2", "x.2.a"] {
            assert!(after(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
