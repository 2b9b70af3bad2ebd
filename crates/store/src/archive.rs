//! Everything a store holds, as records that every other store takes in: how a site moves.
//!
//! A record is a line of an export. Its JSON is the format of `maru export`, so it changes only
//! with the format's version; what it is made of is therefore spelled out here and not taken from
//! the model. Ids, places, times, versions and epochs come out of one store and into another as
//! they are. What only holds while processes run stays behind: leases, and commit ids, which are
//! asked for within the hour by the process that made them.

mod checksum;
mod spelling;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{
    Audience, BotId, ChannelId, ConversationId, DeliveryId, Kind, PersonId, Pos, RealmId, Role,
    Seq, Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use checksum::{BadChecksum, Checksum};

use crate::{AttemptRecord, DeliveryState, Meta, Op, Route, Whom};

/// A kind of record. They are moved in this order: what others refer to comes before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// [`Record::Conversation`], in the order of opening.
    Conversations,
    /// [`Record::Member`], those of a conversation in the order they came.
    Members,
    /// [`Record::Entry`], those of a conversation in the order of their places.
    Entries,
    /// [`Record::Delivery`], in the order of writing.
    Deliveries,
    /// [`Record::ClientKey`].
    ClientKeys,
    /// [`Record::State`].
    States,
    /// [`Record::Timer`].
    Timers,
    /// [`Record::Erasure`], oldest first.
    Erasures,
}

impl Section {
    /// All of them, in the order in which they are moved.
    pub const ALL: [Self; 8] = [
        Self::Conversations,
        Self::Members,
        Self::Entries,
        Self::Deliveries,
        Self::ClientKeys,
        Self::States,
        Self::Timers,
        Self::Erasures,
    ];

    /// Its name, as files and listings have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Members => "members",
            Self::Entries => "entries",
            Self::Deliveries => "deliveries",
            Self::ClientKeys => "client-keys",
            Self::States => "states",
            Self::Timers => "timers",
            Self::Erasures => "erasures",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// More entries than any commit has.
const ENTRIES_MAX: u64 = 1 << 20;

/// One thing that a store holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A conversation, and where it stands.
    Conversation(Box<ConversationRecord>),
    /// Someone who takes part in one.
    Member(Box<MemberRecord>),
    /// An entry of a conversation's log.
    Entry(Box<EntryRecord>),
    /// A delivery, with its failed attempts.
    Delivery(Box<DeliveryRecord>),
    /// A client key.
    ClientKey(Box<ClientKeyRecord>),
    /// A small value.
    State(Box<StateRecord>),
    /// A timer.
    Timer(Box<TimerRecord>),
    /// An entry of the journal of erasures. Taking it in erases nothing: the records that come
    /// with it have it behind them.
    Erasure(Box<ErasureRecord>),
    /// The restore epoch, which stands in watermarks. It is in no section; a store that has a
    /// later one keeps it.
    RestoreEpoch(u32),
}

impl Record {
    /// Whether a store can keep it: what it says of itself holds together. A store takes in no
    /// other ([`Error::Unsound`](crate::Error::Unsound)).
    pub fn is_sound(&self) -> bool {
        match self {
            Self::ClientKey(key) => {
                key.count <= ENTRIES_MAX && key.hidden.iter().all(|index| *index < key.count)
            }
            // Each failed attempt was counted.
            Self::Delivery(delivery) => {
                delivery.failed.len() as u64 <= u64::from(delivery.attempts)
            }
            Self::Erasure(erasure) => matches!(
                (&erasure.person, &erasure.channel, &erasure.external),
                (Some(_), None, None) | (None, Some(_), Some(_))
            ),
            _ => true,
        }
    }

    /// The section it belongs to.
    pub fn section(&self) -> Option<Section> {
        match self {
            Self::Conversation(_) => Some(Section::Conversations),
            Self::Member(_) => Some(Section::Members),
            Self::Entry(_) => Some(Section::Entries),
            Self::Delivery(_) => Some(Section::Deliveries),
            Self::ClientKey(_) => Some(Section::ClientKeys),
            Self::State(_) => Some(Section::States),
            Self::Timer(_) => Some(Section::Timers),
            Self::Erasure(_) => Some(Section::Erasures),
            Self::RestoreEpoch(_) => None,
        }
    }
}

/// A conversation, and where it stands: also behind entries that retention took away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationRecord {
    /// Its public id.
    pub id: ConversationId,
    /// Its realm.
    pub realm: RealmId,
    /// The channel it came in by.
    pub channel: ChannelId,
    /// The channel's name as bots know it.
    pub channel_kind: Arc<str>,
    /// The bot it was opened with.
    pub bot: BotId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Who answers.
    #[serde(with = "spelling::route")]
    pub route: Route,
    /// How often that was changed.
    pub route_epoch: u64,
    /// The next entry's seq.
    pub next_seq: Seq,
    /// The next pos.
    pub next_pos: Pos,
    /// The last entry's time, or that of opening.
    pub last_at: Timestamp,
}

/// Someone who takes part in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRecord {
    /// The conversation's realm.
    pub realm: RealmId,
    /// The conversation.
    pub conversation: ConversationId,
    /// On which side they stand.
    pub role: Role,
    /// Their id in the channel.
    pub external: String,
    /// Their name; none once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role as their own software spelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spelled: Option<String>,
    /// Whether a trusted party vouched for the id.
    pub verified: bool,
    /// The person they are.
    pub person: PersonId,
}

/// An entry of a conversation's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRecord {
    /// The conversation's realm.
    pub realm: RealmId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its place in the log.
    pub seq: Seq,
    /// How many entries before it a customer may see: a visible entry's own pos.
    pub pos: Pos,
    /// When it was committed.
    pub at: Timestamp,
    /// Who may see it.
    pub audience: Audience,
    /// What kind of activity it is.
    #[serde(with = "spelling::kind")]
    pub kind: Kind,
    /// On which side its sender stands.
    pub role: Role,
    /// Its sender's id.
    pub sender: Arc<str>,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Seq>,
    /// What it does to the log.
    pub op: Op,
    /// The entry that updated or deleted it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folded: Option<Seq>,
    /// What stands beside it.
    #[serde(default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
    /// Its body; empty once it was erased.
    #[serde(with = "spelling::octets")]
    pub body: Bytes,
}

/// A delivery, with its failed attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: DeliveryId,
    /// The conversation's realm.
    pub realm: RealmId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The entry to hand over.
    pub seq: Seq,
    /// To whom.
    pub bot: BotId,
    /// How far it has come.
    pub state: DeliveryState,
    /// Tried once, never again.
    pub once: bool,
    /// Set going again by an operator.
    pub replay: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the next attempt may be made.
    pub due_at: Timestamp,
    /// Why it is a dead letter, or why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Its failed attempts, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<AttemptRecord>,
}

/// A client key, and the places that its commit was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientKeyRecord {
    /// The conversation's realm.
    pub realm: RealmId,
    /// The conversation.
    pub conversation: ConversationId,
    /// As [`ClientKey::hash`](crate::ClientKey::hash) makes it.
    #[serde(with = "spelling::hash")]
    pub hash: [u8; 16],
    /// The digest of what was sent.
    pub digest: u64,
    /// When it was used.
    pub at: Timestamp,
    /// The first entry's seq.
    pub seq: Seq,
    /// How many entries before the first a customer may see.
    pub pos: Pos,
    /// How many entries there are.
    pub count: u64,
    /// Which of them have no pos, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<u64>,
}

/// A small value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateRecord {
    /// Its realm.
    pub realm: RealmId,
    /// Whose value it is.
    pub scope: String,
    /// Unique within its scope.
    pub key: String,
    /// Counts the writes.
    pub version: u64,
    /// When it was written.
    pub at: Timestamp,
    /// From when on it may be swept away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The conversation that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<ConversationId>,
    /// The value.
    #[serde(with = "spelling::octets")]
    pub value: Bytes,
}

/// A timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimerRecord {
    /// Its realm.
    pub realm: RealmId,
    /// Whose timer it is.
    pub scope: String,
    /// Unique within its scope.
    pub key: String,
    /// When it is due.
    pub due_at: Timestamp,
    /// What its owner wants to know again.
    #[serde(with = "spelling::octets")]
    pub value: Bytes,
}

/// An entry of the journal of erasures. Its JSON is what
/// [`Store::erasures`](crate::Store::erasures) gives and
/// [`Store::repeat_erasures`](crate::Store::repeat_erasures) takes, in every store alike: a journal
/// is repeated where it was not written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureRecord {
    /// Tells one from another across copies of the data.
    pub id: Uuid,
    /// When it was made.
    pub at: Timestamp,
    /// The realm.
    pub realm: RealmId,
    /// The person, if it was one ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// ... else the channel of the participant ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// ... and their id there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
}

impl ErasureRecord {
    /// A new one.
    pub fn new(id: Uuid, realm: &RealmId, whom: &Whom, at: Timestamp) -> Self {
        let (person, channel, external) = match whom {
            Whom::Person(person) => (Some(person.clone()), None, None),
            Whom::Participant(channel, external) => {
                (None, Some(channel.clone()), Some(external.clone()))
            }
        };
        Self { id, at, realm: realm.clone(), person, channel, external }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> EntryRecord {
        EntryRecord {
            realm: "r".into(),
            conversation: "c".into(),
            seq: 4,
            pos: 3,
            at: Timestamp::from_secs(7),
            audience: Audience::Agents,
            kind: Kind::Other("com.example/x".into()),
            role: Role::Agent,
            sender: "ann".into(),
            turn: Some(2),
            op: Op::Update(1),
            folded: None,
            meta: Meta { system: true, ..Meta::default() },
            body: Bytes::from_static(b"{\"text\":\"\xed\x95\x9c\"}"),
        }
    }

    #[test]
    fn a_record_is_one_line_that_says_what_it_is() {
        let record = Record::Entry(Box::new(entry()));
        let line = serde_json::to_string(&record).expect("it can be written");
        assert_eq!(
            line,
            r#"{"entry":{"realm":"r","conversation":"c","seq":4,"pos":3,"at":7000000,"audience":"agents","kind":"com.example/x","role":"agent","sender":"ann","turn":2,"op":{"update":1},"meta":{"system":true},"body":"{\"text\":\"한\"}"}}"#
        );
        assert_eq!(serde_json::from_str::<Record>(&line).expect("it can be read"), record);
        let unknown = line.replacen("\"seq\"", "\"more\":1,\"seq\"", 1);
        assert!(serde_json::from_str::<Record>(&unknown).is_err(), "unknown members are an error");
    }

    #[test]
    fn bytes_that_are_no_text_come_back_as_they_were() {
        for body in [&b"\xff\x00\xfe"[..], b"", b"plain", b"\"quoted\"\n"] {
            let record = EntryRecord { body: Bytes::copy_from_slice(body), ..entry() };
            let line = serde_json::to_string(&record).expect("it can be written");
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<EntryRecord>(&line).expect("it can be read"), record);
        }
    }
}
