//! Handing a conversation from one who answers to another, and bots that ask for a human.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_activity::{Account, Audience, BotId, Draft, Kind, RealmId, Role, Viewer};
use maru_hall::{
    Begin, Call, ChannelRecord, Conversation, CustomerDid, Desk, Dialed, Error, Event, Greet,
    HANDOFF_ASKED, HANDOFF_TIMERS, Handing, Meta, OnTimer, Place, Post, Route, Spoken, StateWrite,
    Timer,
};
use tokio::sync::mpsc;

use crate::support::{Scene, echo, message, say, silent, text};

fn spoken(role: Role, by: &str, words: &str) -> Spoken {
    Spoken {
        role,
        activity: crate::support::said_by(by, words),
        audience: None,
        meta: Meta::default(),
        tell: None,
    }
}

async fn seen(scene: &Scene, conversation: &Conversation, viewer: Viewer) -> Vec<String> {
    let from = match viewer {
        Viewer::Customer => Place::Pos(0),
        _ => Place::Seq(0),
    };
    let read = scene.hall.read(conversation, viewer, from, 100).await.unwrap();
    let said = read.shown.iter().filter(|shown| shown.kind == Kind::Message);
    said.map(|shown| text(&shown.body)).collect()
}

#[tokio::test]
async fn a_step_is_taken_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let (hall, realm) = (&scene.hall, RealmId::from("default"));

    let to_agent = |epoch, words: &str| Handing {
        said: vec![spoken(Role::Agent, "3001", words)],
        route: Some(Route::Agent("3001".into())),
        expect_epoch: Some(epoch),
        states: vec![StateWrite::put("test/desk", words.to_owned(), "kept")],
        ..Handing::default()
    };
    let epoch = hall.head(&conversation).await.unwrap().route_epoch;
    let taken = hall.hand(&conversation, to_agent(epoch, "first")).await.unwrap();
    assert_eq!(taken, epoch + 1);

    // Whoever comes late has seen another epoch, and leaves no trace.
    let late = hall.hand(&conversation, to_agent(epoch, "late")).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    assert_eq!(seen(&scene, &conversation, Viewer::Customer).await, ["first"]);
    assert!(hall.state(&realm, "test/desk", "first").await.unwrap().is_some());
    assert!(hall.state(&realm, "test/desk", "late").await.unwrap().is_none());
}

#[tokio::test]
async fn a_conversation_with_people_is_no_bots_until_it_is_handed_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), echo()).await;
    let user = Account { id: "u".into(), ..Account::default() };
    let begin = Begin {
        route: Some(Route::Desk("3000".into())),
        user: Some((user.clone(), false)),
        ..Begin::by(&scene.channel, "test")
    };
    let conversation = scene.hall.begin(begin).await.unwrap().conversation;
    scene.hall.post(&conversation, say("is anybody there?")).await.unwrap();
    assert_eq!(seen(&scene, &conversation, Viewer::Customer).await, ["is anybody there?"]);

    let handing = Handing {
        route: Some(Route::Bot("bot".into())),
        greet: Some(Greet { user, locale: Some("ko".into()) }),
        ..Handing::default()
    };
    scene.hall.hand(&conversation, handing).await.unwrap();
    // The first that the bot hears is who is there; what was said before was not said to it.
    let greeted = scene.handed().await;
    assert_eq!(greeted.kind, Kind::ConversationUpdate);
    let greeted = Draft::parse(&greeted.body, &maru_activity::Limits::default()).unwrap();
    assert_eq!(greeted.text("locale").as_deref(), Some("ko"));
    scene.hall.post(&conversation, say("hello")).await.unwrap();
    assert_eq!(text(&scene.handed().await.body), "hello");
}

#[tokio::test]
async fn a_bot_is_told_of_what_is_said_while_others_answer() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    assert_eq!(scene.handed().await.kind, Kind::ConversationUpdate);
    let told = Spoken { tell: Some(BotId::from("bot")), ..spoken(Role::Agent, "3001", "accepted") };
    let handing = Handing {
        said: vec![spoken(Role::Agent, "3001", "hello"), told],
        route: Some(Route::Agent("3001".into())),
        ..Handing::default()
    };
    scene.hall.hand(&conversation, handing).await.unwrap();
    scene.hall.post(&conversation, say("thank you")).await.unwrap();
    let handed = scene.handed().await;
    assert_eq!((handed.role, text(&handed.body).as_str()), (Role::Agent, "accepted"));
    scene.settled(&conversation).await;
    let all = ["hello", "accepted", "thank you"];
    assert_eq!(seen(&scene, &conversation, Viewer::Customer).await, all);
}

#[tokio::test]
async fn what_is_for_agents_takes_no_place_and_reaches_no_bot() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let hidden = Post { audience: Some(Audience::Agents), ..say("for agents") };
    scene.hall.post(&conversation, hidden).await.unwrap();
    let own = Post { audience: Some(Audience::Customer), ..say("for me") };
    scene.hall.post(&conversation, own).await.unwrap();
    assert_eq!(seen(&scene, &conversation, Viewer::Customer).await, ["for me"]);
    assert_eq!(seen(&scene, &conversation, Viewer::Agent).await, ["for agents"]);
    assert_eq!(text(&scene.handed_message().await.body), "for me");
}

#[tokio::test]
async fn a_signal_is_told_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let mut follows = scene.hall.subscribe(&conversation, Viewer::Customer, Place::Pos(0));
    scene.hall.tell(&conversation, Role::Agent, "3001", message("typing").body);
    let told = follows.next().await.unwrap();
    assert!(matches!(&told, Event::Signal(signal) if &*signal.sender == "3001"), "{told:?}");
    assert!(seen(&scene, &conversation, Viewer::Operator).await.is_empty());
}

/// A desk with no numbers, which notes whom bots ask humans for.
#[derive(Debug)]
struct Bell(mpsc::UnboundedSender<Timer>);

#[async_trait]
impl Desk for Bell {
    async fn dial(&self, _: &RealmId, _: &str) -> Result<Option<Dialed>, Error> {
        Ok(None)
    }

    async fn admit(&self, _: &Arc<Conversation>, _: Call) -> Result<(), Error> {
        Ok(())
    }

    async fn customer(&self, _: &Arc<Conversation>, _: CustomerDid) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl OnTimer for Bell {
    fn scope(&self) -> &'static str {
        HANDOFF_TIMERS
    }

    async fn fire(&self, timer: &Timer) -> Result<(), Error> {
        self.0.send(timer.clone()).unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn a_bot_that_asks_for_a_human_rings_the_desk() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let event = |name: &str| {
        let mut draft = Draft::new(&Kind::Event);
        draft.set_value("from", &Account { id: "bot".into(), ..Account::default() });
        draft.set_text("name", name);
        draft.set_value("value", &serde_json::json!({"group": "3000"}));
        Post::bot(draft.finish().unwrap())
    };
    let timers = async || {
        let later = scene.hall.env().now().after(Duration::from_secs(1));
        scene.store.timers(later, 10).await.unwrap()
    };
    // Without a desk nobody would ever act on it.
    scene.hall.post(&conversation, event(HANDOFF_ASKED)).await.unwrap();
    assert!(timers().await.is_empty());

    let (tx, mut rung) = mpsc::unbounded_channel();
    let bell = Arc::new(Bell(tx));
    scene.hall.set_desk(Arc::clone(&bell) as _);
    scene.hall.post(&conversation, event("something.else")).await.unwrap();
    let said_by_user = Post { role: Role::User, ..event(HANDOFF_ASKED) };
    scene.hall.post(&conversation, said_by_user).await.unwrap();
    assert!(timers().await.is_empty());

    // Nor one whose channel has humans of its own.
    let directory = scene.hall.directory();
    let channel = directory.channel(&conversation.realm, &conversation.channel).unwrap();
    let mut with_humans = ChannelRecord::clone(&channel);
    with_humans.settings.insert("handover".to_owned(), true.into());
    directory.put_channel(with_humans, false).await.unwrap();
    scene.hall.post(&conversation, event(HANDOFF_ASKED)).await.unwrap();
    assert!(timers().await.is_empty());
    directory.put_channel(ChannelRecord::clone(&channel), false).await.unwrap();

    scene.hall.post(&conversation, event(HANDOFF_ASKED)).await.unwrap();
    assert_eq!(timers().await.len(), 1);
    scene.hall.on_timer(bell);
    let rung = tokio::time::timeout(Duration::from_secs(20), rung.recv()).await.unwrap().unwrap();
    assert_eq!(rung.key, conversation.id.as_str());
    let value: serde_json::Value = serde_json::from_slice(&rung.value).unwrap();
    assert_eq!(value["value"]["group"], "3000");
}
