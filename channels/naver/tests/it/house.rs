//! A server with one TalkTalk channel, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_accounts::{Accounts, InstanceKey, Secret};
use maru_activity::env::Env;
use maru_activity::{Account, Activity, Draft, Kind, Limits, RealmId};
use maru_door::{Context, Faces, Listener, Metrics, ServerOptions, TrustedProxies, serve};
use maru_egress::{Egress, Policy};
use maru_hall::{
    BadSettings, Bot, BotKind, BotRecord, ChannelRecord, Conversation, DeliverySettings, Hall,
    Handed, Meta, Outcome, Post, Said, Setup,
};
use maru_hints::LocalHints;
use maru_naver::{KIND, Naver, check_settings, import_secret, new_settings};
use maru_store::Store;
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::{Answer, Reply, ScriptedBot};
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// What the bot was handed, as JSON.
type Heard = Arc<parking_lot::Mutex<Vec<Value>>>;

/// A bot that says each text again, or the activities of a JSON list.
#[derive(Clone, Debug, Default)]
struct TestBot {
    heard: Heard,
}

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let mut body: Value = serde_json::from_slice(&handed.body).unwrap();
        body["_shown"] = handed.meta.shown.clone().into();
        self.heard.lock().push(body.clone());
        let words = body["text"].as_str().unwrap_or_default();
        let answers = match (&handed.kind, words) {
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

/// The user of the documents.
pub(crate) const USER: &str = "al-2eGuGr5WQOnco1_V-FQ";

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    at: SocketAddr,
    pub(crate) hall: Hall,
    stop: CancellationToken,
    bot: TestBot,
    realm: RealmId,
    accounts: Arc<Accounts>,
    /// TalkTalk's own side.
    pub(crate) talktalk: ScriptedBot,
    /// The channel's public id.
    pub(crate) id: String,
    /// Another face on the same store: a second node.
    pub(crate) other_at: SocketAddr,
    _folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// With these settings of the channel, over its defaults.
    pub(crate) async fn with(settings: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = Env::system();
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
            channel_kinds: vec![(KIND, check_settings)],
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
        let (mut at, mut registry) = (Vec::new(), Registry::default());
        for _ in 0..2 {
            let face = Naver::new(
                hall.clone(),
                Arc::clone(&accounts),
                egress.clone(),
                stop.clone(),
                &mut registry,
            );
            let faces = Faces::mount(vec![face]).unwrap();
            let mut context = Context::new(env.clone(), Metrics::default());
            context.trusted_proxies = TrustedProxies::parse(&["127.0.0.1"]).unwrap();
            let router = Arc::new(context).around(faces.into_router());
            let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
            at.push(listener.local_addr().unwrap());
            tokio::spawn(serve(listener, router, ServerOptions::default(), stop.clone()));
        }

        let talktalk = ScriptedBot::start().await;
        talktalk.otherwise(Reply::json(&json!({"success": true, "resultCode": "00"})));
        let origin = talktalk.url().strip_suffix("/api/messages").unwrap().to_owned();
        let mut whole = new_settings(&env);
        let key = Secret::new("ct_wc8bd0");
        import_secret(&mut whole, &key, &env, accounts.instance_key()).unwrap();
        whole.insert("api_url".to_owned(), origin.as_str().into());
        whole.insert("media_hosts".to_owned(), json!([origin]));
        whole.extend(settings.as_object().unwrap().clone());
        let id = whole["id"].as_str().unwrap().to_owned();
        let record = ChannelRecord {
            id: "talktalk".into(),
            realm: realm.clone(),
            kind: KIND.to_owned(),
            bot: "bot".into(),
            keep_days: None,
            settings: whole,
        };
        hall.directory().put_channel(record, true).await.unwrap();
        let (at, other_at) = (at[0], at[1]);
        Self { at, hall, stop, bot, realm, accounts, talktalk, id, other_at, _folder: folder }
    }

    /// Gives the channel another key of the send API.
    pub(crate) async fn mend_key(&self, key: &str) {
        let directory = self.hall.directory();
        let record = directory.channel(&self.realm, &"talktalk".into()).unwrap();
        let mut record = ChannelRecord::clone(&record);
        let (key, instance) = (Secret::new(key), self.accounts.instance_key());
        import_secret(&mut record.settings, &key, self.hall.env(), instance).unwrap();
        directory.put_channel(record, false).await.unwrap();
    }

    /// TalkTalk's address, for pictures.
    pub(crate) fn origin(&self) -> &str {
        self.talktalk.url().strip_suffix("/api/messages").unwrap()
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

    /// Calls the webhook with an event.
    pub(crate) async fn hook(&self, event: &Value) -> Answer {
        let headers = [("content-type", "application/json;charset=UTF-8")];
        self.call("POST", &format!("/naver/{}", self.id), &headers, event.to_string()).await
    }

    /// Calls the webhook with an event of the user, which is taken without a word.
    pub(crate) async fn happens(&self, mut event: Value) {
        event["user"] = USER.into();
        let answer = self.hook(&event).await;
        assert_eq!((answer.status, &*answer.text()), (200, ""), "{event}");
    }

    /// The user says something.
    pub(crate) async fn says(&self, text: &str) {
        let content = json!({"text": text, "inputType": "typing"});
        self.happens(
            json!({"event": "send", "textContent": content, "options": {"mobile": false}}),
        )
        .await;
    }

    /// What the user was sent, once there are so many of them.
    pub(crate) async fn sent(&self, count: usize) -> Vec<Value> {
        self.talktalk.wait_for(count).await.into_iter().map(|heard| heard.body).collect()
    }

    /// What the user was sent so far.
    pub(crate) fn sent_so_far(&self) -> usize {
        self.talktalk.heard().len()
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
        let conversation = self.conversation().await;
        self.hall.post(&conversation, Post::bot(of_bot(body))).await.unwrap();
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
