//! The channels: the records of kind `web-chat`, found by the names that pages call their realms by.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use maru_accounts::{Accounts, InstanceKey, Secret};
use maru_activity::{ChannelId, RealmId};
use maru_hall::{ChannelRecord, Directory, Snapshot};

use crate::KIND;
use crate::config::{SECRETS, Settings};
use crate::origin::may_connect;

/// A channel's record with its settings read and its secrets opened.
#[derive(Debug)]
pub(crate) struct Channel {
    /// The record.
    pub(crate) record: Arc<ChannelRecord>,
    /// Its settings.
    pub(crate) settings: Settings,
    /// What customers' tokens are signed with.
    pub(crate) secrets: Vec<Secret>,
}

impl Channel {
    fn of(record: &Arc<ChannelRecord>, key: &InstanceKey) -> Result<Self, String> {
        let settings = Settings::read(&record.settings).map_err(|error| error.to_string())?;
        let secrets = settings.secrets.iter().map(|sealed| sealed.open(SECRETS.purpose, key));
        let secrets = secrets.collect::<Option<_>>().ok_or("a signing secret cannot be opened")?;
        Ok(Self { record: Arc::clone(record), settings, secrets })
    }

    /// Whether a page of this origin may connect.
    pub(crate) fn admits(&self, origin: Option<&str>, base_url: &str) -> bool {
        origin.is_none_or(|origin| may_connect(origin, base_url, &self.settings.origins))
    }
}

/// All channels as of one state of the records.
#[derive(Debug, Default)]
struct Index {
    version: u64,
    by_id: HashMap<(RealmId, ChannelId), Arc<Channel>>,
    by_name: HashMap<Box<str>, Arc<Channel>>,
}

/// The channels, indexed anew when the records have changed. Finding one takes no lock.
pub(crate) struct Channels {
    accounts: Arc<Accounts>,
    index: ArcSwap<Index>,
}

impl Channels {
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts, index: ArcSwap::default() }
    }

    /// The channel of a realm that a page calls by this name.
    pub(crate) fn by_name(&self, directory: &Directory, name: &str) -> Option<Arc<Channel>> {
        let name = name.to_ascii_lowercase();
        self.index(directory).by_name.get(name.as_str()).cloned()
    }

    /// A channel by its id.
    pub(crate) fn get(
        &self,
        directory: &Directory,
        realm: &RealmId,
        id: &ChannelId,
    ) -> Option<Arc<Channel>> {
        self.index(directory).by_id.get(&(realm.clone(), id.clone())).cloned()
    }

    /// Whether a page of this origin may connect to any of them. Which one it wants, it says later.
    pub(crate) fn any_admits(
        &self,
        directory: &Directory,
        origin: Option<&str>,
        base_url: &str,
    ) -> bool {
        // Without a single channel a page of our own is told so by the protocol.
        let index = self.index(directory);
        origin.is_none_or(|origin| may_connect(origin, base_url, &[]))
            || index.by_id.values().any(|channel| channel.admits(origin, base_url))
    }

    fn index(&self, directory: &Directory) -> Arc<Index> {
        let snapshot = directory.snapshot();
        let index = self.index.load_full();
        if index.version == snapshot.version {
            return index;
        }
        // Two callers may both do this; they come to the same.
        let index = Arc::new(Index::of(&snapshot, self.accounts.instance_key()));
        self.index.store(Arc::clone(&index));
        index
    }
}

impl Index {
    fn of(snapshot: &Snapshot, key: &InstanceKey) -> Self {
        let mut index = Self { version: snapshot.version, ..Self::default() };
        let mut records: Vec<_> = snapshot.channels().filter(|c| c.kind == KIND).collect();
        // Of two that claim one name it is always the same one that has it.
        records.sort_by(|a, b| (&a.realm, &a.id).cmp(&(&b.realm, &b.id)));
        for record in records {
            let channel = match Channel::of(record, key) {
                Ok(channel) => Arc::new(channel),
                Err(error) => {
                    tracing::error!(channel.id = %record.id, %error, "web chat left out");
                    continue;
                }
            };
            let own = [record.realm.to_string()];
            let names = match &channel.settings.realm_names[..] {
                [] => &own[..],
                names => names,
            };
            for name in names {
                let name = name.to_ascii_lowercase().into_boxed_str();
                index.by_name.entry(name).or_insert_with(|| Arc::clone(&channel));
            }
            index.by_id.insert((record.realm.clone(), record.id.clone()), channel);
        }
        index
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("index", &self.index.load()).finish_non_exhaustive()
    }
}
