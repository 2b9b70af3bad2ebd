//! The house that the tests live in.

use std::sync::Arc;

use maru_accounts::Secret;
use maru_activity::env::Env;
use maru_activity::{Account, Activity, RealmId, Viewer};
use maru_bot_echo::EchoKind;
use maru_botkit::{BotKit, Limits, import_secret, new_settings};
use maru_door::{Context, Faces, Metrics, RouteSpec};
use maru_hall::{
    Begin, BotRecord, Conversation, DeliveryFilter, DeliveryState, Hall, Place, Post, Shown,
};
use maru_testhouse::{Ground, add_bot, add_channel, egress};
use maru_testkit::eventually;
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
    ground: Ground,
    serving: tokio::task::JoinHandle<()>,
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
        Arc::clone(&self.ground.folder)
    }

    async fn open_at(folder: Arc<TempDir>, server: Arc<Server>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ground = Ground::at(folder, Env::system()).await;
        let (env, key) = (ground.env.clone(), Arc::new(ground.key()));
        let botkit = BotKit::new(egress(), &url, key, env.clone()).unwrap();
        let bots = vec![botkit.kind(), Arc::new(EchoKind)];
        let hall = ground.hall(bots, vec![("web", |_| Ok(()))]).await;
        let faces = Faces::mount(vec![botkit.face(hall.clone(), LIMITS)]).unwrap();
        let routes = faces.routes().to_vec();
        hall.start();
        let context = Arc::new(Context::new(env, Metrics::default()));
        let router = context.around(faces.into_router());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { hall, server, routes, url, ground, serving }
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
        let (env, key) = (&self.ground.env, self.ground.accounts.instance_key());
        let (mut all, _) = new_settings(env, key);
        import_secret(&mut all, &Secret::new(API_KEY), env, key).unwrap();
        all.insert("app_id".to_owned(), APP_ID.into());
        all.insert("bot_id".to_owned(), BOT_ID.into());
        all.insert("url".to_owned(), self.server.url.clone().into());
        all.extend(more.as_object().unwrap().clone());
        all.into()
    }

    pub(crate) async fn add_bot(&self, id: &str, kind: &str, settings: Value) {
        let settings = settings.as_object().unwrap().clone();
        add_bot(&self.hall, &realm(), id, kind, settings).await;
    }

    pub(crate) async fn add_channel(&self, id: &str, bot: &str) {
        add_channel(&self.hall, &realm(), (id, "web"), bot, Map::new()).await;
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
