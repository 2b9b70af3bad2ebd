//! A server with one site, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use maru_accounts::{Accounts, InstanceKey, IssuedSecret};
use maru_activity::env::{Clock, Env, SystemClock, SystemRandom};
use maru_activity::{Account, Activity, Draft, Kind, RealmId, Timestamp};
use maru_direct_line::{CHANNEL_KIND, DirectLine, KIND, check_settings, new_site_settings};
use maru_door::{Context, Faces, Listener, Metrics, RouteSpec, ServerOptions, Sockets, serve};
use maru_hall::{
    BadSettings, Bot, BotKind, BotRecord, ChannelRecord, Conversation, DeliverySettings, Hall,
    Handed, Meta, Outcome, Said, Settings, Setup,
};
use maru_hints::LocalHints;
use maru_store::Store;
use maru_store_sqlite::{Options, SqliteStore};
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Request};

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

/// A bot that does what it is told: `fail`, `hang`, or else says the text again.
#[derive(Debug)]
struct TestBot;

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let body: Value = serde_json::from_slice(&handed.body).unwrap();
        match (&handed.kind, body["text"].as_str()) {
            (Kind::Message, Some("fail")) => {
                Outcome::Failed { cause: "as told".to_owned(), status: Some(500) }
            }
            (Kind::Message, Some("hang")) => std::future::pending().await,
            (Kind::Message, Some(text)) => {
                let activity = Activity::message(&bot(), &format!("You said {text}"));
                let answers = vec![Said { activity, meta: Meta::default() }];
                Outcome::Taken { answers, result: None }
            }
            _ => Outcome::taken(),
        }
    }
}

#[derive(Debug)]
struct TestBotKind;

impl BotKind for TestBotKind {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::new(TestBot))
    }
}

pub(crate) fn bot() -> Account {
    Account { id: "bot".to_owned(), name: Some("Bot".to_owned()), role: Some("bot".to_owned()) }
}

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    pub(crate) at: SocketAddr,
    pub(crate) clock: Arc<Ahead>,
    pub(crate) hall: Hall,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) stop: CancellationToken,
    /// The two secrets of the site `web`.
    pub(crate) secrets: [IssuedSecret; 2],
    realm: RealmId,
    env: Env,
    _folder: tempfile::TempDir,
}

impl House {
    /// With a site of these settings, over its defaults.
    pub(crate) async fn with(settings: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ahead::default());
        let env = Env { clock: Arc::<Ahead>::clone(&clock), random: Arc::new(SystemRandom) };
        let store = SqliteStore::open(folder.path(), Options::new(env.clone())).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let key = InstanceKey::load_or_create(&folder.path().join("instance.key"), &env).unwrap();
        let accounts = Accounts::open(Arc::clone(&store), env.clone(), key).await.unwrap();
        let realm = accounts.ensure_default().await.unwrap().id.clone();
        let mut registry = Registry::default();
        let setup = Setup {
            store,
            hints: Arc::new(LocalHints::new()),
            blobs: Arc::new(InMemory::new()),
            env: env.clone(),
            bot_kinds: vec![Arc::new(TestBotKind)],
            channel_kinds: vec![(KIND, check_settings)],
            settings: Settings::default(),
        };
        let hall = Hall::open(setup, &mut registry).await.unwrap();
        hall.start();
        let record = BotRecord {
            id: "bot".into(),
            realm: realm.clone(),
            kind: "test".to_owned(),
            name: "Bot".to_owned(),
            delivery: DeliverySettings::default(),
            settings: Map::new(),
        };
        hall.directory().put_bot(record, true).await.unwrap();

        let stop = CancellationToken::new();
        let metrics = Metrics::default();
        let sockets = Sockets::new(metrics.clone(), stop.clone());
        let face = DirectLine::new(hall.clone(), accounts, sockets, &mut registry);
        let faces = Faces::mount(vec![face]).unwrap();
        let routes = faces.routes().to_vec();
        let context = Arc::new(Context::new(env.clone(), metrics));
        let router = context.around(faces.into_router());
        let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, ServerOptions::default(), stop.clone()));

        let (_, none) = new_site_settings(&env);
        let mut house =
            Self { at, clock, hall, routes, stop, secrets: none, realm, env, _folder: folder };
        house.secrets = house.add_site("web", settings).await;
        house
    }

    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// Adds a site, and gives its secrets.
    pub(crate) async fn add_site(&self, id: &str, settings: Value) -> [IssuedSecret; 2] {
        let (mut whole, secrets) = new_site_settings(&self.env);
        whole.extend(settings.as_object().unwrap().clone());
        let record = ChannelRecord {
            id: id.into(),
            realm: self.realm.clone(),
            kind: KIND.to_owned(),
            bot: "bot".into(),
            keep_days: None,
            settings: whole,
        };
        self.hall.directory().put_channel(record, true).await.unwrap();
        secrets
    }

    /// Puts a new secret in the place of one of the site `web`'s.
    pub(crate) async fn rotate(&self, which: usize) -> IssuedSecret {
        let directory = self.hall.directory();
        let record = directory.channel(&self.realm, &"web".into()).unwrap();
        let mut record = ChannelRecord::clone(&record);
        let issued = maru_direct_line::rotate(&mut record.settings, which, &self.env).unwrap();
        directory.put_channel(record, false).await.unwrap();
        issued
    }

    pub(crate) async fn remove_site(&self, id: &str) {
        self.hall.directory().remove_channel(&self.realm, &id.into()).await.unwrap();
    }

    pub(crate) fn secret(&self) -> &str {
        self.secrets[0].text.expose()
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        request.send(self.at).await
    }

    /// Generates a token for a user, or for nobody.
    pub(crate) async fn token(&self, parameters: &Value) -> Talk<'_> {
        let request = Request::post("/v3/directline/tokens/generate").bearer(self.secret());
        let answer = self.send(request.json(parameters)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json().get("streamUrl").is_none());
        Talk::of(self, &answer)
    }

    /// Starts a conversation with a fresh token.
    pub(crate) async fn talk(&self) -> Talk<'_> {
        let talk = self.token(&json!({"user":{"id":"u1"}})).await;
        let answer = talk.start().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Talk::of(self, &answer)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A conversation as a client holds it.
pub(crate) struct Talk<'a> {
    pub(crate) house: &'a House,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) stream_url: Option<String>,
}

impl<'a> Talk<'a> {
    pub(crate) fn of(house: &'a House, answer: &Answer) -> Self {
        let body = answer.json();
        assert_eq!(body["expires_in"], 1_800);
        Self {
            house,
            id: body["conversationId"].as_str().unwrap().to_owned(),
            token: body["token"].as_str().unwrap().to_owned(),
            stream_url: body["streamUrl"].as_str().map(str::to_owned),
        }
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v3/directline/conversations/{}{rest}", self.id)
    }

    pub(crate) async fn start(&self) -> Answer {
        let request = Request::post("/v3/directline/conversations").bearer(&self.token);
        self.house.send(request).await
    }

    pub(crate) async fn post(&self, activity: &Value) -> Answer {
        let request = Request::post(&self.path("/activities")).bearer(&self.token);
        self.house.send(request.json(activity)).await
    }

    /// Posts a message, and gives its id.
    pub(crate) async fn say(&self, text: &str) -> String {
        let activity = json!({"type":"message","from":{"id":"u1"},"text":text});
        let answer = self.post(&activity).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn poll(&self, watermark: &str) -> Value {
        let path = self.path(&format!("/activities?watermark={watermark}"));
        let answer = self.house.send(Request::get(&path).bearer(&self.token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn reconnect(&self, watermark: &str) -> Answer {
        let path = self.path(&format!("?watermark={watermark}"));
        self.house.send(Request::get(&path).bearer(&self.token)).await
    }

    /// Polls from the start until there are so many activities.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        let waiting = async {
            loop {
                let set = self.poll("").await;
                let activities = set["activities"].as_array().unwrap();
                if activities.len() >= count {
                    return activities.clone();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("they come")
    }

    pub(crate) async fn conversation(&self) -> Arc<Conversation> {
        let realm = self.house.realm.clone();
        let found = self.house.hall.conversation(&realm, &self.id.as_str().into()).await;
        let found = found.unwrap().unwrap();
        assert_eq!(&*found.channel_kind, CHANNEL_KIND);
        found
    }
}

/// An activity of the bot.
pub(crate) fn of_bot(kind: &str, text: &str) -> Activity {
    let mut draft = Draft::new(&Kind::from(kind));
    draft.set_value("from", &bot());
    draft.set_text("text", text);
    draft.finish().unwrap()
}

/// The texts of a list of activities.
pub(crate) fn texts(activities: &[Value]) -> Vec<&str> {
    activities.iter().map(|activity| activity["text"].as_str().unwrap_or("")).collect()
}
