//! The channels, found by the ids in their paths.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use maru_accounts::{Accounts, InstanceKey, Secret};
use maru_door::Networks;
use maru_hall::{ChannelRecord, Directory, Snapshot};

use crate::config::Manner;
use crate::{plus_friend, skill};

/// A Plus Friend channel.
#[derive(Debug)]
pub(crate) struct Friend {
    pub(crate) record: Arc<ChannelRecord>,
    pub(crate) settings: plus_friend::Settings,
    pub(crate) manner: Manner,
    callers: Networks,
}

/// A skill.
#[derive(Debug)]
pub(crate) struct Skill {
    pub(crate) record: Arc<ChannelRecord>,
    pub(crate) settings: skill::Settings,
    pub(crate) manner: Manner,
    /// The key of the Event API.
    pub(crate) event_key: Option<Secret>,
    callers: Networks,
}

impl Friend {
    fn of(record: &Arc<ChannelRecord>) -> Result<Self, String> {
        let settings =
            plus_friend::Settings::read(&record.settings).map_err(|error| error.to_string())?;
        let callers = settings.networks().map_err(|error| error.to_string())?;
        let manner = settings.manner();
        Ok(Self { record: Arc::clone(record), settings, manner, callers })
    }

    /// Whether this address may call.
    pub(crate) fn admits(&self, peer: IpAddr) -> bool {
        self.callers.admit(peer)
    }
}

impl Skill {
    fn of(record: &Arc<ChannelRecord>, key: &InstanceKey) -> Result<Self, String> {
        let settings =
            skill::Settings::read(&record.settings).map_err(|error| error.to_string())?;
        let callers = settings.networks().map_err(|error| error.to_string())?;
        let event_key = settings.open_event_key(key)?;
        let manner = settings.manner();
        Ok(Self { record: Arc::clone(record), settings, manner, event_key, callers })
    }

    /// Whether this address may call.
    pub(crate) fn admits(&self, peer: IpAddr) -> bool {
        self.callers.admit(peer)
    }
}

/// All channels as of one state of the records.
#[derive(Debug, Default)]
struct Index {
    version: u64,
    friends: HashMap<String, Arc<Friend>>,
    skills: HashMap<String, Arc<Skill>>,
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

    /// A Plus Friend channel.
    pub(crate) fn friend(&self, directory: &Directory, id: &str) -> Option<Arc<Friend>> {
        self.index(directory).friends.get(id).cloned()
    }

    /// A skill.
    pub(crate) fn skill(&self, directory: &Directory, id: &str) -> Option<Arc<Skill>> {
        self.index(directory).skills.get(id).cloned()
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

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Index {
    fn of(snapshot: &Snapshot, key: &InstanceKey) -> Self {
        let mut index = Self { version: snapshot.version, ..Self::default() };
        let mut records: Vec<&Arc<ChannelRecord>> = snapshot.channels().collect();
        // Of two with one id it is the same one that is served, on every node and after each change.
        records.sort_by(|a, b| (&a.realm, &a.id).cmp(&(&b.realm, &b.id)));
        for record in records {
            let added = match record.kind.as_str() {
                plus_friend::KIND => Friend::of(record).and_then(|friend| {
                    let id = friend.settings.id.clone();
                    add(&mut index.friends, id, friend)
                }),
                skill::KIND => Skill::of(record, key).and_then(|skill| {
                    let id = skill.settings.id.clone();
                    add(&mut index.skills, id, skill)
                }),
                _ => Ok(()),
            };
            if let Err(error) = added {
                tracing::error!(channel.id = %record.id, %error, "channel left out");
            }
        }
        index
    }
}

fn add<T>(all: &mut HashMap<String, Arc<T>>, id: String, channel: T) -> Result<(), String> {
    if all.contains_key(&id) {
        return Err("another channel has its id".to_owned());
    }
    all.insert(id, Arc::new(channel));
    Ok(())
}
