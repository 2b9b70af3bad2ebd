//! Turns of one conversation run one after the other, many conversations at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use maru_activity::{Kind, Viewer};
use maru_hall::{DeliverySettings, Place};

use crate::support::{Action, Scene, echo, say, text};

#[tokio::test]
async fn a_message_reaches_the_bot_and_its_answer_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), echo()).await;
    let conversation = scene.begin().await;
    let joined = scene.handed().await;
    assert_eq!(joined.kind, Kind::ConversationUpdate);
    assert!(joined.id.ends_with("|h0000000"), "{}", joined.id);

    let posted = scene.hall.post(&conversation, say("hi")).await.unwrap();
    let handed = scene.handed().await;
    assert_eq!(*handed.id, posted.id.in_conversation(&conversation.id));
    assert!(handed.id.ends_with("|0000000"), "ids of what a customer sees begin at 0");
    scene.settled(&conversation).await;

    let reading = scene.hall.read(&conversation, Viewer::Customer, Place::Pos(0), 100).await;
    let reading = reading.unwrap();
    let texts: Vec<String> = reading.shown.iter().map(|shown| text(&shown.body)).collect();
    assert_eq!(texts, ["hi", "echo: hi"]);
    assert_eq!(reading.next_pos, 2);
}

#[tokio::test]
async fn turns_come_in_order_and_never_two_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let wait = Arc::new(|_: &_| Action::Wait(Duration::from_millis(3)));
    let scene = Arc::new(Scene::open(folder.path(), wait).await);
    let conversation = scene.begin().await;
    for n in 0..40 {
        scene.hall.post(&conversation, say(&n.to_string())).await.unwrap();
    }
    for n in 0..40 {
        assert_eq!(text(&scene.handed_message().await.body), n.to_string());
    }
    scene.settled(&conversation).await;
    assert_eq!(scene.bot.busiest.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn conversations_run_side_by_side_up_to_the_bots_limit() {
    let folder = tempfile::tempdir().unwrap();
    let wait = Arc::new(|_: &_| Action::Wait(Duration::from_millis(20)));
    let delivery = DeliverySettings { in_flight_max: 4, ..DeliverySettings::default() };
    let scene = Arc::new(Scene::open_with(folder.path(), delivery, wait).await);
    let mut conversations = Vec::new();
    for _ in 0..12 {
        conversations.push(scene.begin().await);
    }
    for conversation in &conversations {
        scene.hall.post(conversation, say("x")).await.unwrap();
    }
    for conversation in &conversations {
        scene.settled(conversation).await;
    }
    assert_eq!(scene.bot.busiest.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn who_joins_by_speaking_is_announced_first_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), echo()).await;
    let conversation = scene.begin_as(None).await;
    let opening = scene.handed().await;
    assert_eq!(opening.kind, Kind::ConversationUpdate);
    let body = String::from_utf8_lossy(&opening.body).into_owned();
    assert!(
        body.contains(r#""membersAdded":[{"id":"bot""#) && !body.contains(r#""id":"u""#),
        "{body}"
    );

    scene.hall.post(&conversation, say("hi")).await.unwrap();
    let joined = scene.handed().await;
    assert_eq!(joined.kind, Kind::ConversationUpdate);
    assert!(String::from_utf8_lossy(&joined.body).contains(r#""membersAdded":[{"id":"u"}]"#));
    assert_eq!(scene.handed().await.kind, Kind::Message);
    scene.hall.post(&conversation, say("again")).await.unwrap();
    assert_eq!(scene.handed().await.kind, Kind::Message);
}

#[tokio::test]
async fn a_repeated_client_key_is_answered_as_the_first_was() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), echo()).await;
    let conversation = scene.begin().await;
    let keyed = |text: &str| {
        let mut post = say(text);
        post.client_key = Some(("test", "k1".into()));
        post
    };
    let first = scene.hall.post(&conversation, keyed("one")).await.unwrap();
    let again = scene.hall.post(&conversation, keyed("one")).await.unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!(again.id, first.id);
    scene.settled(&conversation).await;
    let reading = scene.hall.read(&conversation, Viewer::Customer, Place::Pos(0), 100).await;
    assert_eq!(reading.unwrap().shown.len(), 2, "one message and one answer");
}
