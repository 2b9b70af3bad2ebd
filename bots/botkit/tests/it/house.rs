//! The house that the tests live in.

use std::sync::Arc;

use maru_accounts::{Accounts, InstanceKey, Secret};
use maru_activity::env::Env;
use maru_activity::{Account, Activity, RealmId, Viewer};
use maru_bot_echo::EchoKind;
use maru_botkit::{BotKit, Limits, import_secret, new_settings};
use maru_door::{Context, Faces, Metrics, RouteSpec};
use maru_egress::{Egress, Options, Policy};
use maru_hall::{
    Begin, BotRecord, ChannelRecord, Conversation, DeliveryFilter, DeliverySettings, DeliveryState,
    Hall, Place, Post, Setup, Shown,
};
use maru_hints::LocalHints;
use maru_store_sqlite::SqliteStore;
use maru_testkit::eventually;
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::server::{API_KEY, APP_ID, Code, Server};

/// The bot's id at the server.
pub(crate) const BOT_ID: &str = "st-f82726cb-4cd6-5ec4-bd35-7f5542b616dc";

/// The limits of the house, small enough to be reached.
pub(crate) const LIMITS: Limits = Limits {
    call_bytes_max: 64 * 1024,
    activity_bytes_max: 8 * 1024,
    backend_in_flight_max: 4,
    backend_waiting_max: 16,
};

/// A hall with the bot `kit` behind a BotKit server, one channel to it, `web`, and an echo bot.
pub(crate) struct House {
    pub(crate) hall: Hall,
    pub(crate) server: Arc<Server>,
    pub(crate) routes: Vec<RouteSpec>,
    /// Where everything is served, without a slash at the end.
    pub(crate) url: String,
    key: InstanceKey,
    serving: tokio::task::JoinHandle<()>,
    folder: Arc<TempDir>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl House {
    /// With a server whose code answers by itself.
    pub(crate) async fn simple(settings: Value) -> Self {
        Self::open(Code::Simple, settings).await
    }

    /// With a server whose code does nothing.
    pub(crate) async fn silent(settings: Value) -> Self {
        Self::open(Code::Silent, settings).await
    }

    async fn open(code: Code, settings: Value) -> Self {
        let server = Arc::new(Server::start(code).await);
        let house = Self::open_at(Arc::new(TempDir::new().unwrap()), server).await;
        house.furnish(settings).await;
        house
    }

    /// Another house with the same records, as after a restart.
    pub(crate) async fn again(folder: Arc<TempDir>, server: Arc<Server>) -> Self {
        Self::open_at(folder, server).await
    }

    pub(crate) fn folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.folder)
    }

    async fn open_at(folder: Arc<TempDir>, server: Arc<Server>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (env, mut registry) = (Env::system(), Registry::default());
        let options = maru_store_sqlite::Options::new(env.clone());
        let store = Arc::new(SqliteStore::open(folder.path(), options).unwrap());
        let key = || InstanceKey::load_or_create(&folder.path().join("key"), &env).unwrap();
        let accounts = Accounts::open(store.clone(), env.clone(), key()).await.unwrap();
        accounts.ensure_default().await.unwrap();
        let egress = egress(&mut registry);
        let botkit = BotKit::new(egress, &url, Arc::new(key()), env.clone()).unwrap();
        let setup = Setup {
            store,
            hints: Arc::new(LocalHints::new()),
            blobs: Arc::new(InMemory::new()),
            env: env.clone(),
            bot_kinds: vec![botkit.kind(), Arc::new(EchoKind)],
            channel_kinds: vec![("web", |_| Ok(()))],
            settings: maru_hall::Settings::default(),
        };
        let hall = Hall::open(setup, &mut registry).await.unwrap();
        let faces = Faces::mount(vec![botkit.face(hall.clone(), LIMITS)]).unwrap();
        let routes = faces.routes().to_vec();
        hall.start();
        let context = Arc::new(Context::new(env.clone(), Metrics::register(&mut registry)));
        let router = context.around(faces.into_router());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let key = key();
        Self { hall, server, routes, url, key, serving, folder }
    }

    async fn furnish(&self, settings: Value) {
        self.add_bot("echo", "echo", json!({})).await;
        self.add_bot("kit", "botkit", self.settings(&settings)).await;
        self.add_channel("web", "kit").await;
    }

    /// Changes one setting of the bot `kit`.
    pub(crate) async fn set(&self, name: &str, value: Value) {
        let directory = self.hall.directory();
        let mut record = BotRecord::clone(&directory.bot(&realm(), &"kit".into()).unwrap());
        record.settings.insert(name.to_owned(), value);
        directory.put_bot(record, false).await.unwrap();
    }

    /// The settings of a bot behind the house's server.
    pub(crate) fn settings(&self, more: &Value) -> Value {
        let env = Env::system();
        let (mut all, _) = new_settings(&env, &self.key);
        import_secret(&mut all, &Secret::new(API_KEY), &env, &self.key).unwrap();
        all.insert("app_id".to_owned(), APP_ID.into());
        all.insert("bot_id".to_owned(), BOT_ID.into());
        all.insert("url".to_owned(), self.server.url.clone().into());
        all.extend(more.as_object().unwrap().clone());
        all.into()
    }

    pub(crate) async fn add_bot(&self, id: &str, kind: &str, settings: Value) {
        let record = BotRecord {
            id: id.into(),
            realm: realm(),
            kind: kind.to_owned(),
            name: "Kit".to_owned(),
            delivery: DeliverySettings::default(),
            settings: settings.as_object().unwrap().clone(),
        };
        self.hall.directory().put_bot(record, true).await.unwrap();
    }

    pub(crate) async fn add_channel(&self, id: &str, bot: &str) {
        let record = ChannelRecord {
            id: id.into(),
            realm: realm(),
            kind: "web".to_owned(),
            bot: bot.into(),
            keep_days: None,
            settings: Map::new(),
        };
        self.hall.directory().put_channel(record, true).await.unwrap();
    }

    /// Begins a conversation with a user in it, on a channel that bots know as `channel_kind`.
    pub(crate) async fn begin_as(
        &self,
        channel: &str,
        channel_kind: &'static str,
    ) -> Arc<Conversation> {
        let channel = self.hall.directory().channel(&realm(), &channel.into()).unwrap();
        let account =
            Account { id: "u1".to_owned(), name: Some("Ada King Lovelace".to_owned()), role: None };
        let begin = Begin { user: Some((account, true)), ..Begin::by(&channel, channel_kind) };
        self.hall.begin(begin).await.unwrap().conversation
    }

    pub(crate) async fn begin(&self) -> Arc<Conversation> {
        self.begin_as("web", "directline").await
    }

    /// A user says something. Gives its whole id.
    pub(crate) async fn says(&self, conversation: &Arc<Conversation>, text: &str) -> String {
        self.posts(conversation, json!({"type": "message", "text": text})).await
    }

    pub(crate) async fn posts(&self, conversation: &Arc<Conversation>, body: Value) -> String {
        let posted = self.hall.post(conversation, user_post(body)).await.unwrap();
        posted.id.in_conversation(&conversation.id)
    }

    /// What a customer sees of a conversation.
    pub(crate) async fn shown(&self, conversation: &Conversation) -> Vec<Shown> {
        self.hall.read(conversation, Viewer::Customer, Place::Pos(0), 100).await.unwrap().shown
    }

    /// Its activities as JSON.
    pub(crate) async fn seen(&self, conversation: &Conversation) -> Vec<Value> {
        let shown = self.shown(conversation).await;
        shown.iter().map(|shown| serde_json::from_slice(&shown.body).unwrap()).collect()
    }

    /// Its texts.
    pub(crate) async fn texts(&self, conversation: &Conversation) -> Vec<String> {
        let seen = self.seen(conversation).await;
        seen.iter().map(|seen| seen["text"].as_str().unwrap_or("").to_owned()).collect()
    }

    /// Waits until there is so much to see.
    pub(crate) async fn wait_for(&self, conversation: &Conversation, count: usize) -> Vec<Value> {
        eventually("what was to be seen", async || {
            let seen = self.seen(conversation).await;
            (seen.len() >= count).then_some(seen)
        })
        .await
    }

    /// Waits until no delivery of a conversation is open, and gives the causes of the dead ones.
    pub(crate) async fn settled(&self, conversation: &Conversation) -> Vec<String> {
        eventually("every delivery's settlement", async || {
            let id = Some(conversation.id.clone());
            let filter = DeliveryFilter { conversation: id, ..DeliveryFilter::default() };
            let page = self.hall.deliveries(&realm(), &filter, None, 100).await.unwrap();
            let is_open = |state| state == DeliveryState::Open;
            let none = !page.items.iter().any(|delivery| is_open(delivery.state));
            none.then(|| page.items.into_iter().filter_map(|delivery| delivery.cause).collect())
        })
        .await
    }
}

pub(crate) fn user_post(mut body: Value) -> Post {
    body["from"] = json!({"id": "u1", "name": "Ada King Lovelace"});
    let limits = maru_activity::Limits::default();
    let mut post = Post::user(Activity::parse(body.to_string().as_bytes(), &limits).unwrap());
    post.verified = true;
    post
}

pub(crate) fn realm() -> RealmId {
    RealmId::from("default")
}

fn egress(registry: &mut Registry) -> Egress {
    let mut options = Options::new(registry);
    options.policy = Policy { allow_loopback: true, ..Policy::default() };
    Egress::new(options).unwrap()
}
