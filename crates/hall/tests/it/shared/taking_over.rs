//! Deliveries whose node dies, sleeps or leaves; and those who wait for them on another node.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use maru_activity::env::Env;
use maru_hall::{Delivered, Outcome};
use maru_hints::LocalHints;
use maru_store_postgres::Options;
use maru_testkit::{Postgres, eventually};

use super::house::{House, alone, log};
use crate::support::{Action, Scene, Script, echo, say, silent, text};

/// A script that never ends.
fn hang() -> Script {
    Arc::new(|_| Action::Wait(Duration::from_secs(3_600)))
}

#[tokio::test]
async fn what_a_killed_node_had_in_hand_is_handed_over_by_another_in_its_order() {
    let house = House::open().await;
    let two = house.node("2", echo()).await;
    let one = house.mortal("1", hang(), |_| {}).await;
    let scene = Arc::clone(&one.scene);
    let (conversation, first) = one
        .run(async move {
            let conversation = scene.begin().await;
            let first = scene.handed().await.delivery;
            for words in ["a", "b"] {
                scene.hall.post(&conversation, say(words)).await.unwrap();
            }
            (conversation, first)
        })
        .await;
    // Posted elsewhere meanwhile: it waits for those before it, which another node has.
    two.hall.post(&conversation, say("c")).await.unwrap();
    one.kill();
    assert_eq!(two.handed().await.delivery, first);
    for words in ["a", "b", "c"] {
        assert_eq!(text(&two.handed().await.body), words);
    }
    two.settled(&conversation).await;
}

#[tokio::test]
async fn a_node_that_slept_past_its_lease_settles_nothing_any_more() {
    let house = House::open().await;
    let two = house.node("2", echo()).await;
    let (wake, woken) = tokio::sync::watch::channel(false);
    // It is alive, but nobody hears of it: as if it had been stopped and woken.
    let script: Script = {
        let woken = woken.clone();
        Arc::new(move |handed| match text(&handed.body).as_str() {
            "a" => Action::Until(woken.clone(), vec!["too late".to_owned()]),
            _ => Action::Say(Vec::new()),
        })
    };
    let silence = |options: &mut Options| {
        (options.lease, options.heartbeat) = (Duration::from_secs(8), Duration::from_secs(3_600));
    };
    let one = house.mortal("1", script, silence).await;
    let scene = Arc::clone(&one.scene);
    let conversation = one
        .run(async move {
            let conversation = scene.begin().await;
            scene.settled(&conversation).await;
            scene.hall.post(&conversation, say("a")).await.unwrap();
            scene.handed_message().await;
            conversation
        })
        .await;
    assert_eq!(text(&two.handed_message().await.body), "a");
    two.settled(&conversation).await;
    wake.send_replace(true);
    let scene = Arc::clone(&one.scene);
    eventually("the end of the attempt", async || (scene.bot.busy() == 0).then_some(())).await;
    // What it commits after this was decided after that.
    one.run(async move { scene.hall.stop(Duration::from_secs(30)).await }).await;
    assert_eq!(log(&two, &conversation).await.0, ["a", "echo: a"]);
}

#[tokio::test]
async fn a_node_that_leaves_hands_on_what_is_open_and_retries_keep_their_times() {
    let house = House::open().await;
    let later = Outcome::Later { after: Some(Duration::from_secs(3_600)), cause: "429".into() };
    let script: Script = Arc::new(move |handed| match text(&handed.body).as_str() {
        "later" => Action::Be(later.clone()),
        "hangs" => Action::Wait(Duration::from_secs(3_600)),
        _ => Action::Say(Vec::new()),
    });
    let one = house.node("1", script).await;
    let (waiting, hanging) = (one.begin().await, one.begin().await);
    one.hall.post(&waiting, say("later")).await.unwrap();
    one.hall.post(&hanging, say("hangs")).await.unwrap();
    for _ in 0..2 {
        one.handed_message().await;
    }
    eventually("the retry", async || {
        let filter = maru_hall::DeliveryFilter {
            conversation: Some(waiting.id.clone()),
            ..Default::default()
        };
        let page = one.hall.deliveries(&waiting.realm, &filter, None, 1).await.unwrap();
        (page.items[0].attempts == 1).then_some(())
    })
    .await;
    one.hall.stop(Duration::ZERO).await;
    let two = house.node("2", silent()).await;
    assert_eq!(text(&two.handed().await.body), "hangs");
    two.settled(&hanging).await;
    assert_eq!(two.hall.head(&waiting).await.unwrap().open, 1);
}

#[tokio::test]
async fn whoever_waits_on_one_node_is_told_what_another_made_of_it() {
    let house = House::open().await;
    let (open, opened) = tokio::sync::watch::channel(false);
    let refused = Outcome::Refused { cause: "HTTP 400".into(), status: Some(400) };
    let script: Script = Arc::new(move |handed| match text(&handed.body).as_str() {
        "gate" => Action::Until(opened.clone(), Vec::new()),
        "bad" => Action::Be(refused.clone()),
        "good" => Action::Be(Outcome::Taken { answers: Vec::new(), result: Some("{}".into()) }),
        "" => Action::Say(Vec::new()),
        said => Action::Say(vec![format!("echo: {said}")]),
    });
    let one = house.node("1", script).await;
    let two = Arc::new(house.node("2", silent()).await);
    let conversation = one.begin().await;
    one.settled(&conversation).await;
    one.hall.post(&conversation, say("gate")).await.unwrap();
    one.handed_message().await;
    // The first node has the conversation; what is posted on the second is its to hand over.
    let waits = |words: &'static str| {
        let (two, conversation) = (Arc::clone(&two), Arc::clone(&conversation));
        let mut post = say(words);
        post.wait = Some(Duration::from_secs(30));
        tokio::spawn(async move { two.hall.post(&conversation, post).await.unwrap().delivered })
    };
    let posted = |count: u64| {
        let two = Arc::clone(&two);
        let conversation = Arc::clone(&conversation);
        async move {
            eventually("the post", async || {
                (two.hall.head(&conversation).await.unwrap().open == count).then_some(())
            })
            .await;
        }
    };
    let good = waits("good");
    posted(2).await;
    let bad = waits("bad");
    posted(3).await;
    let conversing = {
        let (two, conversation) = (Arc::clone(&two), Arc::clone(&conversation));
        tokio::spawn(async move {
            two.hall.converse(&conversation, say("both"), Duration::from_secs(30)).await.unwrap()
        })
    };
    posted(4).await;
    open.send_replace(true);
    assert_eq!(good.await.unwrap(), Some(Delivered::Taken(Some("{}".into()))));
    assert_eq!(bad.await.unwrap(), Some(Delivered::Failed(None)));
    let conversed = conversing.await.unwrap();
    assert_eq!(conversed.delivered, Some(Delivered::Taken(None)));
    let answers: Vec<_> = conversed.answers.iter().map(|shown| text(&shown.body)).collect();
    assert_eq!(answers.last().map(String::as_str), Some("echo: both"));
    assert!(handed_nothing(&two).await);
}

#[tokio::test]
async fn what_a_bot_did_while_the_database_was_away_is_settled_when_it_is_back_and_not_done_again()
{
    let mut postgres = Postgres::start_new();
    let mut options = Options::new(postgres.database("hall"), Env::system());
    // The store gives up early, so that the hall has to go on.
    options.commit_deadline = Duration::from_millis(300);
    let (open, opened) = tokio::sync::watch::channel(false);
    let calls = Arc::new(AtomicUsize::new(0));
    let script: Script = {
        let calls = Arc::clone(&calls);
        Arc::new(move |handed| match text(&handed.body).as_str() {
            "a" => {
                calls.fetch_add(1, Ordering::SeqCst);
                Action::Until(opened.clone(), vec!["b".to_owned()])
            }
            _ => Action::Say(Vec::new()),
        })
    };
    let scene = alone(options, Arc::new(LocalHints::new()), script).await;
    let conversation = scene.begin().await;
    scene.settled(&conversation).await;
    scene.hall.post(&conversation, say("a")).await.unwrap();
    scene.handed_message().await;
    postgres.stop(true);
    open.send_replace(true);
    eventually("the end of the attempt", async || (scene.bot.busy() == 0).then_some(())).await;
    let refused = scene.hall.post(&conversation, say("meanwhile")).await.unwrap_err();
    assert_eq!(refused.kind(), maru_hall::Kind::Unavailable);
    postgres.start();
    eventually("the settlement", async || {
        let head = scene.hall.head(&conversation).await.ok()?;
        (head.open == 0).then_some(())
    })
    .await;
    assert_eq!(log(&scene, &conversation).await.0, ["a", "b"]);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// Whether this node's bot was never called.
async fn handed_nothing(scene: &Scene) -> bool {
    scene.bot.busiest.load(Ordering::SeqCst) == 0
}
