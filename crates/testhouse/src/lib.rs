//! What the houses are built on in which doors and bots are tested: a dev-dependency only.
//!
//! A [`Ground`] is a real store in a folder of its own, with the realms and keys in it; on it stands a
//! [hall](Ground::hall), in process, with the kinds of bots and channels that the test is about. What is
//! the door's or the bot's own stays in its tests: this is what every one of them needs.
//!
//! Beside it: records of [bots](add_bot) and [channels](add_channel), a kind for [a bot of the
//! test's own](TestKind), and a server on [a real port](served).
//!
//! It is a crate of its own, and no part of `maru-testkit`, because it sees the hall and the door, whose
//! own tests use that one. Everything in here panics where a test would fail anyway.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use maru_accounts::{Accounts, InstanceKey};
use maru_activity::env::Env;
use maru_activity::{Account, Activity, Draft, Limits, RealmId};
use maru_door::{Listener, ServerOptions, serve};
use maru_egress::{Egress, Policy};
use maru_hall::{
    BadSettings, Bot, BotKind, BotRecord, ChannelRecord, CheckChannel, Conversation,
    DeliverySettings, Hall, Settings, Setup,
};
use maru_hints::LocalHints;
use maru_store::Store;
use maru_store_sqlite::{Options, SqliteStore};
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The instance key's file in the data folder.
const KEY: &str = "instance.key";

/// What a hall stands on, and what outlives it.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The data folder; it goes with the last clone.
    pub folder: Arc<TempDir>,
    /// The clock and the random source.
    pub env: Env,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Uploads, in memory.
    pub blobs: Arc<InMemory>,
    /// The realms, and the instance key.
    pub accounts: Arc<Accounts>,
    /// The default realm.
    pub realm: RealmId,
}

impl Ground {
    /// On SQLite, in a fresh folder.
    pub async fn new(env: Env) -> Self {
        let folder = TempDir::new().expect("a folder can be made");
        Self::at(Arc::new(folder), env).await
    }

    /// On SQLite, in this folder: as after a restart, if something was there.
    pub async fn at(folder: Arc<TempDir>, env: Env) -> Self {
        let store = SqliteStore::open(folder.path(), Options::new(env.clone()));
        Self::on(Arc::new(store.expect("the store opens")), folder, env).await
    }

    /// On this store, with the instance key in this folder.
    pub async fn on(store: Arc<dyn Store>, folder: Arc<TempDir>, env: Env) -> Self {
        let key = InstanceKey::load_or_create(&folder.path().join(KEY), &env);
        let key = key.expect("the key can be kept");
        let accounts = Accounts::open(Arc::clone(&store), env.clone(), key).await;
        let accounts = accounts.expect("the accounts open");
        let realm = accounts.ensure_default().await.expect("there is a realm").id.clone();
        Self { folder, env, store, blobs: Arc::new(InMemory::new()), accounts, realm }
    }

    /// The instance key, for whoever wants one of their own.
    pub fn key(&self) -> InstanceKey {
        let key = InstanceKey::load_or_create(&self.folder.path().join(KEY), &self.env);
        key.expect("it is there")
    }

    /// A hall with these kinds; not started yet. Each is a node: hints go to nobody else.
    pub async fn hall(
        &self,
        bot_kinds: Vec<Arc<dyn BotKind>>,
        channel_kinds: Vec<(&'static str, CheckChannel)>,
    ) -> Hall {
        let setup = Setup {
            store: Arc::clone(&self.store),
            hints: Arc::new(LocalHints::new()),
            blobs: Arc::clone(&self.blobs) as _,
            env: self.env.clone(),
            bot_kinds,
            channel_kinds,
            settings: Settings::default(),
        };
        Hall::open(setup, &mut Registry::default()).await.expect("the hall opens")
    }
}

/// The way out, to this machine too.
pub fn egress() -> Egress {
    let mut registry = Registry::default();
    let mut options = maru_egress::Options::new(&mut registry);
    options.policy = Policy { allow_loopback: true, ..Policy::default() };
    Egress::new(options).expect("the way out opens")
}

/// Makes the record of a bot.
pub async fn add_bot(
    hall: &Hall,
    realm: &RealmId,
    id: &str,
    kind: &str,
    settings: Map<String, Value>,
) {
    let record = BotRecord {
        id: id.into(),
        realm: realm.clone(),
        kind: kind.to_owned(),
        name: "Bot".to_owned(),
        delivery: DeliverySettings::default(),
        settings,
    };
    hall.directory().put_bot(record, true).await.expect("the bot is taken");
}

/// Makes the record of a channel with the bot of this id.
pub async fn add_channel(
    hall: &Hall,
    realm: &RealmId,
    (id, kind): (&str, &str),
    bot: &str,
    settings: Map<String, Value>,
) {
    let record = ChannelRecord {
        id: id.into(),
        realm: realm.clone(),
        kind: kind.to_owned(),
        bot: bot.into(),
        keep_days: None,
        settings,
    };
    hall.directory().put_channel(record, true).await.expect("the channel is taken");
}

/// The kind `test`: each bot of it is a clone of this one.
#[derive(Clone, Debug)]
pub struct TestKind<B>(pub B);

impl<B: Bot + Clone + 'static> BotKind for TestKind<B> {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::new(self.0.clone()))
    }
}

/// An activity of this sender: its JSON object, less `from`.
pub fn activity(from: &Account, body: &Value) -> Activity {
    let text = body.to_string();
    let draft = Draft::parse(text.as_bytes(), &Limits::default());
    let mut draft = draft.expect("it is an activity");
    draft.set_value("from", from);
    draft.finish().expect("it has a type")
}

/// The only conversation of a realm.
pub async fn only_conversation(hall: &Hall, realm: &RealmId) -> Arc<Conversation> {
    let page = hall.conversations(realm, None, None, 2).await.expect("the store answers");
    assert_eq!(page.items.len(), 1, "there is one conversation");
    let only = page.items.first().expect("there is one");
    let found = hall.conversation(realm, &only.conversation.id).await;
    found.expect("the store answers").expect("it is there")
}

/// Serves on a port of its own until `stop` is cancelled.
pub async fn served(router: Router, stop: &CancellationToken) -> SocketAddr {
    let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    let listener = listener.expect("a port is free");
    let at = listener.local_addr().expect("it has an address");
    tokio::spawn(serve(listener, router, ServerOptions::default(), stop.clone()));
    at
}
