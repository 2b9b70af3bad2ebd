//! What goes into a store: one value, one atomic step.

use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{
    Audience, BotId, ChannelId, CommitId, ConversationId, DeliveryId, Kind, PersonId, Pos, RealmId,
    Role, Seq, Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{AttemptRecord, Delivery, Member, Meta, Route};

/// One atomic step. Either all of it is kept, or nothing.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Random; stored, so that an answer that got lost can be looked up before trying again.
    pub id: CommitId,
    /// The realm that everything in here belongs to.
    pub realm: RealmId,
    /// The time of writing by the hall's clock.
    pub at: Timestamp,
    /// What happens to one conversation.
    pub conversation: Option<Change>,
    /// Small values to write.
    pub states: Vec<StateWrite>,
    /// Timers to set or to clear.
    pub timers: Vec<TimerWrite>,
}

impl Commit {
    /// A commit with nothing in it yet.
    pub fn new(id: CommitId, realm: RealmId, at: Timestamp) -> Self {
        Self { id, realm, at, conversation: None, states: Vec::new(), timers: Vec::new() }
    }
}

/// What happens to one conversation.
#[derive(Clone, Debug)]
pub struct Change {
    /// The conversation.
    pub id: ConversationId,
    /// Opens it: it must not be there yet ([`Error::Exists`](crate::Error::Exists)). Without this
    /// it must be there ([`Error::UnknownConversation`](crate::Error::UnknownConversation)).
    pub open: Option<Opening>,
    /// What must hold, or the commit fails alone with
    /// [`Error::Conflict`](crate::Error::Conflict).
    pub expect: Expect,
    /// If this key was used before, nothing is written and the first answer is given again.
    pub client_key: Option<ClientKey>,
    /// Whom to note as taking part. Known members are updated.
    pub members: Vec<Member>,
    /// What to append, in order.
    pub entries: Vec<NewEntry>,
    /// What to hand over, and to whom.
    pub deliveries: Vec<NewDelivery>,
    /// What came of earlier deliveries.
    pub settlements: Vec<Settlement>,
    /// Changes who answers, and raises the route's epoch. It holds for this commit's own
    /// deliveries already.
    pub route: Option<Route>,
}

impl Change {
    /// A change that does nothing yet.
    pub fn to(id: ConversationId) -> Self {
        Self {
            id,
            open: None,
            expect: Expect::default(),
            client_key: None,
            members: Vec::new(),
            entries: Vec::new(),
            deliveries: Vec::new(),
            settlements: Vec::new(),
            route: None,
        }
    }
}

/// A conversation to open.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The channel it comes in by.
    pub channel: ChannelId,
    /// The channel's name as bots know it.
    pub channel_kind: Arc<str>,
    /// The bot it is opened with. It is routed there unless the commit says otherwise.
    pub bot: BotId,
}

/// What must hold before a commit is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The route's epoch.
    pub route_epoch: Option<u64>,
    /// The lease's epoch: a process that lost its lease on the conversation settles no more.
    pub lease_epoch: Option<u64>,
    /// This user takes no part yet. Several processes may each believe that they see a user first;
    /// one of them is right, the others get [`Error::Conflict`](crate::Error::Conflict) with
    /// [`KNOWN_MEMBER`].
    pub newcomer: Option<Arc<str>>,
}

/// What a commit conflicts with whose [`Expect::newcomer`] takes part already.
pub const KNOWN_MEMBER: &str = "the newcomer takes part already";

/// The idempotency key that a client gave, scoped to its conversation; kept 7 days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// Who sent it.
    pub sender: Arc<str>,
    /// The protocol it came by.
    pub protocol: &'static str,
    /// The key itself.
    pub key: Box<str>,
    /// A digest of what was sent, so that the same key with another body is noticed.
    pub digest: u64,
}

impl ClientKey {
    /// The key as every store keeps it: its parts can be of any length and are not needed again.
    /// The first 16 bytes of a SHA-256 over the conversation, the sender, the protocol and the key,
    /// each with its length in front, so that no two lists of parts are written alike.
    pub fn hash(&self, conversation: &ConversationId) -> [u8; 16] {
        let mut hasher = Sha256::new();
        for part in [conversation.as_str(), &self.sender, self.protocol, &self.key] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize()[..16]);
        hash
    }
}

/// An entry to append.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Who may see it.
    pub audience: Audience,
    /// What kind of activity it is.
    pub kind: Kind,
    /// On which side its sender stands.
    pub role: Role,
    /// Its sender's id.
    pub sender: Arc<str>,
    /// The turn it belongs to.
    pub turn: Turn,
    /// Said, said again, or taken back.
    pub op: Op,
    /// The activity's JSON object less what the server owns.
    pub body: Bytes,
    /// What stands beside it.
    pub meta: Meta,
}

/// Which turn an entry belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// None.
    #[default]
    None,
    /// It begins one: its own seq is the turn's name.
    Begins,
    /// The turn that the entry at this seq began.
    Of(Seq),
}

/// What an entry does to the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// It says something.
    #[default]
    Say,
    /// It takes the place of the entry at this seq (which itself is [`Op::Say`]).
    Update(Seq),
    /// It takes back the entry at this seq.
    Delete(Seq),
}

/// A delivery to write into the outbox.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its id for good.
    pub id: DeliveryId,
    /// Which of this commit's entries, by its index.
    pub entry: usize,
    /// To whom.
    pub to: DeliveryTo,
    /// Tried once, never again.
    pub once: bool,
    /// When whoever looks for due deliveries may pick it up. Whoever commits it hands it over at
    /// once, so this is a while later: it matters only if that one dies or is overloaded.
    pub due_at: Timestamp,
}

/// To whom an entry is handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryTo {
    /// Whoever the conversation's route names when the commit is applied. If that is no bot, no
    /// delivery is written.
    Route,
    /// This bot, whatever the route says.
    Bot(BotId),
}

/// What came of a delivery.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which one. It must be open, else the settlement is passed over (it was settled before).
    pub delivery: DeliveryId,
    /// The attempt that was made, if any; kept when it failed.
    pub attempt: Option<Attempt>,
    /// How it goes on.
    pub settle: Settle,
}

/// An attempt to note.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Kept when the attempt failed.
    pub failed: Option<AttemptRecord>,
}

/// How a delivery goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settle {
    /// The destination took it.
    Settled,
    /// Another attempt at this time.
    Retry(Timestamp),
    /// No more attempts. The cause is for an operator to read.
    Dead(String),
    /// A dead letter is set going again, marked as a replay; it must be dead.
    Replay,
}

/// A small value to write.
#[derive(Clone, Debug)]
pub struct StateWrite {
    /// Whose value it is: `record/bot`, `direct-line/…`.
    pub scope: String,
    /// Unique within its scope.
    pub key: String,
    /// The version that must be there: `Some(0)` for none, `None` for any. Otherwise the commit
    /// fails alone with [`Error::Conflict`](crate::Error::Conflict).
    pub expect: Option<u64>,
    /// The value, or `None` to delete it.
    pub value: Option<Bytes>,
    /// From when on it may be swept away by itself. Until it is swept it is there: a single-use
    /// ticket is used up by writing it with `expect: Some(0)`, and is forgotten when it has
    /// expired anyway.
    pub until: Option<Timestamp>,
    /// The conversation that it tells of, if it does. It goes when that one's only user is erased.
    pub about: Option<ConversationId>,
}

impl StateWrite {
    /// A value to keep for good, whatever is there.
    pub fn put(scope: impl Into<String>, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self {
            scope: scope.into(),
            key: key.into(),
            expect: None,
            value: Some(value.into()),
            until: None,
            about: None,
        }
    }

    /// A value to delete, whatever is there.
    pub fn delete(scope: impl Into<String>, key: impl Into<String>) -> Self {
        Self { value: None, ..Self::put(scope, key, Bytes::new()) }
    }

    /// The same, only at this version: `0` for none.
    pub fn at_version(self, version: u64) -> Self {
        Self { expect: Some(version), ..self }
    }

    /// The same, as something that tells of a conversation: see [`StateWrite::about`].
    pub fn about(self, conversation: &ConversationId) -> Self {
        Self { about: Some(conversation.clone()), ..self }
    }
}

/// A timer to set or to clear.
#[derive(Clone, Debug)]
pub struct TimerWrite {
    /// Whose timer it is.
    pub scope: String,
    /// Unique within its scope: setting it again moves it.
    pub key: String,
    /// The due time that must be set, else the commit fails alone with
    /// [`Error::Conflict`](crate::Error::Conflict). Whoever acts on a timer clears or moves it in
    /// the same commit and says here which one it saw: so it is acted on once, on any node.
    pub expect: Option<Timestamp>,
    /// When it is due, and what its owner wants to know then. `None` clears it.
    pub set: Option<(Timestamp, Bytes)>,
}

/// Where an entry came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its place in the log.
    pub seq: Seq,
    /// Its place among what a customer may see.
    pub pos: Option<Pos>,
    /// Its time.
    pub at: Timestamp,
}

/// What a commit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where the entries stand, in the order of the commit; for a repeated client key where the
    /// first one's stand.
    pub entries: Vec<Placed>,
    /// The client key was used before, and nothing was written.
    pub repeated: bool,
    /// The key was used before *for another body*. The first answer holds; it is worth counting.
    pub differs: bool,
    /// The deliveries that were written.
    pub deliveries: Vec<Delivery>,
    /// Whether older deliveries of this conversation are still open, so that these must wait.
    pub behind: bool,
    /// Whether this process holds the conversation's lease, under which alone deliveries may be
    /// handed over. A commit that writes deliveries takes it, unless older ones are open and another
    /// process that is alive holds it: that one then goes on with these.
    pub leased: bool,
    /// After a settlement: the conversation's oldest delivery that is still open.
    pub next: Option<Delivery>,
    /// Who answers after this commit.
    pub route: Route,
    /// The route's epoch after this commit.
    pub route_epoch: u64,
}

impl Member {
    /// The person a participant is until somebody links them: a name made of the channel and the
    /// external id, so that the same participant is the same person in all their conversations.
    pub fn person_of(channel: &ChannelId, external: &str) -> PersonId {
        PersonId::from(format!("{channel}/{external}"))
    }
}
