//! A server with one web chat, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use maru_accounts::{Accounts, InstanceKey, Secret};
use maru_activity::env::{Clock, Env, SystemClock, SystemRandom};
use maru_activity::{
    Account, Activity, Audience, ConversationId, Draft, Kind, Limits, RealmId, Role, Timestamp,
    Viewer,
};
use maru_door::{Context, Faces, Listener, Metrics, RouteSpec, ServerOptions, Sockets, serve};
use maru_files::Files;
use maru_hall::{
    BadSettings, Bot, BotKind, BotRecord, ChannelRecord, Conversation, DeliverySettings, Hall,
    Handed, Meta, Outcome, Place, Post, Posted, Said, Setup, Shown,
};
use maru_hints::LocalHints;
use maru_store::Store;
use maru_store_postgres::{Options as PostgresOptions, PostgresStore};
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::PostgresDatabase;
use maru_web_chat::{KIND, Root, WebChat, check_settings, new_settings};
use object_store::memory::InMemory;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::desk::TestDesk;

/// The name by which pages call the realm.
pub(crate) const REALM: &str = "nexuscommunity.net";

/// A clock that can be put forward.
#[derive(Debug, Default)]
pub(crate) struct Ahead(AtomicI64);

impl Ahead {
    pub(crate) fn by_secs(&self, secs: i64) {
        self.0.fetch_add(secs * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.0.load(Ordering::SeqCst))
    }
}

/// A bot that remembers what it was handed, greets, and answers texts.
#[derive(Clone, Debug, Default)]
struct TestBot(Arc<Mutex<Vec<Value>>>);

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let mut body: Value = serde_json::from_slice(&handed.body).unwrap();
        body["_shown"] = handed.meta.shown.clone().into();
        self.0.lock().push(body.clone());
        let answer = match (&handed.kind, body["text"].as_str()) {
            (Kind::ConversationUpdate, _) => Some(json!({"type": "message", "text": "Welcome"})),
            (Kind::Message, Some("choose")) => Some(json!({
                "type": "message", "text": "Which one?",
                "suggestedActions": {"actions": [
                    {"type": "imBack", "title": "One", "value": "1"},
                    {"type": "imBack", "title": "Two", "value": "Two"},
                ]},
            })),
            (Kind::Message, Some("silent") | None) => None,
            (Kind::Message, Some(text)) => {
                Some(json!({"type": "message", "text": format!("You said {text}")}))
            }
            _ => None,
        };
        let answers =
            answer.map(|answer| Said { activity: of_bot(&answer), meta: Meta::default() });
        Outcome::Taken { answers: answers.into_iter().collect(), result: None }
    }
}

impl BotKind for TestBot {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::new(self.clone()))
    }
}

/// An activity of the bot.
pub(crate) fn of_bot(body: &Value) -> Activity {
    of(body, &Account { id: "bot".to_owned(), name: Some("Bot".to_owned()), role: None })
}

fn of(body: &Value, from: &Account) -> Activity {
    let text = body.to_string();
    let mut draft = Draft::parse(text.as_bytes(), &Limits::default()).unwrap();
    draft.set_value("from", from);
    draft.finish().unwrap()
}

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    pub(crate) at: SocketAddr,
    pub(crate) clock: Arc<Ahead>,
    pub(crate) hall: Hall,
    pub(crate) desk: Arc<TestDesk>,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) stop: CancellationToken,
    /// What customers' tokens are signed with.
    pub(crate) secret: Secret,
    heard: Arc<Mutex<Vec<Value>>>,
    realm: RealmId,
    _folder: Arc<tempfile::TempDir>,
}

/// What a house is built on, and what outlives it.
pub(crate) struct Ground {
    folder: Arc<tempfile::TempDir>,
    clock: Arc<Ahead>,
    env: Env,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(Ahead::default());
        let env = Env { clock: Arc::<Ahead>::clone(&clock), random: Arc::new(SystemRandom) };
        Self { folder: Arc::new(tempfile::tempdir().unwrap()), clock, env }
    }

    /// One of several nodes on a database. No hints go between them: everything is seen in the store.
    pub(crate) async fn node(&self, database: &PostgresDatabase) -> House {
        let options = PostgresOptions::new(database.url(), self.env.clone());
        let store = PostgresStore::connect(options).await.unwrap();
        House::over(self, Arc::new(store), json!({}), true).await
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(json!({}), true).await
    }

    /// With a channel of these settings, over its defaults; with a desk or without one.
    pub(crate) async fn with(settings: Value, has_desk: bool) -> Self {
        let ground = Ground::new();
        let store = SqliteStore::open(ground.folder.path(), Options::new(ground.env.clone()));
        Self::over(&ground, Arc::new(store.unwrap()), settings, has_desk).await
    }

    async fn over(ground: &Ground, store: Arc<dyn Store>, settings: Value, has_desk: bool) -> Self {
        let Ground { folder, clock, env } = ground;
        let (folder, clock, env) = (Arc::clone(folder), Arc::clone(clock), env.clone());
        let key = InstanceKey::load_or_create(&folder.path().join("instance.key"), &env).unwrap();
        let accounts = Accounts::open(Arc::clone(&store), env.clone(), key).await.unwrap();
        let realm = accounts.ensure_default().await.unwrap().id.clone();
        let mut registry = Registry::default();
        let bot = TestBot::default();
        let setup = Setup {
            store,
            hints: Arc::new(LocalHints::new()),
            blobs: Arc::new(InMemory::new()),
            env: env.clone(),
            bot_kinds: vec![Arc::new(bot.clone())],
            channel_kinds: vec![(KIND, check_settings)],
            settings: maru_hall::Settings::default(),
        };
        let hall = Hall::open(setup, &mut registry).await.unwrap();
        let desk = Arc::new(TestDesk::default());
        if has_desk {
            desk.attach(hall.downgrade());
            hall.set_desk(Arc::clone(&desk) as _);
        }
        hall.start();
        let record = BotRecord {
            id: "bot".into(),
            realm: realm.clone(),
            kind: "test".to_owned(),
            name: "Bot".to_owned(),
            delivery: DeliverySettings::default(),
            settings: Map::new(),
        };
        // Another node may have made them.
        let is_new = hall.directory().bot(&realm, &"bot".into()).is_none();
        if is_new {
            hall.directory().put_bot(record, true).await.unwrap();
        }
        let (mut whole, secret) = new_settings(&env, accounts.instance_key());
        whole.insert("realm_names".to_owned(), json!([REALM]));
        whole.extend(settings.as_object().unwrap().clone());
        let record = ChannelRecord {
            id: "chat".into(),
            realm: realm.clone(),
            kind: KIND.to_owned(),
            bot: "bot".into(),
            keep_days: None,
            settings: whole,
        };
        if is_new {
            hall.directory().put_channel(record, true).await.unwrap();
        }

        let stop = CancellationToken::new();
        let metrics = Metrics::default();
        let sockets = Sockets::new(metrics.clone(), stop.clone());
        let files = Files::new(hall.clone(), accounts.instance_key());
        let face = WebChat::new(hall.clone(), accounts, sockets, files, &mut registry);
        let root = Arc::new(Root(Arc::clone(&face)));
        let faces = Faces::mount(vec![face, root]).unwrap();
        let routes = faces.routes().to_vec();
        let context = Arc::new(Context::new(env, metrics));
        let router = context.around(faces.into_router());
        let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, ServerOptions::default(), stop.clone()));
        let heard = bot.0;
        Self { at, clock, hall, desk, routes, stop, secret, heard, realm, _folder: folder }
    }

    /// A customer who called this number, and was welcomed.
    pub(crate) async fn call(&self, dn: &str) -> Client {
        let mut client = Client::connect(self.at, "/nxchat/ws").await;
        client.invite(REALM, dn, "01012345678").await;
        client.welcomed().await;
        client
    }

    /// A customer who talks to the group's agent.
    pub(crate) async fn in_call(&self) -> Client {
        let mut client = self.call(crate::desk::GROUP).await;
        client.until("answer").await;
        client
    }

    pub(crate) async fn conversation(&self, cid: &str) -> Arc<Conversation> {
        let id = ConversationId::from(cid.to_owned());
        self.hall.conversation(&self.realm, &id).await.unwrap().unwrap()
    }

    /// Another channel of the realm, for pages that call it by this name from these origins.
    pub(crate) async fn another_channel(&self, name: &str, origins: &[&str]) {
        let directory = self.hall.directory();
        let mut record =
            ChannelRecord::clone(&directory.channel(&self.realm, &"chat".into()).unwrap());
        record.id = "other".into();
        record.settings.insert("realm_names".to_owned(), json!([name]));
        record.settings.insert("origins".to_owned(), json!(origins));
        directory.put_channel(record, true).await.unwrap();
    }

    /// How many conversations there are.
    pub(crate) async fn conversations(&self) -> usize {
        self.hall.conversations(&self.realm, None, None, 100).await.unwrap().items.len()
    }

    /// Agent 3001 says something.
    pub(crate) async fn agent_says(
        &self,
        cid: &str,
        body: &Value,
        audience: Option<Audience>,
    ) -> Posted {
        let account =
            Account { id: "3001".to_owned(), name: Some("김상담".to_owned()), role: None };
        let post = Post { audience, role: Role::Agent, ..Post::bot(of(body, &account)) };
        self.hall.post(&self.conversation(cid).await, post).await.unwrap()
    }

    /// The bot says something, unasked.
    pub(crate) async fn bot_says(&self, cid: &str, body: &Value) -> Posted {
        let conversation = self.conversation(cid).await;
        self.hall.post(&conversation, Post::bot(of_bot(body))).await.unwrap()
    }

    /// The whole log, as agents see it.
    pub(crate) async fn log(&self, cid: &str) -> Vec<Shown> {
        let conversation = self.conversation(cid).await;
        let read = self.hall.read(&conversation, Viewer::Agent, Place::Seq(0), usize::MAX).await;
        read.unwrap().shown
    }

    /// What the bot was handed of this type, once it is so many.
    pub(crate) async fn hears(&self, kind: &str, count: usize) -> Vec<Value> {
        let heard = async || {
            let heard = self.heard.lock();
            let heard: Vec<Value> = heard.iter().filter(|it| it["type"] == kind).cloned().collect();
            Some(heard).filter(|heard| heard.len() >= count)
        };
        maru_testkit::eventually(kind, heard).await
    }

    pub(crate) async fn wait() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
