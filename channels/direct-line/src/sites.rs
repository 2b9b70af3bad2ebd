//! The sites: the records of `direct-line` channels, found by their secrets.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use maru_accounts::secret_id;
use maru_activity::{ChannelId, RealmId};
use maru_hall::{ChannelRecord, Directory, Snapshot};

use crate::KIND;
use crate::config::Settings;

/// A site: a channel's record with its settings read.
#[derive(Debug)]
pub(crate) struct Site {
    /// The record.
    pub(crate) channel: Arc<ChannelRecord>,
    /// Its settings.
    pub(crate) settings: Settings,
}

/// All sites as of one state of the records.
#[derive(Debug, Default)]
struct Index {
    version: u64,
    by_id: HashMap<(RealmId, ChannelId), Arc<Site>>,
    by_secret: HashMap<Box<str>, Arc<Site>>,
}

/// The sites, indexed anew when the records have changed. Finding one takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    index: ArcSwap<Index>,
}

impl Sites {
    /// The site whose secret this is, and the secret's id. How long it takes says nothing about
    /// any secret.
    pub(crate) fn by_secret(
        &self,
        directory: &Directory,
        text: &str,
    ) -> Option<(Arc<Site>, String)> {
        let id = secret_id(text)?;
        let site = self.index(directory).by_secret.get(id).cloned()?;
        let key = site.settings.key(id).filter(|key| key.matches(text))?.id.clone();
        Some((site, key))
    }

    /// A site by its channel's id.
    pub(crate) fn get(
        &self,
        directory: &Directory,
        realm: &RealmId,
        id: &ChannelId,
    ) -> Option<Arc<Site>> {
        self.index(directory).by_id.get(&(realm.clone(), id.clone())).cloned()
    }

    fn index(&self, directory: &Directory) -> Arc<Index> {
        let snapshot = directory.snapshot();
        let index = self.index.load_full();
        if index.version == snapshot.version {
            return index;
        }
        // Two callers may both do this; they come to the same.
        let index = Arc::new(Index::of(&snapshot));
        self.index.store(Arc::clone(&index));
        index
    }
}

impl Index {
    fn of(snapshot: &Snapshot) -> Self {
        let mut index = Self { version: snapshot.version, ..Self::default() };
        for channel in snapshot.channels().filter(|channel| channel.kind == KIND) {
            let settings = match Settings::read(&channel.settings) {
                Ok(settings) => settings,
                Err(error) => {
                    tracing::error!(channel.id = %channel.id, %error, "site left out");
                    continue;
                }
            };
            let site = Arc::new(Site { channel: Arc::clone(channel), settings });
            for key in &site.settings.keys {
                index.by_secret.insert(key.id.as_str().into(), Arc::clone(&site));
            }
            index.by_id.insert((channel.realm.clone(), channel.id.clone()), site);
        }
        index
    }
}
