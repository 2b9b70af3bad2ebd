//! Bots and channels: records in the store, kept at hand in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{Account, BotId, ChannelId, CommitId, RealmId};
use maru_store::{Commit, Error as StoreError, StateWrite, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{BadSettings, Bot, BotKind, Error, Kind};

/// The realm whose states are the server's own: the list of realms.
const SYSTEM_REALM: &str = "_system";
const REALMS: &str = "record/realm";
const BOTS: &str = "record/bot";
const CHANNELS: &str = "record/channel";

/// A bot's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotRecord {
    /// Unique in its realm; bots know themselves by it (`recipient.id`).
    pub id: BotId,
    /// The realm.
    pub realm: RealmId,
    /// The kind: `echo`, `bot-framework`.
    pub kind: String,
    /// The name to show.
    pub name: String,
    /// How it is called.
    #[serde(default)]
    pub delivery: DeliverySettings,
    /// The kind's own settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl BotRecord {
    /// The bot as a participant.
    pub fn account(&self) -> Account {
        Account {
            id: self.id.to_string(),
            name: Some(self.name.clone()),
            role: Some("bot".to_owned()),
        }
    }
}

/// How deliveries to a bot are made. Every number can be set for each bot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySettings {
    /// How many attempts may be under way at once.
    pub in_flight_max: usize,
    /// How long one attempt may take, in milliseconds.
    pub attempt_timeout_ms: u64,
    /// For how long a bot that cannot be reached is tried again, in seconds.
    pub retry_for_secs: u64,
    /// Whether an attempt that timed out after it was sent is made again. The bot may then answer
    /// twice.
    pub retry_timeouts: bool,
    /// How many failures in a row open the circuit.
    pub circuit_failures: u32,
    /// How long an open circuit waits before it is probed, in milliseconds.
    pub circuit_probe_ms: u64,
    /// What the customer is told, once, when the circuit is open. Empty: nothing.
    pub unavailable_notice: String,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            in_flight_max: 64,
            attempt_timeout_ms: 15_000,
            retry_for_secs: 24 * 3_600,
            retry_timeouts: false,
            circuit_failures: 10,
            circuit_probe_ms: 5_000,
            unavailable_notice:
                "The bot cannot be reached at the moment. Your message is kept and will be delivered."
                    .to_owned(),
        }
    }
}

impl DeliverySettings {
    /// How long one attempt may take.
    pub fn attempt_timeout(&self) -> Duration {
        Duration::from_millis(self.attempt_timeout_ms)
    }

    fn check(&self) -> Result<(), BadSettings> {
        let wrong = |setting: &str, problem: &str| {
            Err(BadSettings { setting: format!("delivery.{setting}"), problem: problem.to_owned() })
        };
        if !(1..=10_000).contains(&self.in_flight_max) {
            return wrong("in_flight_max", "must be from 1 to 10,000");
        }
        if !(100..=300_000).contains(&self.attempt_timeout_ms) {
            return wrong("attempt_timeout_ms", "must be from 100 to 300,000");
        }
        if self.circuit_failures == 0 {
            return wrong("circuit_failures", "must be at least 1");
        }
        if !(100..=3_600_000).contains(&self.circuit_probe_ms) {
            return wrong("circuit_probe_ms", "must be from 100 to 3,600,000");
        }
        Ok(())
    }
}

/// A channel's record: one configured use of one client protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRecord {
    /// Unique in its realm.
    pub id: ChannelId,
    /// The realm.
    pub realm: RealmId,
    /// The kind: `direct-line`.
    pub kind: String,
    /// The bot that its conversations are opened with.
    pub bot: BotId,
    /// For how many days its entries are kept. `None`: as the server's setting says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// The kind's own settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// There is none of that name.
    #[error("there is no {what} {id:?}")]
    Unknown {
        /// `bot`, `channel`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// There is one already.
    #[error("there is a {what} {id:?} already")]
    Exists {
        /// `bot`, `channel`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// Something else refers to it.
    #[error("{what} {id:?} is still used by {by}")]
    Used {
        /// `bot`.
        what: &'static str,
        /// The id.
        id: String,
        /// Who uses it.
        by: String,
    },
    /// The kind is not known.
    #[error("there is no kind of {what} {kind:?}; there are: {known}")]
    UnknownKind {
        /// `bot`, `channel`.
        what: &'static str,
        /// The kind.
        kind: String,
        /// Those there are.
        known: String,
    },
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] BadSettings),
    /// An id has other characters than `a-z A-Z 0-9 _ . -`, or is empty or over 64 long.
    #[error("{0:?} is no id: 1 to 64 of a-z A-Z 0-9 _ . - are")]
    BadId(String),
}

impl RecordError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. } => Kind::NotFound,
            Self::Exists { .. } | Self::Used { .. } => Kind::Conflict,
            Self::UnknownKind { .. } | Self::Settings(_) | Self::BadId(_) => Kind::Invalid,
        }
    }
}

/// All records as they stand at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Counts the changes, so that what was derived from a snapshot knows when it is old.
    pub version: u64,
    bots: HashMap<(RealmId, BotId), Arc<BotEntry>>,
    channels: HashMap<(RealmId, ChannelId), Arc<ChannelRecord>>,
}

/// A bot's record with the bot made of it.
#[derive(Debug)]
pub(crate) struct BotEntry {
    pub(crate) record: Arc<BotRecord>,
    pub(crate) bot: Arc<dyn Bot>,
}

impl Snapshot {
    /// A bot's record.
    pub fn bot(&self, realm: &RealmId, id: &BotId) -> Option<&Arc<BotRecord>> {
        self.bot_entry(realm, id).map(|entry| &entry.record)
    }

    pub(crate) fn bot_entry(&self, realm: &RealmId, id: &BotId) -> Option<&Arc<BotEntry>> {
        self.bots.get(&(realm.clone(), id.clone()))
    }

    /// A channel's record.
    pub fn channel(&self, realm: &RealmId, id: &ChannelId) -> Option<&Arc<ChannelRecord>> {
        self.channels.get(&(realm.clone(), id.clone()))
    }

    /// All bots, in no order.
    pub fn bots(&self) -> impl Iterator<Item = &Arc<BotRecord>> {
        self.bots.values().map(|entry| &entry.record)
    }

    /// All channels, in no order.
    pub fn channels(&self) -> impl Iterator<Item = &Arc<ChannelRecord>> {
        self.channels.values()
    }
}

/// Checks the settings of one kind of channel. A channel's crate gives one to the directory.
pub type CheckChannel = fn(&Map<String, Value>) -> Result<(), BadSettings>;

/// The records of all realms.
pub struct Directory {
    store: Arc<dyn Store>,
    env: Env,
    kinds: Vec<Arc<dyn BotKind>>,
    channel_kinds: Vec<(&'static str, CheckChannel)>,
    snapshot: ArcSwap<Snapshot>,
    /// Held while records are changed, so that two changes do not overwrite each other.
    changing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

impl Directory {
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        env: Env,
        kinds: Vec<Arc<dyn BotKind>>,
        channel_kinds: Vec<(&'static str, CheckChannel)>,
    ) -> Result<Self, Error> {
        let directory = Self {
            store,
            env,
            kinds,
            channel_kinds,
            snapshot: ArcSwap::default(),
            changing: tokio::sync::Mutex::new(()),
        };
        directory.reload().await?;
        Ok(directory)
    }

    /// The records as they stand.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(crate) fn bot_entry(&self, realm: &RealmId, id: &BotId) -> Option<Arc<BotEntry>> {
        self.snapshot.load().bot_entry(realm, id).cloned()
    }

    /// A bot's record.
    pub fn bot(&self, realm: &RealmId, id: &BotId) -> Option<Arc<BotRecord>> {
        self.snapshot.load().bot(realm, id).cloned()
    }

    /// A channel's record.
    pub fn channel(&self, realm: &RealmId, id: &ChannelId) -> Option<Arc<ChannelRecord>> {
        self.snapshot.load().channel(realm, id).cloned()
    }

    /// Writes a bot's record; with `create` it must be new, else it must be there. The bot is
    /// made anew, and only then is the record kept.
    ///
    /// # Errors
    /// [`RecordError`] says what is wrong with it.
    pub async fn put_bot(&self, record: BotRecord, create: bool) -> Result<(), Error> {
        check_id(record.id.as_str())?;
        record.delivery.check().map_err(RecordError::from)?;
        let _one_at_a_time = self.changing.lock().await;
        let known = self.bot(&record.realm, &record.id).is_some();
        expect_known("bot", record.id.as_str(), known, create)?;
        self.make(&record)?;
        let value = serde_json::to_vec(&record).map_err(|e| Error::Internal(e.to_string()))?;
        self.write(&record.realm, BOTS, record.id.as_str(), Some(value)).await?;
        self.reload().await
    }

    /// Takes a bot's record away. No channel may refer to it.
    ///
    /// # Errors
    /// [`RecordError::Unknown`], [`RecordError::Used`].
    pub async fn remove_bot(&self, realm: &RealmId, id: &BotId) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        expect_known("bot", id.as_str(), self.bot(realm, id).is_some(), false)?;
        let user = self.snapshot().channels().find(|c| c.realm == *realm && c.bot == *id).cloned();
        if let Some(channel) = user {
            let by = format!("channel {:?}", channel.id);
            return Err(RecordError::Used { what: "bot", id: id.to_string(), by }.into());
        }
        self.write(realm, BOTS, id.as_str(), None).await?;
        self.reload().await
    }

    /// Writes a channel's record; with `create` it must be new, else it must be there.
    ///
    /// # Errors
    /// [`RecordError`] says what is wrong with it.
    pub async fn put_channel(&self, record: ChannelRecord, create: bool) -> Result<(), Error> {
        check_id(record.id.as_str())?;
        let Some((_, check)) = self.channel_kinds.iter().find(|(kind, _)| *kind == record.kind)
        else {
            let known = self.channel_kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
            return Err(unknown_kind("channel", record.kind, &known));
        };
        check(&record.settings).map_err(RecordError::from)?;
        let _one_at_a_time = self.changing.lock().await;
        let known = self.channel(&record.realm, &record.id).is_some();
        expect_known("channel", record.id.as_str(), known, create)?;
        expect_known(
            "bot",
            record.bot.as_str(),
            self.bot(&record.realm, &record.bot).is_some(),
            false,
        )?;
        let value = serde_json::to_vec(&record).map_err(|e| Error::Internal(e.to_string()))?;
        self.write(&record.realm, CHANNELS, record.id.as_str(), Some(value)).await?;
        self.reload().await
    }

    /// Takes a channel's record away. Its conversations stay, and cannot be reached by it.
    ///
    /// # Errors
    /// [`RecordError::Unknown`].
    pub async fn remove_channel(&self, realm: &RealmId, id: &ChannelId) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        expect_known("channel", id.as_str(), self.channel(realm, id).is_some(), false)?;
        self.write(realm, CHANNELS, id.as_str(), None).await?;
        self.reload().await
    }

    /// Reads all records anew.
    ///
    /// # Errors
    /// What the store says. A record that cannot be read is logged and left out.
    pub async fn reload(&self) -> Result<(), Error> {
        let mut next =
            Snapshot { version: self.snapshot.load().version + 1, ..Snapshot::default() };
        for realm in self.keys(&RealmId::from(SYSTEM_REALM), REALMS).await? {
            let realm = RealmId::from(realm.0);
            for (id, value) in self.keys(&realm, BOTS).await? {
                match self.read_bot(&value) {
                    Ok(entry) => {
                        next.bots.insert((realm.clone(), id.into()), Arc::new(entry));
                    }
                    Err(error) => {
                        tracing::error!(realm.id = %realm, bot.id = id, %error, "bot left out");
                    }
                }
            }
            for (id, value) in self.keys(&realm, CHANNELS).await? {
                match serde_json::from_slice::<ChannelRecord>(&value) {
                    Ok(record) => {
                        next.channels.insert((realm.clone(), id.into()), Arc::new(record));
                    }
                    Err(error) => {
                        tracing::error!(realm.id = %realm, channel.id = id, %error, "channel left out");
                    }
                }
            }
        }
        self.snapshot.store(Arc::new(next));
        Ok(())
    }

    fn read_bot(&self, value: &[u8]) -> Result<BotEntry, Error> {
        let record: BotRecord =
            serde_json::from_slice(value).map_err(|e| Error::Internal(e.to_string()))?;
        let bot = self.make(&record)?;
        Ok(BotEntry { record: Arc::new(record), bot })
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, Error> {
        match self.kinds.iter().find(|kind| kind.kind() == record.kind) {
            Some(kind) => Ok(kind.make(record).map_err(RecordError::from)?),
            None => {
                let known = self.kinds.iter().map(|kind| kind.kind()).collect::<Vec<_>>();
                Err(unknown_kind("bot", record.kind.clone(), &known))
            }
        }
    }

    /// Every key and value of a scope, page by page.
    async fn keys(&self, realm: &RealmId, scope: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.states(realm, scope, after, 500).await?;
            found.extend(page.items.into_iter().map(|state| (state.key, state.value)));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    async fn write(
        &self,
        realm: &RealmId,
        scope: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let id = CommitId(self.env.uuid());
        let mut commit = Commit::new(id, realm.clone(), self.env.now());
        commit.states.push(match value {
            Some(value) => StateWrite::put(scope, key, value),
            None => StateWrite::delete(scope, key),
        });
        self.store.commit(commit).await?;
        Ok(())
    }
}

fn check_id(id: &str) -> Result<(), RecordError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if (1..=64).contains(&id.len()) && id.bytes().all(allowed) {
        Ok(())
    } else {
        Err(RecordError::BadId(id.to_owned()))
    }
}

fn expect_known(
    what: &'static str,
    id: &str,
    known: bool,
    create: bool,
) -> Result<(), RecordError> {
    match (known, create) {
        (true, true) => Err(RecordError::Exists { what, id: id.to_owned() }),
        (false, false) => Err(RecordError::Unknown { what, id: id.to_owned() }),
        _ => Ok(()),
    }
}

fn unknown_kind(what: &'static str, kind: String, known: &[&str]) -> Error {
    RecordError::UnknownKind { what, kind, known: known.join(", ") }.into()
}
