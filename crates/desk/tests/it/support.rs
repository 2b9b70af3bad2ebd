//! A desk over a real hall, and a bot that remembers what it was handed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_activity::env::Env;
use maru_activity::{
    Account, Activity, CommitId, ConversationId, Draft, Kind, Limits, RealmId, Viewer,
};
use maru_desk::{
    BadDn, ChatPhase, ChatView, Command, DeskError, DeskSettings, Done, Refusal, Service,
};
use maru_hall::{
    BadSettings, Begin, Bot, BotKind, BotRecord, Call, CallState, CallStatus, ChannelRecord,
    Conversation, CustomerDid, DeliverySettings, Desk, HANDOFF_STATUS, Hall, Handed, Outcome,
    Place, Post, Route, Settings, Shown,
};
use maru_hints::{Hints, LocalHints};
use maru_store::{Commit, StateWrite, Store};
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::{FakeClock, fake_env};
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

#[derive(Debug)]
struct Listening(mpsc::UnboundedSender<Handed>);

#[async_trait]
impl Bot for Listening {
    async fn deliver(&self, handed: Handed) -> Outcome {
        drop(self.0.send(handed));
        Outcome::taken()
    }
}

#[derive(Debug)]
struct ListeningKind(mpsc::UnboundedSender<Handed>);

impl BotKind for ListeningKind {
    fn kind(&self) -> &'static str {
        "listening"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::new(Listening(self.0.clone())))
    }
}

/// One node: a hall, its desk, a bot `bot` behind the channel `web`.
pub(crate) struct Scene {
    pub(crate) hall: Hall,
    pub(crate) desk: Arc<Service>,
    pub(crate) realm: RealmId,
    channel: ChannelRecord,
    seen: Mutex<mpsc::UnboundedReceiver<Handed>>,
}

/// The clock and the store, which outlive a node.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) clock: Arc<FakeClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (env, clock) = fake_env(7);
        Self { env, clock }
    }

    pub(crate) async fn open(&self, folder: &Path) -> Scene {
        let store = SqliteStore::open(folder, Options::new(self.env.clone())).unwrap();
        self.node(Arc::new(store), Arc::new(LocalHints::new())).await
    }

    /// A node on this store.
    pub(crate) async fn node(&self, store: Arc<dyn Store>, hints: Arc<dyn Hints>) -> Scene {
        let realm = RealmId::from("default");
        let mut commit = Commit::new(CommitId(self.env.uuid()), "_system".into(), self.env.now());
        commit.states.push(StateWrite::put("record/realm", realm.as_str(), "{}"));
        store.commit(commit).await.unwrap();
        let (told, seen) = mpsc::unbounded_channel();
        let setup = maru_hall::Setup {
            store,
            hints,
            blobs: Arc::new(InMemory::new()),
            env: self.env.clone(),
            bot_kinds: vec![Arc::new(ListeningKind(told))],
            channel_kinds: vec![("test", |_| Ok(()))],
            settings: Settings::default(),
        };
        let mut registry = Registry::default();
        let hall = Hall::open(setup, &mut registry).await.unwrap();
        let channel = ChannelRecord {
            id: "web".into(),
            realm: realm.clone(),
            kind: "test".into(),
            bot: "bot".into(),
            keep_days: None,
            settings: serde_json::Map::new(),
        };
        let desk =
            Service::new(maru_desk::Setup { hall: hall.clone(), notifier: None }, &mut registry);
        desk.install();
        if hall.directory().bot(&realm, &"bot".into()).is_none() {
            let bot = BotRecord {
                id: "bot".into(),
                realm: realm.clone(),
                kind: "listening".into(),
                name: "The bot".into(),
                delivery: DeliverySettings::default(),
                settings: serde_json::Map::new(),
            };
            hall.directory().put_bot(bot, true).await.unwrap();
            hall.directory().put_channel(channel.clone(), true).await.unwrap();
        }
        hall.start();
        desk.start([realm.clone()]);
        Scene { hall, desk, realm, channel, seen: Mutex::new(seen) }
    }
}

impl Scene {
    /// The numbers of the demo: agents 3001 and 3002, their group 3000, the bot's 3105.
    pub(crate) async fn numbers(&self) {
        for record in [
            json!({"kind": "agent", "dn": "3001", "name": "Hana", "max": 1}),
            json!({"kind": "agent", "dn": "3002", "name": "Duri", "max": 1}),
            json!({"kind": "group", "dn": "3000", "name": "Help", "accept_when_empty": true,
                "members": [{"dn": "3001"}, {"dn": "3002"}]}),
            json!({"kind": "virtual", "dn": "3105", "name": "Bori", "bot": "bot", "group": "3000"}),
        ] {
            self.put(record).await.unwrap();
        }
    }

    pub(crate) async fn put(&self, record: Value) -> Result<(), DeskError> {
        let record = serde_json::from_value(record).unwrap();
        self.desk.put_dn(&self.realm, record, None).await
    }

    pub(crate) async fn settings(&self, settings: DeskSettings) -> Result<(), BadDn> {
        match self.desk.put_settings(&self.realm, settings).await {
            Err(DeskError::Bad(bad)) => Err(bad),
            other => {
                other.unwrap();
                Ok(())
            }
        }
    }

    /// Begins a conversation as the web chat does, and has the desk take it.
    pub(crate) async fn call(&self, dn: &str) -> Arc<Conversation> {
        let conversation = self.begin(Some(Route::Nobody)).await;
        self.desk.admit(&conversation, call(dn)).await.unwrap();
        conversation
    }

    /// Begins a conversation; with its bot, if nothing else is said.
    pub(crate) async fn begin(&self, route: Option<Route>) -> Arc<Conversation> {
        let user = Some((Account { id: "01012345678".into(), ..Account::default() }, false));
        let begin = Begin { user, route, ..Begin::by(&self.channel, "test") };
        self.hall.begin(begin).await.unwrap().conversation
    }

    pub(crate) async fn sign_in(&self, dn: &str) {
        self.desk.agent_linked(&self.realm, dn, &format!("link of {dn}")).await.unwrap();
        self.command(dn, Command::Ready { on: true, reason: None }).await.unwrap();
    }

    pub(crate) async fn command(&self, dn: &str, command: Command) -> Result<Done, Refusal> {
        self.desk.command(&self.realm, dn, command).await
    }

    /// Takes the call that this agent is asked about.
    pub(crate) async fn accept(&self, dn: &str, call: &Conversation) {
        let epoch = self.offered(dn, call).await.epoch;
        let accept = Command::Accept { call: call.id.clone(), epoch };
        self.command(dn, accept).await.unwrap();
    }

    pub(crate) async fn close(&self, dn: &str, call: &Conversation) {
        let close = Command::Close { call: call.id.clone(), comment: None, codes: Vec::new() };
        self.command(dn, close).await.unwrap();
    }

    /// Waits until this agent is asked about a call.
    pub(crate) async fn offered(&self, dn: &str, call: &Conversation) -> ChatView {
        for _ in 0..400 {
            if let Some(view) = self.shown(dn, &call.id).await
                && view.phase == ChatPhase::Offered
            {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        unreachable!("{dn} is not asked: {:?}", self.log(call).await);
    }

    pub(crate) async fn shown(&self, dn: &str, call: &ConversationId) -> Option<ChatView> {
        let view = self.desk.snapshot(&self.realm, dn).await.unwrap();
        view.chats.into_iter().find(|chat| chat.c == *call)
    }

    pub(crate) async fn customer(&self, call: &Arc<Conversation>, did: CustomerDid) {
        self.desk.customer(call, did).await.unwrap();
    }

    /// What a customer is told of a call: a word each.
    pub(crate) async fn log(&self, conversation: &Conversation) -> Vec<String> {
        let shown = self.entries(conversation, Viewer::Customer).await;
        shown.iter().map(word).collect()
    }

    pub(crate) async fn entries(&self, conversation: &Conversation, viewer: Viewer) -> Vec<Shown> {
        self.hall.read(conversation, viewer, Place::Seq(0), 100).await.unwrap().shown
    }

    /// Waits until the customer was told this last.
    pub(crate) async fn told(&self, conversation: &Conversation, last: &str) -> Vec<String> {
        for _ in 0..400 {
            let log = self.log(conversation).await;
            if log.last().is_some_and(|word| word == last) {
                return log;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        unreachable!("{last} was not said: {:?}", self.log(conversation).await);
    }

    pub(crate) async fn route(&self, conversation: &Conversation) -> String {
        self.hall.head(conversation).await.unwrap().route.to_string()
    }

    /// What the bot was handed next.
    pub(crate) async fn handed(&self) -> String {
        let mut seen = self.seen.lock().await;
        let handed = tokio::time::timeout(Duration::from_secs(20), seen.recv()).await;
        let handed = handed.expect("the bot is handed something").unwrap();
        word_of(&handed.kind, &handed.body)
    }

    pub(crate) async fn say(&self, conversation: &Arc<Conversation>, text: &str) {
        let user = Account { id: "01012345678".into(), ..Account::default() };
        let post = Post::user(Activity::message(&user, text));
        self.hall.post(conversation, post).await.unwrap();
    }

    /// The bot says something of its own accord.
    pub(crate) async fn bot_says(&self, conversation: &Arc<Conversation>, activity: Value) {
        let body = serde_json::to_vec(&activity).unwrap();
        let activity = Activity::parse(&body, &Limits::default()).unwrap();
        self.hall.post(conversation, Post::bot(activity)).await.unwrap();
    }

    /// The process ends.
    pub(crate) async fn end(self) {
        self.desk.stop().await;
        self.hall.stop(Duration::from_secs(5)).await;
    }
}

/// A call to this number.
pub(crate) fn call(dn: &str) -> Call {
    Call {
        dn: dn.into(),
        customer: Account { id: "01012345678".into(), ..Account::default() },
        verified: false,
        locale: Some("ko".into()),
        context: serde_json::Map::new(),
    }
}

fn word(shown: &Shown) -> String {
    word_of(&shown.kind, &shown.body)
}

fn word_of(kind: &Kind, body: &[u8]) -> String {
    let draft = Draft::parse(body, &Limits::default()).unwrap();
    let status = || draft.read::<CallStatus>("value").unwrap();
    match kind {
        Kind::Event if draft.text("name").as_deref() == Some(HANDOFF_STATUS) => {
            let status = status();
            let state = serde_json::to_value(status.state).unwrap();
            let state = state.as_str().unwrap().to_owned();
            match (status.party, status.state) {
                (Some(party), _) => format!("{state} {}", party.dn),
                (None, CallState::Failed) => format!("{state} {}", status.code),
                (None, _) => state,
            }
        }
        Kind::EndOfConversation => match draft.read::<CallStatus>("value") {
            Some(status) => format!("end {} {}", status.code, status.message),
            None => "the bot ends".to_owned(),
        },
        Kind::Message => format!("says {}", draft.text("text").unwrap_or_default()),
        other => other.to_string(),
    }
}
