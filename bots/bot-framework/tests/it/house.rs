//! The house that the tests live in.

use std::sync::Arc;

use maru_activity::env::Env;
use maru_activity::{Account, Activity, Envelope, Limits, RealmId, Viewer, render};
use maru_bot_framework::{BotFrameworkKind, Callback, Connector, ConnectorLimits};
use maru_door::{Context, Faces, Metrics, RouteSpec};
use maru_hall::{Begin, BotRecord, Conversation, Hall, Place, Post, Shown};
use maru_testhouse::{Ground, add_bot, add_channel, egress};
use maru_testkit::{Answer, ScriptedBot, call};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

const KIND: &str = "bot-framework";

/// The limits of the house, small enough to be reached.
pub(crate) const LIMITS: ConnectorLimits = ConnectorLimits {
    activity: Limits { bytes_max: 4_096, depth_max: 64 },
    transcript_bytes_max: 8_192,
    transcript_length_max: 5,
    attachment_bytes_max: 1_000,
};

/// A hall with one bot, `b1`, and one channel to it, `web`.
pub(crate) struct House {
    pub(crate) hall: Hall,
    pub(crate) bot: ScriptedBot,
    pub(crate) routes: Vec<RouteSpec>,
    /// Where everything is served, without a slash at the end.
    pub(crate) url: String,
    serving: tokio::task::JoinHandle<()>,
    _ground: Ground,
}

impl Drop for House {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(json!({})).await
    }

    /// With more settings for the bot.
    pub(crate) async fn open_with(settings: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ground = Ground::new(Env::system()).await;
        let env = ground.env.clone();
        let callback = Callback::new(&url, Arc::new(ground.key())).unwrap();
        let kind = BotFrameworkKind::new(egress(), callback.clone(), env.clone(), LIMITS.activity);
        let hall = ground.hall(vec![Arc::new(kind)], vec![("web", |_| Ok(()))]).await;
        hall.start();
        let connector = Arc::new(Connector::new(hall.clone(), callback, LIMITS));
        let faces = Faces::mount(vec![connector]).unwrap();
        let routes = faces.routes().to_vec();
        let context = Arc::new(Context::new(env, Metrics::default()));
        let router = context.around(faces.into_router());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let bot = ScriptedBot::start().await;
        let house = Self { hall, bot, routes, url, serving, _ground: ground };
        house.add_bot("b1", "web", settings).await;
        house
    }

    /// Adds a bot behind the scripted one's endpoint, and a channel to it.
    pub(crate) async fn add_bot(&self, id: &str, channel: &str, settings: Value) {
        let mut all: Map<String, Value> = settings.as_object().unwrap().clone();
        all.insert("endpoint".to_owned(), self.bot.url().into());
        add_bot(&self.hall, &realm(), id, KIND, all).await;
        add_channel(&self.hall, &realm(), (channel, "web"), id, Map::new()).await;
    }

    /// Changes the record of the bot `b1`.
    pub(crate) async fn change_bot(&self, change: impl FnOnce(&mut BotRecord)) {
        let directory = self.hall.directory();
        let mut record = BotRecord::clone(&directory.bot(&realm(), &"b1".into()).unwrap());
        change(&mut record);
        directory.put_bot(record, false).await.unwrap();
    }

    /// Begins a conversation with a user in it.
    pub(crate) async fn begin(&self, channel: &str, user: &str) -> Arc<Conversation> {
        let channel = self.hall.directory().channel(&realm(), &channel.into()).unwrap();
        let account = Account { id: user.to_owned(), name: Some("Someone".to_owned()), role: None };
        let begin = Begin { user: Some((account, false)), ..Begin::by(&channel, "directline") };
        self.hall.begin(begin).await.unwrap().conversation
    }

    /// A conversation, and the `serviceUrl` that the bot was given in it.
    pub(crate) async fn talk(&self) -> (Arc<Conversation>, String) {
        let before = self.bot.heard().len();
        let conversation = self.begin("web", "u1").await;
        let heard = self.bot.wait_for(before + 1).await;
        let service_url = heard[before].body["serviceUrl"].as_str().unwrap().to_owned();
        (conversation, service_url)
    }

    /// A user says something. Gives its whole id.
    pub(crate) async fn user_says(&self, conversation: &Arc<Conversation>, body: Value) -> String {
        let text = body.to_string();
        let activity = Activity::parse(text.as_bytes(), &Limits::default()).unwrap();
        let posted = self.hall.post(conversation, Post::user(activity)).await.unwrap();
        posted.id.in_conversation(&conversation.id)
    }

    /// What a customer sees of a conversation.
    pub(crate) async fn shown(&self, conversation: &Conversation) -> Vec<Shown> {
        self.hall.read(conversation, Viewer::Customer, Place::Pos(0), 100).await.unwrap().shown
    }

    /// The same as a client gets it: rendered, as JSON.
    pub(crate) async fn seen(&self, conversation: &Conversation) -> Vec<Value> {
        let rendered = |shown: Shown| {
            let id = shown.id.in_conversation(conversation.id.as_str());
            let envelope = Envelope {
                id: Some(&id),
                timestamp: shown.at,
                channel_id: "directline",
                conversation: conversation.id.as_str(),
                service_url: None,
                recipient: None,
            };
            let mut text = Vec::new();
            render(&mut text, &envelope, &shown.body, None);
            serde_json::from_slice(&text).unwrap()
        };
        self.shown(conversation).await.into_iter().map(rendered).collect()
    }
}

pub(crate) fn realm() -> RealmId {
    RealmId::from("default")
}

/// Calls with JSON.
pub(crate) async fn send(method: &str, url: &str, body: Value) -> Answer {
    call(method, url, &[("content-type", "application/json")], body.to_string()).await
}

pub(crate) async fn get(url: &str) -> Answer {
    call("GET", url, &[], "").await
}

/// The code and the message of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body["error"][name].as_str().unwrap_or("").to_owned();
    (answer.status, text("code"), text("message"))
}
