//! The port: what every store can do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use maru_activity::{
    BotId, ChannelId, CommitId, ConversationId, DeliveryId, PersonId, Pos, RealmId, Seq, Timestamp,
    Viewer,
};

use crate::archive::{Record, Section};
use crate::{
    AttemptRecord, Commit, Conversation, Delivery, DeliveryState, Entry, Head, Member, Receipt,
    State, Timer,
};

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such conversation in this realm.
    #[error("unknown conversation")]
    UnknownConversation,
    /// The conversation to open is there already.
    #[error("the conversation is open already")]
    Exists,
    /// A precondition does not hold; nothing was written.
    #[error("a precondition does not hold: {0}")]
    Conflict(&'static str),
    /// The commit contradicts itself or names what is not there; nothing was written.
    #[error("the commit is not sound: {0}")]
    Unsound(&'static str),
    /// The disk is full. Reads go on; posts may be tried again later.
    #[error("the disk is full")]
    Full,
    /// The store cannot write any more and the process should end: after a failed sync nothing
    /// tells what the disk holds.
    #[error("the store has failed and must be opened anew: {0}")]
    Failed(Arc<str>),
    /// The store does not answer now; whether a commit took place is not known.
    #[error("the store does not answer: {0}")]
    Unavailable(Arc<str>),
    /// The data is damaged there. Other data can still be read.
    #[error("damaged data: {0}")]
    Damaged(Arc<str>),
    /// This engine has its own way of doing that, which the text names.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Full | Self::Unavailable(_))
    }
}

/// From where to read a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// From this seq on.
    Seq(Seq),
    /// From this pos on.
    Pos(Pos),
}

/// Where a page of a listing begins: after this key. Opaque to callers.
pub type Cursor = String;

/// One page of something.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins, if there is more.
    pub next: Option<Cursor>,
}

/// For which bots to look for due deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueBots {
    /// For this one alone.
    Only(RealmId, BotId),
    /// For all but these.
    Except(Vec<(RealmId, BotId)>),
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// To this bot.
    pub bot: Option<BotId>,
    /// Of this conversation.
    pub conversation: Option<ConversationId>,
}

/// A conversation in a listing.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The conversation.
    pub conversation: Conversation,
    /// Where it stands.
    pub head: Head,
}

/// How long entries are kept.
#[derive(Clone, Debug)]
pub struct Retention {
    /// The realm.
    pub realm: RealmId,
    /// Only what came by this channel.
    pub channel: Option<ChannelId>,
    /// Only these channels are excepted (they have a rule of their own).
    pub except: Vec<ChannelId>,
    /// What is older goes.
    pub older_than: Timestamp,
    /// At most this many entries in one call, so that the writer is not held up.
    pub limit: usize,
}

/// What retention took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// How many entries went.
    pub entries: u64,
    /// Whether the limit was reached and there may be more.
    pub more: bool,
}

/// Whom to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A person, with all their participants.
    Person(PersonId),
    /// A participant of a channel, by their external id.
    Participant(ChannelId, String),
}

/// What erasing took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many entries lost their bodies.
    pub entries: u64,
    /// In how many conversations.
    pub conversations: u64,
    /// The `blob:` references that the bodies held; their blobs are the caller's to delete.
    pub blobs: Vec<String>,
}

/// How long client keys are kept.
pub const CLIENT_KEYS_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How long commit ids are kept.
pub const COMMIT_IDS_KEPT: Duration = Duration::from_secs(3_600);

/// For how long a due timer that was given to one process is given to no other.
pub const TIMER_HELD: Duration = Duration::from_secs(30);

/// What every store can do. Every query is scoped to a realm, except those that the server makes
/// for itself (deliveries and timers that are due).
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync + 'static {
    /// Applies a commit, and answers when the disk has it.
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Unavailable`] ask [`Store::outcome`] before trying again.
    async fn commit(&self, commit: Commit) -> Result<Receipt, Error>;

    /// What became of a commit whose answer got lost: the places of its entries. `None`: it did
    /// not take place. Kept for an hour at least.
    async fn outcome(&self, realm: &RealmId, commit: CommitId) -> Result<Option<Receipt>, Error>;

    /// How often this store was restored from a backup: it stands in watermarks.
    fn restore_epoch(&self) -> u32;

    /// Whether other processes may write to the same data: then whoever follows a conversation asks
    /// [`Store::heads`] from time to time, since no hint is certain to come.
    fn is_shared(&self) -> bool;

    /// This process hands over nothing any more: the leases it holds are free for others at once.
    /// Commits can still be made.
    async fn retire(&self) -> Result<(), Error>;

    /// A conversation's record.
    async fn conversation(
        &self,
        realm: &RealmId,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, Error>;

    /// Where a conversation stands.
    async fn head(&self, realm: &RealmId, id: &ConversationId) -> Result<Option<Head>, Error>;

    /// Where it stands, if that is known without asking the engine. Never stale.
    fn head_now(&self, realm: &RealmId, id: &ConversationId) -> Option<Head>;

    /// The next seq of each of these conversations, in one query; `None` for those that are not
    /// there.
    async fn heads(
        &self,
        conversations: &[(RealmId, ConversationId)],
    ) -> Result<Vec<Option<Seq>>, Error>;

    /// Up to `limit` entries from `from` on that `viewer` may see, in order. An entry that was
    /// updated or deleted is given as it was written, with `folded` set.
    async fn read(
        &self,
        realm: &RealmId,
        id: &ConversationId,
        viewer: Viewer,
        from: Place,
        limit: usize,
    ) -> Result<Vec<Entry>, Error>;

    /// The entry at a place.
    async fn entry(
        &self,
        realm: &RealmId,
        id: &ConversationId,
        at: Place,
    ) -> Result<Option<Entry>, Error>;

    /// Who takes part, in the order they came.
    async fn members(&self, realm: &RealmId, id: &ConversationId) -> Result<Vec<Member>, Error>;

    /// The realm's conversations, newest first; only those of `bot`, if given.
    async fn conversations(
        &self,
        realm: &RealmId,
        bot: Option<&BotId>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Summary>, Error>;

    /// The conversations of a participant with a bot, newest first.
    async fn conversations_of(
        &self,
        realm: &RealmId,
        channel: &ChannelId,
        external: &str,
        limit: usize,
    ) -> Result<Vec<Conversation>, Error>;

    /// For every conversation that has open deliveries, the oldest of them, if it is due by `now`;
    /// those due longest first. Over all realms: the delivery worker asks. What is given is leased
    /// to this process ([`Delivery::lease`]); conversations that another process which is alive
    /// has leased are left out.
    async fn due(
        &self,
        now: Timestamp,
        bots: &DueBots,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error>;

    /// When the next delivery or timer falls due, if any is waiting. Over all realms, whoever holds
    /// the lease.
    async fn next_due(&self) -> Result<Option<Timestamp>, Error>;

    /// Moves the due time of all open deliveries to `bot` to `at` (its circuit closed or opened).
    async fn redue(&self, realm: &RealmId, bot: &BotId, at: Timestamp) -> Result<u64, Error>;

    /// A delivery.
    async fn delivery(&self, realm: &RealmId, id: DeliveryId) -> Result<Option<Delivery>, Error>;

    /// The failed attempts of a delivery, oldest first.
    async fn attempts(&self, realm: &RealmId, id: DeliveryId) -> Result<Vec<AttemptRecord>, Error>;

    /// Deliveries, newest first.
    async fn deliveries(
        &self,
        realm: &RealmId,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Delivery>, Error>;

    /// How many deliveries are open and how many are dead letters, over all realms; and since when
    /// the oldest open one waits.
    async fn outbox(&self) -> Result<(u64, u64, Option<Timestamp>), Error>;

    /// A small value.
    async fn state(&self, realm: &RealmId, scope: &str, key: &str) -> Result<Option<State>, Error>;

    /// The values of a scope, in the order of their keys.
    async fn states(
        &self,
        realm: &RealmId,
        scope: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<State>, Error>;

    /// Timers that are due by `now`, over all realms. A timer stays until a commit clears it. In a
    /// shared store those that are given are this process's own for [`TIMER_HELD`]; what makes sure
    /// that a timer is acted on once is [`TimerWrite::expect`](crate::TimerWrite).
    async fn timers(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, Error>;

    /// Takes away old entries with their settled deliveries. Places are never given again. Entries
    /// with open deliveries stay until these are settled.
    async fn expire(&self, rule: &Retention) -> Result<Expired, Error>;

    /// Housekeeping: client keys over [`CLIENT_KEYS_KEPT`], commit ids over [`COMMIT_IDS_KEPT`],
    /// values past their [`StateWrite::until`](crate::StateWrite), settled deliveries and attempts
    /// over `keep`.
    async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<(), Error>;

    /// Erases a person: clears the bodies and metas of their entries (of every entry, where they
    /// were alone with a bot), their client keys and attempts, their names among members, the values that
    /// tell of conversations without another user, and what the engine still holds of them in free pages and logs. Places stay as tombstones. The erasure is
    /// journalled, so that a restore repeats it.
    async fn erase(&self, realm: &RealmId, whom: &Whom, at: Timestamp) -> Result<Erased, Error>;

    /// The journal of erasures, oldest first, as opaque values for [`Store::repeat_erasures`].
    async fn erasures(&self) -> Result<Vec<Bytes>, Error>;

    /// Repeats erasures that a backup did not know of.
    async fn repeat_erasures(&self, journal: &[Bytes]) -> Result<Erased, Error>;

    /// Writes a whole and consistent copy to `target` while work goes on. Everything that was
    /// acknowledged before the call is in it. [`Error::Unsupported`] where the engine's own tools
    /// do it.
    async fn backup(&self, target: &Path) -> Result<(), Error>;

    /// How many other processes that are alive work on the same data. A process that was killed
    /// counts as alive for some seconds.
    async fn others(&self) -> Result<u64, Error> {
        Ok(0)
    }

    /// How many records of a section there are.
    async fn count(&self, section: Section) -> Result<u64, Error> {
        let _ = section;
        Err(Error::Unsupported("this store cannot be exported"))
    }

    /// Up to `limit` records of a section, over all realms, in an order of the store's own that
    /// stays the same while nothing is written (see [`Section`] for what else it minds). A page
    /// may be shorter, so that large bodies do not pile up.
    async fn export(
        &self,
        section: Section,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Record>, Error> {
        let _ = (section, after, limit);
        Err(Error::Unsupported("this store cannot be exported"))
    }

    /// Takes records in as they are, in one atomic step, and answers when the disk has them. What
    /// is there already stays as it is, so that an import that was broken off can be repeated.
    /// Only for a store that serves nobody, and in the order of [`Section::ALL`]: a record of a
    /// conversation that is not there is [`Error::UnknownConversation`].
    async fn import(&self, records: Vec<Record>) -> Result<(), Error> {
        drop(records);
        Err(Error::Unsupported("this store takes no import"))
    }

    /// Whether commits can be made now.
    async fn healthy(&self) -> Result<(), Error>;

    /// Numbers for the metrics: name, help, value. Counters end in `_total`.
    fn numbers(&self) -> Vec<(&'static str, &'static str, f64)>;
}
