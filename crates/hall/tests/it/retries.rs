//! What happens when a bot does not take it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maru_activity::Viewer;
use maru_hall::{
    CircuitState, Delivered, DeliveryFilter, DeliverySettings, DeliveryState, Outcome, Place,
};

use crate::support::{Action, Scene, outcomes, say, text};

fn down() -> Outcome {
    Outcome::Unreachable { cause: "no connection".into(), status: None }
}

async fn dead(scene: &Scene) -> Vec<maru_hall::Delivery> {
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..Default::default() };
    scene.hall.deliveries(&"default".into(), &filter, None, 100).await.unwrap().items
}

#[tokio::test]
async fn what_was_not_reached_is_tried_again_under_the_same_id_and_later_turns_wait() {
    let folder = tempfile::tempdir().unwrap();
    let script = outcomes(HashMap::from([("first", vec![down(), down()])]));
    let scene = Scene::open(folder.path(), script).await;
    let conversation = scene.begin().await;
    scene.hall.post(&conversation, say("first")).await.unwrap();
    scene.hall.post(&conversation, say("second")).await.unwrap();
    let mut attempts = Vec::new();
    for _ in 0..4 {
        let handed = scene.handed_message().await;
        attempts.push((text(&handed.body), handed.attempt, handed.delivery.unwrap()));
    }
    let texts: Vec<_> = attempts.iter().map(|(text, n, _)| (text.as_str(), *n)).collect();
    assert_eq!(texts, [("first", 1), ("first", 2), ("first", 3), ("second", 1)]);
    assert!(attempts[0].2 == attempts[1].2 && attempts[1].2 == attempts[2].2);
    assert_ne!(attempts[2].2, attempts[3].2);
    scene.settled(&conversation).await;
    assert!(dead(&scene).await.is_empty());
}

#[tokio::test]
async fn a_refused_delivery_is_a_dead_letter_that_can_be_read_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Outcome::Refused { cause: "HTTP 400".into(), status: Some(400) };
    let script = outcomes(HashMap::from([("bad", vec![refused])]));
    let scene = Scene::open(folder.path(), script).await;
    let conversation = scene.begin().await;
    scene.hall.post(&conversation, say("bad")).await.unwrap();
    scene.hall.post(&conversation, say("good")).await.unwrap();
    assert_eq!(text(&scene.handed_message().await.body), "bad");
    assert_eq!(text(&scene.handed_message().await.body), "good", "the conversation goes on");
    scene.settled(&conversation).await;

    let letters = dead(&scene).await;
    assert_eq!(letters.len(), 1);
    let realm = "default".into();
    let (letter, attempts) = scene.hall.delivery(&realm, letters[0].id).await.unwrap().unwrap();
    assert_eq!(letter.cause.as_deref(), Some("HTTP 400"));
    assert_eq!(attempts.len(), 1);

    assert!(scene.hall.replay(&realm, letter.id).await.unwrap());
    let replayed = scene.handed_message().await;
    assert_eq!((text(&replayed.body).as_str(), replayed.replay), ("bad", true));
    assert_eq!(replayed.delivery, Some(letter.id));
    scene.settled(&conversation).await;
    assert!(!scene.hall.replay(&realm, letter.id).await.unwrap(), "it is no dead letter any more");
}

#[tokio::test]
async fn the_circuit_opens_tells_the_customer_once_and_all_arrives_in_order_once_it_closes() {
    let folder = tempfile::tempdir().unwrap();
    let up = Arc::new(AtomicBool::new(false));
    let delivery = DeliverySettings {
        circuit_failures: 3,
        circuit_probe_ms: 200,
        unavailable_notice: "away".into(),
        ..DeliverySettings::default()
    };
    let script = {
        let up = Arc::clone(&up);
        Arc::new(move |_: &_| {
            if up.load(Ordering::SeqCst) { Action::Say(Vec::new()) } else { Action::Be(down()) }
        })
    };
    let scene = Scene::open_with(folder.path(), delivery, script).await;
    let mut conversations = Vec::new();
    for _ in 0..6 {
        conversations.push(scene.begin().await);
    }
    while scene.hall.circuits().iter().all(|(_, _, state)| *state == CircuitState::Closed) {
        scene.handed().await;
    }
    for conversation in &conversations {
        for words in ["a", "b"] {
            scene.hall.post(conversation, say(words)).await.unwrap();
        }
    }
    up.store(true, Ordering::SeqCst);
    for conversation in &conversations {
        scene.settled(conversation).await;
        let read = scene.hall.read(conversation, Viewer::Customer, Place::Pos(0), 100).await;
        let texts: Vec<_> = read.unwrap().shown.iter().map(|s| text(&s.body)).collect();
        assert!(texts.iter().filter(|t| *t == "away").count() <= 1, "{texts:?}");
    }
    let mut order: HashMap<String, Vec<String>> = HashMap::new();
    while order.values().map(Vec::len).sum::<usize>() < 12 {
        let handed = scene.handed_message().await;
        let taken = order.entry(handed.conversation.id.to_string()).or_default();
        // An attempt that failed comes again.
        let said = text(&handed.body);
        if taken.last() != Some(&said) {
            taken.push(said);
        }
    }
    assert!(order.values().all(|taken| *taken == ["a", "b"]), "{order:?}");
    assert!(scene.hall.circuits().iter().all(|(_, _, state)| *state == CircuitState::Closed));
    assert!(dead(&scene).await.is_empty());
}

#[tokio::test]
async fn who_waits_for_the_bot_is_told_what_came_of_it_and_it_is_never_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let failed = Outcome::Failed { cause: "HTTP 500".into(), status: Some(500) };
    let script = outcomes(HashMap::from([("bad", vec![failed])]));
    let scene = Scene::open(folder.path(), script).await;
    let conversation = scene.begin().await;
    let wait = Some(std::time::Duration::from_secs(10));
    for (words, expected) in
        [("bad", Delivered::Failed(Some(500))), ("good", Delivered::Taken(None))]
    {
        let mut post = say(words);
        post.wait = wait;
        let posted = scene.hall.post(&conversation, post).await.unwrap();
        assert_eq!(posted.delivered, Some(expected));
    }
    let letters = dead(&scene).await;
    assert_eq!((letters.len(), letters[0].attempts), (1, 1));
}

#[tokio::test]
async fn a_bot_that_panics_has_failed_and_its_conversation_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let script = Arc::new(|handed: &maru_hall::Handed| match text(&handed.body).as_str() {
        "panic" => Action::Panic,
        _ => Action::Say(Vec::new()),
    });
    let scene = Scene::open(folder.path(), script).await;
    let conversation = scene.begin().await;
    let mut post = say("panic");
    post.wait = Some(std::time::Duration::from_secs(10));
    let posted = scene.hall.post(&conversation, post).await.unwrap();
    assert_eq!(posted.delivered, Some(Delivered::Failed(None)));
    scene.hall.post(&conversation, say("good")).await.unwrap();
    scene.settled(&conversation).await;
    assert_eq!(dead(&scene).await.len(), 1);
}
