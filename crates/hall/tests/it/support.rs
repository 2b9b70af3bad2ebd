//! A hall on a folder, and a bot that is scripted.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use maru_activity::env::Env;
use maru_activity::{Account, Activity, BotId, Draft, Limits, RealmId};
use maru_hall::{
    BadSettings, Begin, Bot, BotKind, BotRecord, ChannelRecord, Conversation, DeliverySettings,
    Hall, Handed, Meta, Outcome, Post, Said, Settings, Setup,
};
use maru_hints::{Hints, LocalHints};
use maru_store::{Commit, StateWrite, Store};
use maru_store_sqlite::{Options, SqliteStore};
use object_store::memory::InMemory;
use tokio::sync::{Mutex, mpsc, watch};

/// What a scripted bot does with what it is handed.
pub(crate) type Script = Arc<dyn Fn(&Handed) -> Action + Send + Sync>;

/// One thing a scripted bot does.
#[derive(Debug)]
pub(crate) enum Action {
    /// Takes it and says these texts in its answer.
    Say(Vec<String>),
    /// This outcome.
    Be(Outcome),
    /// Waits, then takes it.
    Wait(Duration),
    /// Waits until it is told to go on, then takes it and says these texts in its answer.
    Until(watch::Receiver<bool>, Vec<String>),
    /// Panics.
    Panic,
}

/// A bot that does as its script says, and tells what it was handed.
pub(crate) struct Scripted {
    script: Script,
    seen: mpsc::UnboundedSender<Handed>,
    busy: AtomicUsize,
    pub(crate) busiest: AtomicUsize,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Bot for Scripted {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.busiest.fetch_max(busy, Ordering::SeqCst);
        let action = (self.script)(&handed);
        self.seen.send(handed).unwrap();
        let outcome = match action {
            Action::Say(texts) => saying(&texts),
            Action::Until(mut told, texts) => {
                told.wait_for(|told| *told).await.unwrap();
                saying(&texts)
            }
            Action::Be(outcome) => outcome,
            Action::Panic => std::panic::resume_unwind(Box::new("as it was told")),
            Action::Wait(span) => {
                tokio::time::sleep(span).await;
                Outcome::taken()
            }
        };
        self.busy.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

/// Taken, with these texts in the answer.
fn saying(texts: &[String]) -> Outcome {
    let bot = Account { id: "bot".into(), ..Account::default() };
    let answers = texts
        .iter()
        .map(|text| Said { activity: Activity::message(&bot, text), meta: Meta::default() });
    Outcome::Taken { answers: answers.collect(), result: None }
}

impl Scripted {
    /// How many attempts are under way.
    pub(crate) fn busy(&self) -> usize {
        self.busy.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Kind(Arc<Scripted>);

impl BotKind for Kind {
    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::clone(&self.0) as Arc<dyn Bot>)
    }
}

/// A hall with one scripted bot behind one channel.
pub(crate) struct Scene {
    pub(crate) hall: Hall,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) channel: ChannelRecord,
    pub(crate) bot: Arc<Scripted>,
    seen: Mutex<mpsc::UnboundedReceiver<Handed>>,
}

impl Scene {
    pub(crate) async fn open(folder: &Path, script: Script) -> Self {
        Self::open_with(folder, DeliverySettings::default(), script).await
    }

    pub(crate) async fn open_with(
        folder: &Path,
        delivery: DeliverySettings,
        script: Script,
    ) -> Self {
        let store = SqliteStore::open(folder, Options::new(Env::system())).unwrap();
        Self::on(Arc::new(store), Arc::new(LocalHints::new()), delivery, script).await
    }

    /// A hall on this store, told of others by these hints.
    pub(crate) async fn on(
        store: Arc<dyn Store>,
        hints: Arc<dyn Hints>,
        delivery: DeliverySettings,
        script: Script,
    ) -> Self {
        let env = Env::system();
        let realm = RealmId::from("default");
        let (tx, rx) = mpsc::unbounded_channel();
        let bot = Arc::new(Scripted {
            script,
            seen: tx,
            busy: AtomicUsize::new(0),
            busiest: AtomicUsize::new(0),
        });
        // What accounts does when it makes a realm.
        let id = maru_activity::CommitId(env.uuid());
        let mut commit = Commit::new(id, "_system".into(), env.now());
        commit.states.push(StateWrite::put("record/realm", realm.as_str(), "{}"));
        store.commit(commit).await.unwrap();
        let setup = Setup {
            store: Arc::clone(&store),
            hints,
            blobs: Arc::new(InMemory::new()),
            env,
            bot_kinds: vec![Arc::new(Kind(Arc::clone(&bot)))],
            channel_kinds: vec![("test", |_| Ok(()))],
            settings: Settings::default(),
        };
        let mut registry = prometheus_client::registry::Registry::default();
        let hall = Hall::open(setup, &mut registry).await.unwrap();
        let record = BotRecord {
            id: BotId::from("bot"),
            realm: realm.clone(),
            kind: "scripted".into(),
            name: "The bot".into(),
            delivery,
            settings: serde_json::Map::new(),
        };
        let channel = ChannelRecord {
            id: "web".into(),
            realm: realm.clone(),
            kind: "test".into(),
            bot: "bot".into(),
            keep_days: None,
            settings: serde_json::Map::new(),
        };
        if hall.directory().bot(&realm, &record.id).is_none() {
            hall.directory().put_bot(record, true).await.unwrap();
            hall.directory().put_channel(channel.clone(), true).await.unwrap();
        }
        hall.start();
        Self { hall, store, channel, bot, seen: Mutex::new(rx) }
    }

    /// Begins a conversation with the user `u`.
    pub(crate) async fn begin(&self) -> Arc<Conversation> {
        let user = Some((Account { id: "u".into(), ..Account::default() }, false));
        self.begin_as(user).await
    }

    pub(crate) async fn begin_as(&self, user: Option<(Account, bool)>) -> Arc<Conversation> {
        let begin = Begin { user, ..Begin::by(&self.channel, "test") };
        let begun = self.hall.begin(begin).await.unwrap();
        assert!(begun.fresh);
        begun.conversation
    }

    /// What the bot was handed next.
    pub(crate) async fn handed(&self) -> Handed {
        let mut seen = self.seen.lock().await;
        tokio::time::timeout(Duration::from_secs(20), seen.recv())
            .await
            .expect("the bot is handed something")
            .unwrap()
    }

    /// What the bot was handed next that is no conversationUpdate.
    pub(crate) async fn handed_message(&self) -> Handed {
        loop {
            let handed = self.handed().await;
            if handed.kind != maru_activity::Kind::ConversationUpdate {
                return handed;
            }
        }
    }

    /// Waits until no delivery is open.
    pub(crate) async fn settled(&self, conversation: &Conversation) {
        for _ in 0..2_000 {
            if self.hall.head(conversation).await.unwrap().open == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        unreachable!("deliveries are still open");
    }
}

pub(crate) fn message(text: &str) -> Activity {
    said_by("u", text)
}

pub(crate) fn said_by(user: &str, text: &str) -> Activity {
    Activity::message(&Account { id: user.into(), ..Account::default() }, text)
}

pub(crate) fn say(text: &str) -> Post {
    Post::user(message(text))
}

/// The `text` of an activity.
pub(crate) fn text(body: &[u8]) -> String {
    Draft::parse(body, &Limits::default())
        .unwrap()
        .text("text")
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default()
}

/// A script that says nothing.
pub(crate) fn silent() -> Script {
    Arc::new(|_| Action::Say(Vec::new()))
}

/// A script that says back what was said.
pub(crate) fn echo() -> Script {
    Arc::new(|handed| match text(&handed.body) {
        empty if empty.is_empty() => Action::Say(Vec::new()),
        said => Action::Say(vec![format!("echo: {said}")]),
    })
}

/// A script that gives each text its own outcomes, one after the other, then takes it.
pub(crate) fn outcomes(of: HashMap<&'static str, Vec<Outcome>>) -> Script {
    let left = std::sync::Mutex::new(of);
    Arc::new(move |handed| {
        let mut left = left.lock().unwrap();
        match left.get_mut(text(&handed.body).as_str()) {
            Some(outcomes) if !outcomes.is_empty() => Action::Be(outcomes.remove(0)),
            _ => Action::Say(Vec::new()),
        }
    })
}
