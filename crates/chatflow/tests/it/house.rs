//! A service on a folder, and an app in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use maru_activity::RealmId;
use maru_chatflow::{AppRecord, ChatFlow, Error, Issued, NewApp, Settings, Setup, Told, User};
use maru_hall::Hall;
use maru_notify::{Command, Notifier, Ways};
use maru_scenario::UserMessage;
use maru_store::Store;
use maru_testhouse::{Ground, egress};
use maru_testkit::{FakeClock, fake_env};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

/// A scenario that says where one is: a question with two answers, each with a question of its own.
pub(crate) fn scenario() -> Value {
    json!({
        "format": "chatflow/1",
        "name": "test",
        "meta": {"entry_id": "start", "exception_id": "sorry", "carry_slots": ["nickname"]},
        "slots": {
            "nickname": {"type": "text"},
            "menu": {"type": "choice", "values": ["Latte", "Tea"]},
        },
        "nodes": {
            "start": {
                "type": "select", "message": {"text": "Hello {{slot.nickname|default:guest}}"},
                "choices": [{"label": "Order", "to": "menu"}, {"label": "Count", "to": "count"}],
                "transitions": [{"when": {"text_in": ["bye"]}, "to": "bye"},
                                {"when": {"text_in": ["human"]}, "to": "human"}],
            },
            "menu": {
                "type": "slot", "slot": "menu", "message": {"text": "Which?"}, "keyboard": "values",
                "to": "again",
            },
            "again": {"type": "select", "message": {"text": "{{slot.menu}} it is"},
                      "choices": [{"label": "Back", "to": "start"}]},
            "count": {"type": "intent", "message": {"text": "Say things"}, "to": "counted"},
            "counted": {"type": "intent", "message": {"text": "Heard {{content}}"}, "to": "counted"},
            "human": {"type": "handoff", "message": {"text": "A human comes"}, "group": "shop",
                      "to": "start", "on_error": "nobody"},
            "nobody": {"type": "message", "message": {"text": "Nobody is there"}, "to": "start"},
            "bye": {"type": "end", "message": {"text": "Bye"}},
            "sorry": {"type": "message", "message": {"text": "Sorry?"}, "return": true},
        },
    })
}

/// A service, and the app `shop` in it.
pub(crate) struct House {
    pub(crate) chatflow: ChatFlow,
    pub(crate) hall: Hall,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) realm: RealmId,
    pub(crate) client: String,
    pub(crate) client_id: String,
    pub(crate) app_id: String,
    pub(crate) app: Arc<AppRecord>,
    pub(crate) notifier: Notifier,
    ground: Ground,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(&scenario()).await
    }

    /// With an app of this scenario, published once.
    pub(crate) async fn with(file: &Value) -> Self {
        Self::with_settings(file, Settings::default()).await
    }

    pub(crate) async fn with_settings(file: &Value, settings: Settings) -> Self {
        let (env, clock) = fake_env(11);
        let ground = Ground::new(env).await;
        let Open { hall, chatflow, notifier } = open(&ground, settings).await;
        let (realm, store) = (ground.realm.clone(), Arc::clone(&ground.store));
        let signed_up = chatflow.sign_up(&realm, "A shop").await.unwrap();
        let client = signed_up.record.id;
        let made = chatflow.create_app(&realm, &client, new_app("shop")).await.unwrap();
        let house = Self {
            app: Arc::new(made.record),
            app_id: made.secret.expose().to_owned(),
            client_id: signed_up.secret.expose().to_owned(),
            client,
            chatflow,
            hall,
            store,
            clock,
            realm,
            notifier,
            ground,
        };
        house.publish(file).await;
        house.again().await
    }

    /// With the app's record as it is now.
    pub(crate) async fn again(mut self) -> Self {
        self.app = self.chatflow.caller(&self.client_id, &self.app_id).await.unwrap();
        self
    }

    /// The same folder, opened anew: as after a restart.
    pub(crate) async fn reopen(self) -> Self {
        let Self { clock, realm, client, client_id, app_id, app, ground, .. } = self;
        let ground = Ground::at(ground.folder, ground.env).await;
        let Open { hall, chatflow, notifier } = open(&ground, Settings::default()).await;
        let store = Arc::clone(&ground.store);
        Self {
            chatflow,
            hall,
            store,
            clock,
            realm,
            client,
            client_id,
            app_id,
            app,
            notifier,
            ground,
        }
    }

    /// Another node on the same store.
    pub(crate) async fn node(&self) -> ChatFlow {
        open(&self.ground, Settings::default()).await.chatflow
    }

    pub(crate) async fn publish(&self, file: &Value) -> u64 {
        self.draft(file).await;
        self.chatflow.publish(&self.realm, "shop", "").await.unwrap().version.number
    }

    pub(crate) async fn draft(&self, file: &Value) {
        let file = file.to_string().into();
        let checked = self.chatflow.put_draft(&self.realm, "shop", file).await.unwrap();
        assert!(checked.valid, "{:?}", checked.issues);
    }

    pub(crate) async fn add_app(&self, handle: &str) -> Issued<AppRecord> {
        self.chatflow.create_app(&self.realm, &self.client, new_app(handle)).await.unwrap()
    }

    /// The app's record, as it is now.
    pub(crate) async fn app_now(&self) -> Arc<AppRecord> {
        self.chatflow.app(&self.realm, "shop").await.unwrap()
    }

    pub(crate) async fn say(&self, user: &User, text: &str) -> Result<Told, Error> {
        let app = self.app_now().await;
        self.chatflow.message(&app, user, UserMessage::text(text), None).await
    }

    /// What is said to it, all bubbles in one line, and where the user is then.
    pub(crate) async fn says(&self, user: &User, text: &str) -> String {
        told(&self.say(user, text).await.unwrap())
    }

    pub(crate) fn wait(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// The alerts so far: `event cause` of each.
    pub(crate) async fn alerts(&self) -> Vec<String> {
        self.notifier.finish(Duration::from_secs(20)).await;
        let log =
            std::fs::read_to_string(self.ground.folder.path().join("alerts")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

struct Open {
    hall: Hall,
    chatflow: ChatFlow,
    notifier: Notifier,
}

/// A program that writes a line for each alert.
fn told_by(folder: &Path) -> Ways {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("tell");
    let log = folder.join("alerts");
    let script =
        format!("#!/bin/sh\necho \"$ALERT_EVENT $ALERT_CAUSE $ALERT_TO\" >> {}\n", log.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = Command { program, arguments: Vec::new(), timeout: Duration::from_secs(10) };
    Ways { command: Some(command), ..Ways::default() }
}

async fn open(ground: &Ground, settings: Settings) -> Open {
    let hall = ground.hall(Vec::new(), Vec::new()).await;
    let Ground { env, store, accounts, folder, .. } = ground.clone();
    let (mut registry, egress) = (Registry::default(), egress());
    let ways = told_by(folder.path());
    let notifier = Notifier::new(store, egress.clone(), env, ways, &mut registry);
    let (given, told) = (hall.clone(), notifier.clone());
    let setup = Setup { hall: given, accounts, egress, notifier: told, settings };
    let chatflow = ChatFlow::new(setup, &mut registry);
    Open { hall, chatflow, notifier }
}

pub(crate) fn new_app(handle: &str) -> NewApp {
    NewApp {
        name: "A shop".to_owned(),
        description: "Sells coffee".to_owned(),
        monitor_phone: "010-1234-5678".to_owned(),
        privacy_consent: true,
        handle: Some(handle.to_owned()),
    }
}

/// `text / text = node`, and why the session began anew, if it did.
pub(crate) fn told(told: &Told) -> String {
    let turn = turn(told);
    let texts = turn["messages"].as_array().unwrap().iter();
    let texts: Vec<&str> = texts.map(|bubble| bubble["text"].as_str().unwrap()).collect();
    let restarted = match &turn["session"]["restarted"] {
        Value::Null => String::new(),
        why => format!(" ({})", why.as_str().unwrap()),
    };
    format!("{} = {}{restarted}", texts.join(" / "), turn["id"].as_str().unwrap())
}

pub(crate) fn turn(told: &Told) -> Value {
    serde_json::from_str(told.turn.get()).unwrap()
}
