//! Question and answer in one call.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Account, Activity};
use maru_hall::{Begin, Delivered, Post, Route, StateWrite};

use crate::support::{Action, Scene, echo, say, silent, text};

#[tokio::test]
async fn the_answers_come_with_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), echo()).await;
    let conversation = scene.begin().await;
    for words in ["one", "two"] {
        let said =
            scene.hall.converse(&conversation, say(words), Duration::from_secs(5)).await.unwrap();
        let texts: Vec<_> = said.answers.iter().map(|shown| text(&shown.body)).collect();
        assert_eq!(texts, [format!("echo: {words}")]);
        assert_eq!(said.delivered, Some(Delivered::Taken(None)));
    }
}

#[tokio::test]
async fn what_comes_too_late_is_handed_to_the_next_call() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let said =
        scene.hall.converse(&conversation, say("hi"), Duration::from_millis(400)).await.unwrap();
    assert!(said.answers.is_empty());
    let bot = Account { id: "bot".into(), ..Account::default() };
    let late = Post::bot(Activity::message(&bot, "late"));
    scene.hall.post(&conversation, late).await.unwrap();
    let next =
        scene.hall.converse(&conversation, say("still there?"), Duration::from_millis(400)).await;
    let texts: Vec<_> = next.unwrap().answers.iter().map(|shown| text(&shown.body)).collect();
    assert_eq!(texts, ["late"]);
}

#[tokio::test]
async fn a_call_ends_with_its_budget_and_the_turn_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let wait = Arc::new(|_: &_| Action::Wait(Duration::from_millis(700)));
    let scene = Scene::open(folder.path(), wait).await;
    let conversation = scene.begin().await;
    let said =
        scene.hall.converse(&conversation, say("hi"), Duration::from_millis(300)).await.unwrap();
    assert_eq!(said.delivered, None);
    scene.settled(&conversation).await;
}

#[tokio::test]
async fn a_customer_is_told_that_nobody_answers() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let head = scene.hall.head(&conversation).await.unwrap();
    let epoch =
        scene.hall.reroute(&conversation, Route::Nobody, Some(head.route_epoch)).await.unwrap();
    assert!(epoch > head.route_epoch);
    let stale = scene.hall.reroute(&conversation, Route::Nobody, Some(head.route_epoch)).await;
    assert!(matches!(stale, Err(maru_hall::Error::Conflict(_))));
    let said = scene.hall.converse(&conversation, say("hi"), Duration::from_secs(5)).await;
    let said = said.unwrap();
    assert_eq!(said.delivered, Some(Delivered::Nobody));
    assert_eq!(said.answers.len(), 1);
    assert!(said.answers[0].meta.system);
}

#[tokio::test]
async fn answers_can_be_waited_for_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let none = scene.hall.hear(&conversation, Duration::from_millis(50)).await.unwrap();
    assert!(none.is_empty());
    let bot = Account { id: "bot".into(), ..Account::default() };
    for words in ["one", "two"] {
        let post = Post::bot(Activity::message(&bot, words));
        scene.hall.post(&conversation, post).await.unwrap();
    }
    // What is there is heard at once, and by nobody else.
    let heard = scene.hall.hear(&conversation, Duration::from_secs(20)).await.unwrap();
    let texts: Vec<_> = heard.iter().map(|shown| text(&shown.body)).collect();
    assert_eq!(texts, ["one", "two"]);
    let said = scene.hall.converse(&conversation, say("hi"), Duration::from_millis(400)).await;
    assert!(said.unwrap().answers.is_empty());
    assert!(scene.hall.hear(&conversation, Duration::from_millis(50)).await.unwrap().is_empty());
}

/// A conversation that is begun together with a value is not begun where that value is not as it was
/// expected: of several who try at once one begins it.
#[tokio::test]
async fn a_conversation_begins_only_with_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let begin = |value: &'static str| Begin {
        states: vec![StateWrite::put("test/talk", "u", value).at_version(0)],
        ..Begin::by(&scene.channel, "test")
    };
    let begun = scene.hall.begin(begin("first")).await.unwrap();
    assert!(begun.fresh);
    let refused = scene.hall.begin(begin("second")).await;
    assert!(matches!(refused, Err(maru_hall::Error::Conflict(_))), "{refused:?}");
    let realm = &scene.channel.realm;
    let kept = scene.hall.state(realm, "test/talk", "u").await.unwrap().unwrap();
    assert_eq!((&kept.value[..], kept.version), (&b"first"[..], 1));
    let all = scene.hall.conversations(realm, None, None, 10).await.unwrap();
    assert_eq!(all.items.len(), 1);
}
