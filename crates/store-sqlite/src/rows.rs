//! From rows to values and back: the codes that columns hold.

use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{
    Account, Audience, BotId, ChannelId, ConversationId, DeliveryId, Kind, PersonId, RealmId, Role,
    Seq, Timestamp,
};
use maru_store::{
    AttemptRecord, Conversation, Delivery, DeliveryState, Entry, Error, Member, Meta, Op, Places,
    Route,
};
use rusqlite::types::{FromSqlError, ToSqlOutput, Type, ValueRef};
use rusqlite::{ErrorCode, Row, ToSql};
use uuid::Uuid;

/// A column that holds what no version of this program wrote.
#[derive(Debug, thiserror::Error)]
#[error("column {0} holds no known value")]
struct BadColumn(&'static str);

fn bad(column: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(BadColumn(column)))
}

/// What an error of SQLite means to a caller, when no writing was under way.
pub(crate) fn fault(error: &rusqlite::Error) -> Error {
    use rusqlite::Error as E;
    let text = || Arc::from(error.to_string());
    match error {
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..) => Error::Damaged(text()),
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged(text()),
            Some(ErrorCode::DiskFull) => Error::Full,
            Some(ErrorCode::ConstraintViolation) => Error::Unsound("an id is taken already"),
            _ => Error::Unavailable(text()),
        },
    }
}

/// SQLite's integers have a sign. What Maru counts stays far below 2⁶³.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or a place out of a column.
pub(crate) fn uint(row: &Row<'_>, name: &'static str) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(name)?).map_err(|_| bad(name))
}

pub(crate) fn time(row: &Row<'_>, name: &'static str) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_micros(row.get(name)?))
}

pub(crate) fn text(row: &Row<'_>, name: &'static str) -> rusqlite::Result<Arc<str>> {
    Ok(row.get_ref(name)?.as_str().map_err(|_| bad(name))?.into())
}

pub(crate) fn bytes(row: &Row<'_>, name: &'static str) -> rusqlite::Result<Bytes> {
    Ok(Bytes::copy_from_slice(row.get_ref(name)?.as_blob().map_err(|_| bad(name))?))
}

pub(crate) fn audience_code(audience: Audience) -> i64 {
    match audience {
        Audience::All => 0,
        Audience::Agents => 1,
        Audience::Customer => 2,
    }
}

pub(crate) fn audience(row: &Row<'_>) -> rusqlite::Result<Audience> {
    match row.get("audience")? {
        0 => Ok(Audience::All),
        1 => Ok(Audience::Agents),
        2 => Ok(Audience::Customer),
        i64::MIN..=-1 | 3.. => Err(bad("audience")),
    }
}

pub(crate) fn role_code(role: Role) -> i64 {
    match role {
        Role::User => 0,
        Role::Bot => 1,
        Role::Agent => 2,
    }
}

pub(crate) fn role(row: &Row<'_>) -> rusqlite::Result<Role> {
    match row.get("role")? {
        0 => Ok(Role::User),
        1 => Ok(Role::Bot),
        2 => Ok(Role::Agent),
        i64::MIN..=-1 | 3.. => Err(bad("role")),
    }
}

pub(crate) fn state_code(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Open => 0,
        DeliveryState::Settled => 1,
        DeliveryState::Dead => 2,
    }
}

pub(crate) fn delivery_state(row: &Row<'_>) -> rusqlite::Result<DeliveryState> {
    match row.get("state")? {
        0 => Ok(DeliveryState::Open),
        1 => Ok(DeliveryState::Settled),
        2 => Ok(DeliveryState::Dead),
        i64::MIN..=-1 | 3.. => Err(bad("state")),
    }
}

/// The known kinds by their code. Codes are in every database: only append.
const KINDS: [Kind; 10] = [
    Kind::Message,
    Kind::Typing,
    Kind::Event,
    Kind::ConversationUpdate,
    Kind::EndOfConversation,
    Kind::Invoke,
    Kind::Trace,
    Kind::MessageReaction,
    Kind::MessageUpdate,
    Kind::MessageDelete,
];

/// A kind as its column holds it.
pub(crate) struct KindColumn<'a>(pub(crate) &'a Kind);

impl ToSql for KindColumn<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let code = KINDS.iter().position(|kind| kind == self.0).and_then(|c| i64::try_from(c).ok());
        Ok(match code {
            Some(code) => ToSqlOutput::from(code),
            None => ToSqlOutput::from(self.0.as_str()),
        })
    }
}

fn kind(row: &Row<'_>) -> rusqlite::Result<Kind> {
    match row.get_ref("kind")? {
        ValueRef::Integer(code) => usize::try_from(code)
            .ok()
            .and_then(|code| KINDS.get(code))
            .cloned()
            .ok_or_else(|| bad("kind")),
        ValueRef::Text(name) => std::str::from_utf8(name).map(Kind::from).map_err(|_| bad("kind")),
        _ => Err(bad("kind")),
    }
}

pub(crate) fn op_code(op: Op) -> (i64, Option<i64>) {
    match op {
        Op::Say => (0, None),
        Op::Update(target) => (1, Some(int(target))),
        Op::Delete(target) => (2, Some(int(target))),
    }
}

fn op(row: &Row<'_>) -> rusqlite::Result<Op> {
    match row.get("op")? {
        0 => Ok(Op::Say),
        1 => Ok(Op::Update(uint(row, "target")?)),
        2 => Ok(Op::Delete(uint(row, "target")?)),
        i64::MIN..=-1 | 3.. => Err(bad("op")),
    }
}

/// The `folded` column: the seq plus one, or zero for none.
pub(crate) fn folded_column(folded: Option<Seq>) -> [u8; 8] {
    folded.map_or(0, |seq| seq + 1).to_be_bytes()
}

fn folded(row: &Row<'_>) -> rusqlite::Result<Option<Seq>> {
    let number: [u8; 8] = row.get("folded")?;
    Ok(u64::from_be_bytes(number).checked_sub(1))
}

/// An erased body was overwritten with zeros, which no JSON text begins with.
fn body(row: &Row<'_>) -> rusqlite::Result<Bytes> {
    match row.get_ref("body")?.as_blob().map_err(|_| bad("body"))? {
        [] | [0, ..] => Ok(Bytes::new()),
        body => Ok(Bytes::copy_from_slice(body)),
    }
}

/// What [`entry`] reads.
pub(crate) const ENTRY: &str = "SELECT seq, pos, at, audience, kind, role, turn, op, target, folded, \
                                sender, meta, body FROM log";

pub(crate) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let audience = audience(row)?;
    let pos = uint(row, "pos")?;
    let meta = match row.get_ref("meta")? {
        ValueRef::Null => Meta::default(),
        ValueRef::Text(blank) if blank.iter().all(|byte| *byte == b' ') => Meta::default(),
        ValueRef::Text(text) => serde_json::from_slice(text).map_err(|_| bad("meta"))?,
        _ => return Err(bad("meta")),
    };
    let turn: Option<i64> = row.get("turn")?;
    Ok(Entry {
        seq: uint(row, "seq")?,
        pos: audience.has_pos().then_some(pos),
        at: time(row, "at")?,
        audience,
        kind: kind(row)?,
        role: role(row)?,
        sender: text(row, "sender")?,
        turn: turn.map(|turn| u64::try_from(turn).map_err(|_| bad("turn"))).transpose()?,
        op: op(row)?,
        folded: folded(row)?,
        body: body(row)?,
        meta,
    })
}

/// The `meta` column: `NULL` when there is nothing to keep.
pub(crate) fn meta_column(meta: &Meta) -> rusqlite::Result<Option<String>> {
    if meta.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_string(meta);
    text.map(Some).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// What [`delivery`] reads; the tables are `deliveries d` and `conversations c`.
pub(crate) const DELIVERY: &str = "SELECT d.id, d.public AS delivery, c.realm, c.public, d.seq, d.bot, d.state, d.once, d.replay, \
     d.attempts, d.created_at, d.due_at, d.cause, c.lease_epoch";

pub(crate) fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: DeliveryId(Uuid::from_bytes(row.get("delivery")?)),
        realm: RealmId::new(text(row, "realm")?),
        conversation: ConversationId::new(text(row, "public")?),
        seq: uint(row, "seq")?,
        bot: BotId::new(text(row, "bot")?),
        state: delivery_state(row)?,
        once: row.get("once")?,
        replay: row.get("replay")?,
        attempts: u32::try_from(uint(row, "attempts")?).map_err(|_| bad("attempts"))?,
        created_at: time(row, "created_at")?,
        due_at: time(row, "due_at")?,
        cause: row.get("cause")?,
        lease: uint(row, "lease_epoch")?,
    })
}

pub(crate) fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        number: row.get("number")?,
        at: time(row, "at")?,
        took_ms: uint(row, "took_ms")?,
        outcome: row.get("outcome")?,
        cause: row.get("cause")?,
    })
}

pub(crate) fn conversation(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        id: ConversationId::new(text(row, "public")?),
        realm: RealmId::new(text(row, "realm")?),
        channel: ChannelId::new(text(row, "channel")?),
        channel_kind: text(row, "channel_kind")?,
        bot: BotId::new(text(row, "bot")?),
        opened_at: time(row, "opened_at")?,
    })
}

pub(crate) fn route(row: &Row<'_>) -> rusqlite::Result<Route> {
    let text = row.get_ref("route")?.as_str().map_err(|_: FromSqlError| bad("route"))?;
    text.parse().map_err(|_| bad("route"))
}

pub(crate) fn member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        role: role(row)?,
        account: Account {
            id: row.get("external")?,
            // An erased name was overwritten with blanks.
            name: row.get::<_, Option<String>>("name")?.filter(|name| !name.trim().is_empty()),
            role: row.get("spelled")?,
        },
        verified: row.get("verified")?,
        person: PersonId::new(text(row, "person")?),
    })
}

/// The places that a row of `commits` or `client_keys` holds.
pub(crate) fn places(row: &Row<'_>) -> rusqlite::Result<Places> {
    Ok(Places {
        seq: uint(row, "seq")?,
        pos: uint(row, "pos")?,
        count: uint(row, "count")?,
        at: time(row, "at")?,
        hidden: row.get("hidden")?,
    })
}
