//! The records of all realms: in the store, kept at hand in memory, followed where other processes
//! change them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use maru_activity::env::Env;
use maru_activity::{BotId, ChannelId, CommitId, RealmId, Timestamp};
use maru_hints::{Hints, Notice};
use maru_store::{Commit, Error as StoreError, State, StateWrite, Store};
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::records::{REALMS, RecordError, SYSTEM_REALM, check_id, expect_known, unknown_kind};
use crate::{BadSettings, Bot, BotKind, BotRecord, ChannelRecord, Error};

const BOTS: &str = "record/bot";
const CHANNELS: &str = "record/channel";

/// On a shared store, in the system's realm: a value that is written anew after each change of a
/// record. Its version tells every process whether there is something to read.
const VERSION: &str = "record/version";

/// How many records are read at once.
const PAGE: usize = 500;

/// All records as they stand at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Counts the changes, so that what was derived from a snapshot knows when it is old.
    pub version: u64,
    bots: HashMap<(RealmId, BotId), Arc<BotEntry>>,
    channels: HashMap<(RealmId, ChannelId), Arc<ChannelRecord>>,
    realms: HashSet<RealmId>,
    /// When each record was written, also of those that cannot be read.
    written: HashMap<RecordKey, Written>,
}

/// A record's scope, realm and id.
type RecordKey = (&'static str, RealmId, String);

/// Which writing of a record was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    version: u64,
    at: Timestamp,
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

    /// All realms, in no order.
    pub(crate) fn realms(&self) -> impl Iterator<Item = &RealmId> {
        self.realms.iter()
    }

    /// Which version of a record is there; 0 for none.
    fn version_of(&self, key: &RecordKey) -> u64 {
        self.written.get(key).map_or(0, |written| written.version)
    }
}

/// Checks the settings of one kind of channel. A channel's crate gives one to the directory.
pub type CheckChannel = fn(&Map<String, Value>) -> Result<(), BadSettings>;

/// What the directory works with.
pub(crate) struct Setup {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hints: Arc<dyn Hints>,
    pub(crate) env: Env,
    pub(crate) kinds: Vec<Arc<dyn BotKind>>,
    pub(crate) channel_kinds: Vec<(&'static str, CheckChannel)>,
}

/// The records of all realms.
pub struct Directory {
    setup: Setup,
    snapshot: ArcSwap<Snapshot>,
    /// Held while records are changed or read anew, so that an older reading does not take the
    /// place of a younger one.
    changing: tokio::sync::Mutex<()>,
    /// The version of [`VERSION`] that the snapshot is at least as new as.
    followed: watch::Sender<u64>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

impl Directory {
    pub(crate) async fn open(setup: Setup) -> Result<Self, Error> {
        let directory = Self {
            setup,
            snapshot: ArcSwap::default(),
            changing: tokio::sync::Mutex::new(()),
            followed: watch::Sender::new(0),
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
    /// [`RecordError`] says what is wrong with it; [`Error::Conflict`] if another process changed it
    /// since it was read here.
    pub async fn put_bot(&self, record: BotRecord, create: bool) -> Result<(), Error> {
        check_id(record.id.as_str())?;
        record.delivery.check().map_err(RecordError::from)?;
        let _one_at_a_time = self.changing.lock().await;
        let known = self.bot(&record.realm, &record.id).is_some();
        expect_known("bot", record.id.as_str(), known, create)?;
        self.make(&record)?;
        let value = serde_json::to_vec(&record).map_err(|e| Error::Internal(e.to_string()))?;
        self.write((BOTS, record.realm, record.id.to_string()), Some(value), create).await
    }

    /// Takes a bot's record away. No channel may refer to it.
    ///
    /// # Errors
    /// [`RecordError::Unknown`], [`RecordError::Used`]; [`Error::Conflict`] as [`Directory::put_bot`].
    pub async fn remove_bot(&self, realm: &RealmId, id: &BotId) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        expect_known("bot", id.as_str(), self.bot(realm, id).is_some(), false)?;
        let user = self.snapshot().channels().find(|c| c.realm == *realm && c.bot == *id).cloned();
        if let Some(channel) = user {
            let by = format!("channel {:?}", channel.id);
            return Err(RecordError::Used { what: "bot", id: id.to_string(), by }.into());
        }
        self.write((BOTS, realm.clone(), id.to_string()), None, false).await
    }

    /// Writes a channel's record; with `create` it must be new, else it must be there.
    ///
    /// # Errors
    /// [`RecordError`] says what is wrong with it; [`Error::Conflict`] as [`Directory::put_bot`].
    pub async fn put_channel(&self, record: ChannelRecord, create: bool) -> Result<(), Error> {
        check_id(record.id.as_str())?;
        let kinds = &self.setup.channel_kinds;
        let Some((_, check)) = kinds.iter().find(|(kind, _)| *kind == record.kind) else {
            let known = kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
            return Err(unknown_kind("channel", record.kind, &known));
        };
        check(&record.settings).map_err(RecordError::from)?;
        let _one_at_a_time = self.changing.lock().await;
        let known = self.channel(&record.realm, &record.id).is_some();
        expect_known("channel", record.id.as_str(), known, create)?;
        let bot = self.bot(&record.realm, &record.bot).is_some();
        expect_known("bot", record.bot.as_str(), bot, false)?;
        let value = serde_json::to_vec(&record).map_err(|e| Error::Internal(e.to_string()))?;
        self.write((CHANNELS, record.realm, record.id.to_string()), Some(value), create).await
    }

    /// Takes a channel's record away. Its conversations stay, and cannot be reached by it.
    ///
    /// # Errors
    /// [`RecordError::Unknown`]; [`Error::Conflict`] as [`Directory::put_bot`].
    pub async fn remove_channel(&self, realm: &RealmId, id: &ChannelId) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        expect_known("channel", id.as_str(), self.channel(realm, id).is_some(), false)?;
        self.write((CHANNELS, realm.clone(), id.to_string()), None, false).await
    }

    /// Reads all records anew.
    ///
    /// # Errors
    /// What the store says. A record that cannot be read is logged and left out.
    pub async fn reload(&self) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        self.read().await
    }

    /// Says to every node that records were changed by other means than this directory: realms, or
    /// signing keys. They read the records anew, and whoever holds [`Directory::changes`] what is
    /// theirs. Does nothing where no other node can be.
    pub async fn announce(&self) {
        let Setup { store, hints, env, .. } = &self.setup;
        if !store.is_shared() {
            return;
        }
        let id = CommitId(env.uuid());
        let mut commit = Commit::new(id, RealmId::from(SYSTEM_REALM), env.now());
        commit.states.push(StateWrite::put(VERSION, VERSION, "{}"));
        // What was changed is kept; the others come to see it a little later.
        if let Err(error) = store.commit(commit).await {
            tracing::warn!(%error, "a change of records was not announced");
        }
        hints.tell_all(Notice::Records);
    }

    /// Changes whenever records of this or another process were announced and read here.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.followed.subscribe()
    }

    /// Reads the records anew if another process has changed any; or `anyway`.
    pub(crate) async fn follow(&self, anyway: bool) -> Result<(), Error> {
        let version = self.version().await?;
        if !anyway && version == *self.followed.borrow() {
            return Ok(());
        }
        let _one_at_a_time = self.changing.lock().await;
        if !anyway && version == *self.followed.borrow() {
            return Ok(());
        }
        self.read().await
    }

    async fn version(&self) -> Result<u64, Error> {
        let state = self.setup.store.state(&SYSTEM_REALM.into(), VERSION, VERSION).await?;
        Ok(state.map_or(0, |state| state.version))
    }

    /// Reads all records. What was not written since the last time stays as it is.
    async fn read(&self) -> Result<(), Error> {
        // Before the records: one that is changed from now on may be missed, its version is not.
        let version = self.version().await?;
        let last = self.snapshot.load_full();
        let mut next = Snapshot { version: last.version + 1, ..Snapshot::default() };
        for realm in self.states(&RealmId::from(SYSTEM_REALM), REALMS).await? {
            let realm = RealmId::from(realm.key);
            for state in self.states(&realm, BOTS).await? {
                self.read_bot(&realm, state, &last, &mut next);
            }
            for state in self.states(&realm, CHANNELS).await? {
                read_channel(&realm, state, &mut next);
            }
            next.realms.insert(realm);
        }
        if next.written != last.written || next.realms != last.realms {
            self.snapshot.store(Arc::new(next));
        }
        self.followed.send_if_modified(|followed| std::mem::replace(followed, version) != version);
        Ok(())
    }

    fn read_bot(&self, realm: &RealmId, state: State, last: &Snapshot, next: &mut Snapshot) {
        let written = Written { version: state.version, at: state.at };
        let key = (BOTS, realm.clone(), state.key);
        let id = (realm.clone(), BotId::from(key.2.as_str()));
        let kept = last.bots.get(&id).filter(|_| last.written.get(&key) == Some(&written));
        let entry = match kept {
            Some(entry) => Ok(Arc::clone(entry)),
            None => self.bot_of(&state.value).map(Arc::new),
        };
        match entry {
            Ok(entry) => {
                next.bots.insert(id, entry);
            }
            Err(error) => {
                tracing::error!(realm.id = %realm, bot.id = %id.1, %error, "bot left out");
            }
        }
        next.written.insert(key, written);
    }

    fn bot_of(&self, value: &[u8]) -> Result<BotEntry, Error> {
        let record: BotRecord =
            serde_json::from_slice(value).map_err(|e| Error::Internal(e.to_string()))?;
        let bot = self.make(&record)?;
        Ok(BotEntry { record: Arc::new(record), bot })
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, Error> {
        match self.setup.kinds.iter().find(|kind| kind.kind() == record.kind) {
            Some(kind) => Ok(kind.make(record).map_err(RecordError::from)?),
            None => {
                let known = self.setup.kinds.iter().map(|kind| kind.kind()).collect::<Vec<_>>();
                Err(unknown_kind("bot", record.kind.clone(), &known))
            }
        }
    }

    /// Every value of a scope, page by page.
    async fn states(&self, realm: &RealmId, scope: &str) -> Result<Vec<State>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.setup.store.states(realm, scope, after, PAGE).await?;
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Writes a record over the one that was read here, or over none; says so to all, and reads what
    /// it has come to.
    async fn write(
        &self,
        key: RecordKey,
        value: Option<Vec<u8>>,
        create: bool,
    ) -> Result<(), Error> {
        // A record that cannot be read is not known, and may be made anew.
        let version = self.snapshot.load().version_of(&key);
        let (scope, realm, id) = key;
        let env = &self.setup.env;
        let mut commit = Commit::new(CommitId(env.uuid()), realm, env.now());
        let write = match value {
            Some(value) => StateWrite::put(scope, &*id, value),
            None => StateWrite::delete(scope, &*id),
        };
        commit.states.push(write.at_version(version));
        let written = self.setup.store.commit(commit).await;
        if written.is_ok() {
            self.announce().await;
        }
        // Also when another process was faster: then there is something to read.
        self.read().await?;
        match written {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict(_)) if create => {
                let what = if scope == BOTS { "bot" } else { "channel" };
                Err(RecordError::Exists { what, id }.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn read_channel(realm: &RealmId, state: State, next: &mut Snapshot) {
    let written = Written { version: state.version, at: state.at };
    match serde_json::from_slice::<ChannelRecord>(&state.value) {
        Ok(record) => {
            let id = ChannelId::from(state.key.as_str());
            next.channels.insert((realm.clone(), id), Arc::new(record));
        }
        Err(error) => {
            tracing::error!(realm.id = %realm, channel.id = state.key, %error, "channel left out");
        }
    }
    next.written.insert((CHANNELS, realm.clone(), state.key), written);
}
