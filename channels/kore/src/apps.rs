//! The apps: the records of `kore` channels, found by their client ids and their API keys.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use maru_accounts::{Accounts, InstanceKey, Secret, secret_id};
use maru_activity::{ChannelId, RealmId};
use maru_hall::{ChannelRecord, Directory, Snapshot};

use crate::KIND;
use crate::config::{AppBot, SECRETS, Settings};
use crate::jwt::PublicKey;

/// An app: a channel's record with its settings read and its secrets opened.
#[derive(Debug)]
pub(crate) struct App {
    /// The record.
    pub(crate) channel: Arc<ChannelRecord>,
    /// Its settings.
    pub(crate) settings: Settings,
    /// The client secrets by their ids.
    pub(crate) secrets: Vec<(String, Secret)>,
    /// The public keys.
    pub(crate) public_keys: Vec<PublicKey>,
    /// The channel's record as if it were this bot's alone, in the order of the bots.
    records: Vec<Arc<ChannelRecord>>,
}

impl App {
    fn of(channel: &Arc<ChannelRecord>, key: &InstanceKey) -> Result<Self, String> {
        let settings = Settings::read(&channel.settings).map_err(|error| error.to_string())?;
        let mut secrets = Vec::with_capacity(settings.secrets.len());
        for secret in &settings.secrets {
            let plain =
                secret.open(SECRETS.purpose, key).ok_or("a client secret cannot be opened")?;
            secrets.push((secret.id.clone(), plain));
        }
        let public_keys = settings.public_keys.iter().map(|pem| PublicKey::of_pem(pem));
        let public_keys = public_keys.collect::<Result<_, _>>()?;
        let records = settings.bots.iter().map(|bot| record_of(channel, bot)).collect();
        Ok(Self { channel: Arc::clone(channel), settings, secrets, public_keys, records })
    }

    /// One of its bots, by its id in Kore's world.
    pub(crate) fn bot(&self, task_bot_id: &str) -> Option<&AppBot> {
        self.settings.bots.iter().find(|bot| bot.id == task_bot_id)
    }

    /// The channel's record with this bot in it: to begin a conversation with.
    pub(crate) fn record_for(&self, bot: &AppBot) -> Arc<ChannelRecord> {
        let place = self.settings.bots.iter().position(|known| known.id == bot.id);
        let record = place.and_then(|place| self.records.get(place));
        Arc::clone(record.unwrap_or(&self.channel))
    }

    /// One of its client secrets, by its id.
    pub(crate) fn secret(&self, id: &str) -> Option<&Secret> {
        self.secrets.iter().find(|(known, _)| known == id).map(|(_, secret)| secret)
    }

    /// Whether this is one of its client secrets. How long it takes says nothing about any.
    pub(crate) fn has_secret(&self, text: &Secret) -> bool {
        let is = |known: &Secret| {
            verify_slices_are_equal(known.expose().as_bytes(), text.expose().as_bytes()).is_ok()
        };
        self.secrets.iter().any(|(_, known)| is(known))
    }

    /// Whether what a key vouched for is still good: a client secret's id, or a public key's.
    pub(crate) fn has_key(&self, id: &str) -> bool {
        self.secret(id).is_some() || self.public_keys.iter().any(|key| key.id == id)
    }
}

fn record_of(channel: &Arc<ChannelRecord>, bot: &AppBot) -> Arc<ChannelRecord> {
    match &bot.bot {
        Some(id) if *id != channel.bot => {
            Arc::new(ChannelRecord { bot: id.clone(), ..ChannelRecord::clone(channel) })
        }
        _ => Arc::clone(channel),
    }
}

/// All apps as of one state of the records.
#[derive(Debug, Default)]
struct Index {
    version: u64,
    by_id: HashMap<(RealmId, ChannelId), Arc<App>>,
    by_client_id: HashMap<Box<str>, Vec<Arc<App>>>,
    by_api_key: HashMap<Box<str>, Arc<App>>,
}

/// The apps, indexed anew when the records have changed. Finding one takes no lock.
pub(crate) struct Apps {
    accounts: Arc<Accounts>,
    index: ArcSwap<Index>,
}

impl Apps {
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts, index: ArcSwap::default() }
    }

    /// The apps of a client id. It is public, so nothing keeps one tenant from naming another's in
    /// its own app: whoever asks must find out by the signature which one is meant.
    pub(crate) fn by_client_id(&self, directory: &Directory, id: &str) -> Vec<Arc<App>> {
        self.index(directory).by_client_id.get(id).cloned().unwrap_or_default()
    }

    /// All apps, in no order.
    pub(crate) fn all(&self, directory: &Directory) -> Vec<Arc<App>> {
        self.index(directory).by_id.values().cloned().collect()
    }

    /// An app by its channel's id.
    pub(crate) fn get(
        &self,
        directory: &Directory,
        realm: &RealmId,
        channel: &ChannelId,
    ) -> Option<Arc<App>> {
        self.index(directory).by_id.get(&(realm.clone(), channel.clone())).cloned()
    }

    /// The app whose API key this is. How long it takes says nothing about any key.
    pub(crate) fn by_api_key(&self, directory: &Directory, text: &str) -> Option<Arc<App>> {
        let app = self.index(directory).by_api_key.get(secret_id(text)?).cloned()?;
        let matches = app.settings.api_key.as_ref().is_some_and(|key| key.matches(text));
        matches.then_some(app)
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

impl fmt::Debug for Apps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apps").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Index {
    fn of(snapshot: &Snapshot, key: &InstanceKey) -> Self {
        let mut index = Self { version: snapshot.version, ..Self::default() };
        for channel in snapshot.channels().filter(|channel| channel.kind == KIND) {
            let app = match App::of(channel, key) {
                Ok(app) => Arc::new(app),
                Err(error) => {
                    tracing::error!(channel.id = %channel.id, %error, "app left out");
                    continue;
                }
            };
            if app.settings.development_issuer {
                tracing::warn!(
                    channel.id = %channel.id,
                    "the app's development issuer is on: anybody may come as any user"
                );
            }
            let apps = index.by_client_id.entry(app.settings.client_id.as_str().into());
            apps.or_default().push(Arc::clone(&app));
            if let Some(key) = &app.settings.api_key {
                index.by_api_key.insert(key.id.as_str().into(), Arc::clone(&app));
            }
            index.by_id.insert((channel.realm.clone(), channel.id.clone()), app);
        }
        index
    }
}
