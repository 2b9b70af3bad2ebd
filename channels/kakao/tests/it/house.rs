//! A server with one Plus Friend channel and one skill, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_accounts::{Accounts, InstanceKey, Secret};
use maru_activity::{Account, Activity, Draft, Kind, Limits, RealmId};
use maru_door::{Context, Faces, Listener, Metrics, ServerOptions, TrustedProxies, serve};
use maru_egress::{Egress, Policy};
use maru_hall::{
    BadSettings, Bot, BotKind, BotRecord, ChannelRecord, Conversation, DeliverySettings, Hall,
    Handed, Meta, Outcome, Post, PostOp, Said, Setup,
};
use maru_hints::LocalHints;
use maru_kakao::{Kakao, plus_friend, skill};
use maru_store::Store;
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::{Answer, FakeClock, fake_env};
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex as Gate;
use tokio_util::sync::CancellationToken;

/// What the bot was handed, as JSON.
type Heard = Arc<parking_lot::Mutex<Vec<Value>>>;

/// A bot that says each text again, greets whoever is new, and does what it is told: `fail`, `hang`,
/// `wait` for the gate, or to say the activities of a JSON list.
#[derive(Clone, Debug, Default)]
struct TestBot {
    heard: Heard,
    gate: Arc<Gate<()>>,
}

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let mut body: Value = serde_json::from_slice(&handed.body).unwrap();
        body["_shown"] = handed.meta.shown.clone().into();
        self.heard.lock().push(body.clone());
        let words = body["text"].as_str().unwrap_or_default();
        let answers = match (&handed.kind, words) {
            (Kind::Message, "fail") => {
                return Outcome::Refused { cause: "as told".to_owned(), status: Some(400) };
            }
            (Kind::Message, "wait") => {
                drop(self.gate.lock().await);
                vec![json!({"type": "message", "text": "At last"})]
            }
            (Kind::Message, text) => match serde_json::from_str::<Value>(text) {
                Ok(Value::Array(answers)) => answers,
                _ => vec![json!({"type": "message", "text": format!("You said {text}")})],
            },
            _ => Vec::new(),
        };
        let said = |answer: &Value| Said { activity: of_bot(answer), meta: Meta::default() };
        Outcome::Taken { answers: answers.iter().map(said).collect(), result: None }
    }
}

#[derive(Debug)]
struct TestBotKind(TestBot);

impl BotKind for TestBotKind {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::new(self.0.clone()))
    }
}

fn of_bot(body: &Value) -> Activity {
    let bot = Account { id: "bot".to_owned(), name: Some("Bot".to_owned()), role: None };
    let text = body.to_string();
    let mut draft = Draft::parse(text.as_bytes(), &Limits::default()).unwrap();
    draft.set_value("from", &bot);
    draft.finish().unwrap()
}

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    at: SocketAddr,
    pub(crate) hall: Hall,
    stop: CancellationToken,
    bot: TestBot,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) realm: RealmId,
    /// The public id of both channels, and the skill's secret.
    pub(crate) friend: String,
    pub(crate) skill: String,
    pub(crate) secret: String,
    _folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(json!({}), json!({})).await
    }

    /// With these settings of the Plus Friend channel and the skill, over their defaults.
    pub(crate) async fn with(friend: Value, skill: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (env, clock) = fake_env(9);
        let store = SqliteStore::open(folder.path(), Options::new(env.clone())).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
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
            bot_kinds: vec![Arc::new(TestBotKind(bot.clone()))],
            channel_kinds: vec![
                (plus_friend::KIND, plus_friend::check_settings),
                (skill::KIND, skill::check_settings),
            ],
            settings: maru_hall::Settings::default(),
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

        let mut options = maru_egress::Options::new(&mut registry);
        options.policy = Policy { allow_loopback: true, ..Policy::default() };
        let egress = Egress::new(options).unwrap();
        let stop = CancellationToken::new();
        let face =
            Kakao::new(hall.clone(), Arc::clone(&accounts), egress, stop.clone(), &mut registry);
        let faces = Faces::mount(vec![face]).unwrap();
        let mut context = Context::new(env.clone(), Metrics::default());
        context.trusted_proxies = TrustedProxies::parse(&["127.0.0.1"]).unwrap();
        let router = Arc::new(context).around(faces.into_router());
        let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, ServerOptions::default(), stop.clone()));

        let mut of_friend = plus_friend::new_settings(&env);
        of_friend.insert("budget_ms".to_owned(), 1_000.into());
        of_friend.extend(friend.as_object().unwrap().clone());
        let (mut of_skill, issued) = skill::new_settings(&env);
        of_skill.insert("budget_ms".to_owned(), 1_000.into());
        let rest_key = Secret::new("rest-key");
        skill::import_secret(&mut of_skill, &rest_key, &env, accounts.instance_key()).unwrap();
        of_skill.extend(skill.as_object().unwrap().clone());
        let id_of = |settings: &Map<String, Value>| settings["id"].as_str().unwrap().to_owned();
        let house = Self {
            at,
            hall,
            stop,
            bot,
            clock,
            realm,
            friend: id_of(&of_friend),
            skill: id_of(&of_skill),
            secret: issued.text.expose().to_owned(),
            _folder: folder,
        };
        house.add("friend", plus_friend::KIND, of_friend).await;
        house.add("skill", skill::KIND, of_skill).await;
        house
    }

    async fn add(&self, id: &str, kind: &str, settings: Map<String, Value>) {
        let record = ChannelRecord {
            id: id.into(),
            realm: self.realm.clone(),
            kind: kind.to_owned(),
            bot: "bot".into(),
            keep_days: None,
            settings,
        };
        self.hall.directory().put_channel(record, true).await.unwrap();
    }

    /// Calls the server.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        maru_testkit::call(method, &format!("http://{}{path}", self.at), headers, body).await
    }

    /// Calls the partner's server.
    pub(crate) async fn partner(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/kakao/plus-friend/{}{path}", self.friend);
        self.call(method, &path, &[("content-type", "application/json")], body.to_owned()).await
    }

    /// A user of Plus Friend says something, and is answered.
    pub(crate) async fn says(&self, text: &str) -> Value {
        let body = json!({"user_key": "Czs7H_QxuB00", "type": "text", "content": text});
        let answer = self.partner("POST", "/message", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Calls the skill with a payload.
    pub(crate) async fn ask(&self, payload: &Value) -> Answer {
        let path = format!("/kakao/skill/{}", self.skill);
        let headers = [
            ("content-type", "application/json;charset=UTF-8"),
            (skill::SECRET_HEADER, self.secret.as_str()),
        ];
        self.call("POST", &path, &headers, payload.to_string()).await
    }

    /// Calls the skill, and gives what it answers.
    pub(crate) async fn asked(&self, payload: &Value) -> Value {
        let answer = self.ask(payload).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Keeps the bot from answering `wait` until what is given is dropped.
    pub(crate) async fn keep_waiting(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.bot.gate).lock_owned().await
    }

    /// What the bot was handed of this type.
    pub(crate) fn heard(&self, kind: &str) -> Vec<Value> {
        self.bot.heard.lock().iter().filter(|heard| heard["type"] == kind).cloned().collect()
    }

    /// The last message that the bot was handed.
    pub(crate) fn last_heard(&self) -> Value {
        self.heard("message").pop().unwrap()
    }

    /// The only conversation that there is.
    pub(crate) async fn conversation(&self) -> Arc<Conversation> {
        let page = self.hall.conversations(&self.realm, None, None, 10).await.unwrap();
        let [only] = &page.items[..] else { panic!("{} conversations", page.items.len()) };
        let id = &only.conversation.id;
        self.hall.conversation(&self.realm, id).await.unwrap().unwrap()
    }

    /// Says something in the bot's name, unasked.
    pub(crate) async fn bot_says(&self, body: &Value) {
        self.bot_does(PostOp::Say, body).await;
    }

    /// Says something in the bot's name, or changes or takes back what it said.
    pub(crate) async fn bot_does(&self, op: PostOp, body: &Value) {
        let conversation = self.conversation().await;
        let post = Post { op, ..Post::bot(of_bot(body)) };
        self.hall.post(&conversation, post).await.unwrap();
    }

    /// Waits until the bot has said so many things in the only conversation.
    pub(crate) async fn bot_said(&self, count: usize) {
        maru_testkit::eventually("the bot's words", async || {
            (self.bots_words().await >= count).then_some(())
        })
        .await;
    }

    /// How many things the bot has said in the only conversation.
    pub(crate) async fn bots_words(&self) -> usize {
        let conversation = self.conversation().await;
        let (from, viewer) = (maru_hall::Place::Pos(0), maru_activity::Viewer::Customer);
        let reading = self.hall.read(&conversation, viewer, from, 100).await.unwrap();
        reading.shown.iter().filter(|shown| shown.role == maru_activity::Role::Bot).count()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Long enough for whatever is not to happen to have happened.
pub(crate) async fn a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// The texts of a skill's outputs.
pub(crate) fn texts(answer: &Value) -> Vec<&str> {
    let outputs = answer["template"]["outputs"].as_array().unwrap();
    outputs.iter().filter_map(|output| output["simpleText"]["text"].as_str()).collect()
}
