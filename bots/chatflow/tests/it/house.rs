//! A hall with the bot `coffee` behind the channel `web`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Account, Activity, Draft, Kind, Limits, RealmId, Role, Viewer};
use maru_bot_chatflow::{ChatFlowBots, KIND};
use maru_chatflow::{ChatFlow, NewApp, Settings, Setup};
use maru_hall::{Begin, Conversation, Hall, Handing, Meta, Place, Post, Shown, Spoken};
use maru_notify::{Notifier, Ways};
use maru_testhouse::{Ground, add_bot, add_channel, egress};
use maru_testkit::{FakeClock, eventually, fake_env};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value};

pub(crate) struct House {
    pub(crate) hall: Hall,
    pub(crate) chatflow: Arc<ChatFlow>,
    pub(crate) bots: ChatFlowBots,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) realm: RealmId,
    _ground: Ground,
}

/// The coffee shop in English, which is kept as an example.
pub(crate) fn coffee() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios/coffee.en.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

impl House {
    pub(crate) async fn new(settings: Value) -> Self {
        Self::with(&coffee(), settings).await
    }

    pub(crate) async fn with(file: &Value, settings: Value) -> Self {
        let (env, clock) = fake_env(3);
        let ground = Ground::new(env).await;
        let bots = ChatFlowBots::new("http://maru.example/");
        let hall = ground.hall(vec![bots.kind()], vec![("web", |_| Ok(()))]).await;
        let Ground { env, store, accounts, realm, .. } = ground.clone();
        let (mut registry, egress) = (Registry::default(), egress());
        let notifier = Notifier::new(store, egress.clone(), env, Ways::default(), &mut registry);
        let setup =
            Setup { hall: hall.clone(), accounts, egress, notifier, settings: Settings::default() };
        let chatflow = Arc::new(ChatFlow::new(setup, &mut registry));
        bots.attach(&chatflow);
        hall.start();
        let client = chatflow.sign_up(&realm, "A shop").await.unwrap().record.id;
        let app = NewApp {
            name: "A shop".to_owned(),
            description: String::new(),
            monitor_phone: "010-1234-5678".to_owned(),
            privacy_consent: true,
            handle: Some("coffee".to_owned()),
        };
        chatflow.create_app(&realm, &client, app).await.unwrap();
        chatflow.put_draft(&realm, "coffee", file.to_string().into()).await.unwrap();
        chatflow.publish(&realm, "coffee", "").await.unwrap();
        let house = Self { hall, chatflow, bots, clock, realm, _ground: ground };
        house.add_bot(settings).await;
        house
    }

    async fn add_bot(&self, settings: Value) {
        let mut all = Map::from_iter([("app".to_owned(), Value::from("coffee"))]);
        all.extend(settings.as_object().cloned().unwrap_or_default());
        add_bot(&self.hall, &self.realm, "bot", KIND, all).await;
        add_channel(&self.hall, &self.realm, ("web", "web"), "bot", Map::new()).await;
    }

    /// Begins a conversation with a user in it.
    pub(crate) async fn begin(&self) -> Arc<Conversation> {
        let channel = self.hall.directory().channel(&self.realm, &"web".into()).unwrap();
        let begin = Begin {
            user: Some((Account { id: "u1".to_owned(), ..Account::default() }, true)),
            ..Begin::by(&channel, "directline")
        };
        self.hall.begin(begin).await.unwrap().conversation
    }

    /// The user posts this, and as much is to be seen then as is given.
    pub(crate) async fn posts(
        &self,
        to: &Arc<Conversation>,
        body: &Value,
        seen: usize,
    ) -> Vec<Value> {
        let mut draft_of = body.clone();
        draft_of["from"]["id"] = "u1".into();
        let text = draft_of.to_string();
        let draft = Draft::parse(text.as_bytes(), &Limits::default()).unwrap();
        let activity: Activity = draft.finish().unwrap();
        self.hall.post(to, Post::user(activity)).await.unwrap();
        self.wait_for(to, seen).await
    }

    pub(crate) async fn says(&self, to: &Arc<Conversation>, text: &str, seen: usize) -> Vec<Value> {
        self.posts(to, &serde_json::json!({"type": "message", "text": text}), seen).await
    }

    /// An agent who has the user tells the scenario how that stands, as the desk says it.
    pub(crate) async fn agent_tells(&self, of: &Arc<Conversation>, state: &str) {
        let mut body = status(state);
        body["from"] = serde_json::json!({"id": "3001"});
        let body = body.to_string();
        let draft = Draft::parse(body.as_bytes(), &Limits::default()).unwrap();
        let spoken = Spoken {
            role: Role::Agent,
            activity: draft.finish().unwrap(),
            audience: None,
            meta: Meta::default(),
            tell: Some("bot".into()),
        };
        let handing = Handing { said: vec![spoken], ..Handing::default() };
        self.hall.hand(of, handing).await.unwrap();
    }

    pub(crate) async fn wait_for(&self, of: &Conversation, seen: usize) -> Vec<Value> {
        eventually("what is to be seen", async || {
            let shown = self.shown(of).await;
            let bodies = shown.iter().map(|shown| serde_json::from_slice(&shown.body).unwrap());
            (shown.len() >= seen).then(|| bodies.collect())
        })
        .await
    }

    pub(crate) async fn shown(&self, of: &Conversation) -> Vec<Shown> {
        self.hall.read(of, Viewer::Customer, Place::Pos(0), 100).await.unwrap().shown
    }

    /// Waits until everything that was handed over is settled.
    pub(crate) async fn settled(&self, of: &Conversation) {
        eventually("the end of the deliveries", async || {
            (self.hall.head(of).await.unwrap().open == 0).then_some(())
        })
        .await;
    }

    pub(crate) fn wait(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

/// How a handoff stands.
pub(crate) fn status(state: &str) -> Value {
    serde_json::json!({"type": "event", "name": "handoff.status", "value": {"state": state}})
}

/// The texts of what is to be seen.
pub(crate) fn texts(seen: &[Value]) -> Vec<&str> {
    seen.iter().map(|seen| seen["text"].as_str().unwrap_or("")).collect()
}

/// The kinds.
pub(crate) fn kinds(shown: &[Shown]) -> Vec<Kind> {
    shown.iter().map(|shown| shown.kind.clone()).collect()
}
