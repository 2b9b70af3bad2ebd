//! The channels, found by the ids in their paths.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;
use maru_accounts::{Accounts, InstanceKey};
use maru_door::Networks;
use maru_hall::{ChannelRecord, Directory, Snapshot};

use crate::KIND;
use crate::config::{PURPOSE, Settings};

/// A channel's record with its settings read and its key opened.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) record: Arc<ChannelRecord>,
    pub(crate) settings: Settings,
    /// The header that the send API wants: the key as it is, without a scheme in front.
    pub(crate) authorization: Option<HeaderValue>,
    callers: Networks,
}

impl Channel {
    fn of(record: &Arc<ChannelRecord>, key: &InstanceKey) -> Result<Self, String> {
        let settings = Settings::read(&record.settings).map_err(|error| error.to_string())?;
        let callers = settings.networks().map_err(|error| error.to_string())?;
        let authorization = match &settings.authorization {
            Some(sealed) => {
                let plain =
                    sealed.open(PURPOSE, key).ok_or("the key of the send API cannot be opened")?;
                let header = HeaderValue::try_from(plain.expose());
                let mut header = header.map_err(|_| "the key cannot stand in a header")?;
                header.set_sensitive(true);
                Some(header)
            }
            None => None,
        };
        Ok(Self { record: Arc::clone(record), settings, authorization, callers })
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
    by_id: HashMap<String, Arc<Channel>>,
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

    /// The channel of an id.
    pub(crate) fn get(&self, directory: &Directory, id: &str) -> Option<Arc<Channel>> {
        let snapshot = directory.snapshot();
        let mut index = self.index.load_full();
        if index.version != snapshot.version {
            // Two callers may both do this; they come to the same.
            index = Arc::new(Index::of(&snapshot, self.accounts.instance_key()));
            self.index.store(Arc::clone(&index));
        }
        index.by_id.get(id).cloned()
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
        let mut records: Vec<_> =
            snapshot.channels().filter(|record| record.kind == KIND).collect();
        // Of two with one id it is the same one that is served, on every node and after each change.
        records.sort_by(|a, b| (&a.realm, &a.id).cmp(&(&b.realm, &b.id)));
        for record in records {
            match Channel::of(record, key) {
                Ok(channel) if !index.by_id.contains_key(&channel.settings.id) => {
                    index.by_id.insert(channel.settings.id.clone(), Arc::new(channel));
                }
                Ok(_) => {
                    tracing::error!(channel.id = %record.id, "channel left out: another has its id");
                }
                Err(error) => tracing::error!(channel.id = %record.id, %error, "channel left out"),
            }
        }
        index
    }
}
