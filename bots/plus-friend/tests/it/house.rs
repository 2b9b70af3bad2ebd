//! The house that the tests live in.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Account, Activity, Limits, RealmId, Viewer};
use maru_hall::{
    Begin, BotRecord, Conversation, Delivered, DeliveryFilter, DeliveryState, Hall, Meta, Place,
    Post, Shown,
};
use maru_notify::{Gateway, Notifier, Ways};
use maru_plus_friend::{Health, KIND, PlusFriend, Report};
use maru_testhouse::{Ground, add_bot, add_channel, egress};
use maru_testkit::{FakeClock, ScriptedBot, eventually, fake_env};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};

use crate::partner::Partner;

/// One process on a store: a hall, and the kind of bots that is tested.
pub(crate) struct Node {
    pub(crate) hall: Hall,
    pub(crate) plus_friend: PlusFriend,
}

/// A node with one bot, `b1`, and one channel to it, `web`. Its clock stands still.
pub(crate) struct House {
    pub(crate) node: Node,
    pub(crate) partner: Partner,
    /// Who is told of trouble.
    pub(crate) operator: ScriptedBot,
    pub(crate) clock: Arc<FakeClock>,
    ground: Ground,
}

/// What a user gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) text: Option<String>,
    pub(crate) choices: Vec<String>,
    /// The server itself said it.
    pub(crate) system: bool,
}

impl House {
    /// A bot with these settings beside its `url`.
    pub(crate) async fn open(settings: Value) -> Self {
        let (env, clock) = fake_env(5);
        let ground = Ground::new(env).await;
        let operator = ScriptedBot::start().await;
        let partner = Partner::start().await;
        let node = node(&ground, operator.url()).await;
        let house = Self { node, partner, operator, clock, ground };
        house.add_bot("b1", "web", settings).await;
        house
    }

    /// Another node on the same store.
    pub(crate) async fn another_node(&self) -> Node {
        node(&self.ground, self.operator.url()).await
    }

    pub(crate) async fn add_bot(&self, id: &str, channel: &str, settings: Value) {
        let mut all: Map<String, Value> = settings.as_object().unwrap().clone();
        all.entry("url").or_insert_with(|| self.partner.url.clone().into());
        add_bot(&self.node.hall, &realm(), id, KIND, all).await;
        add_channel(&self.node.hall, &realm(), (channel, "web"), id, Map::new()).await;
    }

    /// Changes the record of the bot `b1`.
    pub(crate) async fn change_bot(&self, change: impl FnOnce(&mut BotRecord)) {
        let directory = self.node.hall.directory();
        let mut record = BotRecord::clone(&directory.bot(&realm(), &"b1".into()).unwrap());
        change(&mut record);
        directory.put_bot(record, false).await.unwrap();
    }

    /// A user comes in, and has been greeted.
    pub(crate) async fn enter(&self, user: &str) -> Arc<Conversation> {
        self.node.enter("web", user).await
    }

    /// A user comes in, and this is what they get.
    pub(crate) async fn greeted(&self, user: &str) -> Vec<Got> {
        let conversation = self.enter(user).await;
        self.node.got_since(&conversation, 0).await
    }

    /// What a user gets for a text.
    pub(crate) async fn say(&self, conversation: &Arc<Conversation>, text: &str) -> Vec<Got> {
        self.node.say(conversation, text).await
    }

    pub(crate) async fn health(&self) -> Health {
        self.node.plus_friend.health(&realm(), &"b1".into()).await.unwrap()
    }

    pub(crate) fn reports(&self) -> Vec<Report> {
        self.node.plus_friend.reports(&realm(), &"b1".into())
    }

    /// What the operator was told so far: what about what.
    pub(crate) fn alerts(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let heard = self.operator.heard().into_iter();
        heard.map(|heard| (text(&heard.body["event"]), text(&heard.body["cause"]))).collect()
    }

    pub(crate) fn pass(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }
}

impl Node {
    pub(crate) async fn enter(&self, channel: &str, user: &str) -> Arc<Conversation> {
        let channel = self.hall.directory().channel(&realm(), &channel.into()).unwrap();
        let account = Account { id: user.to_owned(), ..Account::default() };
        let begin = Begin { user: Some((account, false)), ..Begin::by(&channel, "directline") };
        let conversation = self.hall.begin(begin).await.unwrap().conversation;
        self.settled(&conversation).await;
        conversation
    }

    /// Waits until nothing is to be handed over. Nothing may be a dead letter: partners are answered for.
    pub(crate) async fn settled(&self, conversation: &Conversation) {
        let filter = DeliveryFilter {
            conversation: Some(conversation.id.clone()),
            ..DeliveryFilter::default()
        };
        let settled = eventually("the end of a turn", async || {
            let page = self.hall.deliveries(&realm(), &filter, None, 100).await.unwrap();
            let is_open = page.items.iter().any(|d| d.state == DeliveryState::Open);
            (!is_open).then_some(page.items)
        });
        assert!(settled.await.iter().all(|delivery| delivery.state == DeliveryState::Settled));
        // Readers may see a commit a moment before its writer has noted it, which tells how far to read. The
        // writer takes one after the other.
        self.hall.write(&realm(), Vec::new(), Vec::new()).await.unwrap();
    }

    /// What a user gets for something.
    pub(crate) async fn post(&self, to: &Arc<Conversation>, body: Value, meta: Meta) -> Vec<Got> {
        let before = self.shown(to).await.len();
        let text = body.to_string();
        let activity = Activity::parse(text.as_bytes(), &Limits::default()).unwrap();
        let mut post = Post::user(activity);
        (post.meta, post.wait) = (meta, Some(Duration::from_secs(60)));
        let delivered = self.hall.post(to, post).await.unwrap().delivered;
        assert_eq!(delivered, Some(Delivered::Taken(None)));
        self.got_since(to, before + 1).await
    }

    pub(crate) async fn say(&self, conversation: &Arc<Conversation>, text: &str) -> Vec<Got> {
        self.post(conversation, says(conversation, self, text).await, Meta::default()).await
    }

    pub(crate) async fn shown(&self, conversation: &Conversation) -> Vec<Shown> {
        self.hall.read(conversation, Viewer::Customer, Place::Pos(0), 100).await.unwrap().shown
    }

    pub(crate) async fn got_since(&self, conversation: &Conversation, from: usize) -> Vec<Got> {
        let shown = self.shown(conversation).await;
        let got = |shown: &Shown| {
            let body: Value = serde_json::from_slice(&shown.body).unwrap();
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let actions = body["suggestedActions"]["actions"].as_array().cloned();
            let choices = actions.unwrap_or_default();
            Got {
                text: text(&body["text"]),
                choices: choices.iter().filter_map(|action| text(&action["title"])).collect(),
                system: shown.meta.system,
            }
        };
        shown.iter().skip(from).map(got).collect()
    }
}

/// A text of the user who came in.
async fn says(conversation: &Conversation, node: &Node, text: &str) -> Value {
    let members = node.hall.members(conversation).await.unwrap();
    let user = members.iter().find(|m| m.role == maru_activity::Role::User).unwrap();
    json!({"type": "message", "from": {"id": user.account.id}, "text": text})
}

impl Got {
    /// What a partner said.
    pub(crate) fn said(text: &str, choices: &[&str]) -> Self {
        let choices = choices.iter().map(ToString::to_string).collect();
        Self { text: Some(text.to_owned()), choices, system: false }
    }

    /// What the server said.
    pub(crate) fn told(text: &str, choices: &[&str]) -> Self {
        Self { system: true, ..Self::said(text, choices) }
    }
}

pub(crate) fn realm() -> RealmId {
    RealmId::from("default")
}

async fn node(ground: &Ground, operator: &str) -> Node {
    let Ground { env, store, .. } = ground.clone();
    let (mut registry, egress) = (Registry::default(), egress());
    let gateway = Gateway::new(operator, None, None, Duration::from_secs(30)).unwrap();
    let ways = Ways { gateway: Some(gateway), ..Ways::default() };
    let notifier = Notifier::new(store, egress.clone(), env.clone(), ways, &mut registry);
    let plus_friend = PlusFriend::new(maru_plus_friend::Setup {
        egress,
        callback_url: "http://maru.example:8080/",
        key: Arc::new(ground.key()),
        env,
        notifier,
        registry: &mut registry,
    });
    let plus_friend = plus_friend.unwrap();
    let hall = ground.hall(vec![plus_friend.kind()], vec![("web", |_| Ok(()))]).await;
    plus_friend.attach(&hall);
    hall.start();
    Node { hall, plus_friend }
}
