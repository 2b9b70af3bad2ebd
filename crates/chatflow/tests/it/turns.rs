//! Turns: one at a time, in order, once.

use std::sync::Arc;
use std::time::Duration;

use maru_chatflow::{Error, Settings, User};
use maru_scenario::UserMessage;
use serde_json::json;

use crate::house::{House, scenario, told, turn};
use crate::webhooks::Server;

#[tokio::test]
async fn a_user_is_led_through_the_scenario() {
    let house = House::new().await;
    let user = User::api("u1");
    let first = house.say(&user, "Order").await.unwrap();
    let wire = turn(&first);
    assert_eq!(wire["id"], "menu");
    assert_eq!(wire["action"], "slot");
    assert_eq!(wire["message"], json!({"text": "Which?", "image": null}));
    assert_eq!(wire["keyboard"], json!({"type": "buttons", "buttons": ["Latte", "Tea"]}));
    assert_eq!(wire["slot"], json!({}));
    assert_eq!(wire["session"]["scenario_version"], 1);
    assert_eq!(house.says(&user, "Tea").await, "Tea it is = again");
    assert_eq!(house.says(&user, "Back").await, "Hello guest = start");
    assert_eq!(house.says(&user, "bye").await, "Bye = bye");
    assert_eq!(house.says(&user, "Order").await, "Which? = menu (new)");
}

#[tokio::test]
async fn what_the_scenario_did_not_wait_for_is_counted_also_where_a_webhook_answers_in_the_end() {
    let server = Server::start().await;
    let mut file = scenario();
    file["webhooks"] = json!({"stock": {"url": server.url("/stock")}});
    file["nodes"]["menu"]["fallback"] = json!("ask");
    file["nodes"]["ask"] = json!({"type": "webhook", "webhook": "stock", "to": "again"});
    let house = House::with(&file).await;
    let user = User::api("u1");
    house.says(&user, "Order").await;
    house.say(&user, "a bicycle").await.unwrap();
    assert_eq!(server.heard().len(), 1, "the fallback asked the webhook");
    house.says(&user, "Back").await;
    let numbers = house.chatflow.numbers(&house.realm, "shop").await.unwrap();
    assert_eq!((numbers.turns, numbers.fallbacks), (3, 1));
}

#[tokio::test]
async fn every_turn_of_many_callers_counts_once_and_in_order() {
    const CALLERS: u64 = 24;
    let house = Arc::new(House::new().await);
    let (app, user) = (house.app_now().await, User::api("u1"));
    house.says(&user, "Count").await;
    let mut calls = Vec::new();
    for number in 0..CALLERS {
        let (house, app, user) = (Arc::clone(&house), Arc::clone(&app), user.clone());
        calls.push(tokio::spawn(async move {
            let said = UserMessage::text(number.to_string());
            turn(&house.chatflow.message(&app, &user, said, None).await.unwrap())
        }));
        // So that they came in this order.
        tokio::task::yield_now().await;
    }
    let mut turns = Vec::new();
    for (number, call) in calls.into_iter().enumerate() {
        let answer = call.await.unwrap();
        let heard = answer["message"]["text"].as_str().unwrap();
        // The first one is at the node that only counts from then on.
        assert_eq!(heard, format!("Heard {number}"));
        turns.push(answer["session"]["turn"].as_u64().unwrap());
    }
    assert_eq!(turns, (2..2 + CALLERS).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_nodes_on_one_store_count_every_turn_once() {
    let house = House::new().await;
    let user = User::api("u1");
    house.says(&user, "Count").await;
    let other = house.node().await;
    let mut calls = Vec::new();
    for number in 0..16 {
        let node = if number % 2 == 0 { house.chatflow.clone() } else { other.clone() };
        let (app, user) = (house.app_now().await, user.clone());
        calls.push(tokio::spawn(async move {
            let said = UserMessage::text(number.to_string());
            turn(&node.message(&app, &user, said, None).await.unwrap())["session"]["turn"].as_u64()
        }));
    }
    let mut turns = Vec::new();
    for call in calls {
        turns.push(call.await.unwrap().unwrap());
    }
    turns.sort_unstable();
    assert_eq!(turns, (2..18).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_message_gets_the_same_answer_for_ten_minutes() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    let say = async |id: &str, text: &str| {
        let said = UserMessage::text(text);
        house.chatflow.message(&app, &user, said, Some(id)).await.unwrap()
    };
    let first = say("m1", "Order").await;
    house.says(&user, "Tea").await;
    let again = say("m1", "Order").await;
    assert!(again.repeated && !first.repeated);
    assert_eq!(again.turn.get(), first.turn.get());
    assert_eq!(again.parts().unwrap(), first.parts().unwrap());
    // Also for another body, and on another node; but not for another user.
    assert!(say("m1", "bye").await.repeated);
    let node = house.node().await;
    let said = UserMessage::text("Order");
    assert!(node.message(&app, &user, said.clone(), Some("m1")).await.unwrap().repeated);
    let other = house.chatflow.message(&app, &User::api("u2"), said, Some("m1")).await.unwrap();
    assert!(!other.repeated);
    house.wait(600_000);
    assert!(!say("m1", "Order").await.repeated);
}

#[tokio::test]
async fn the_same_key_in_another_namespace_or_app_is_another_user() {
    let house = House::new().await;
    house.says(&User::api("u1"), "Order").await;
    house.says(&User::test("u1"), "Count").await;
    let channel = User::channel(&"u1".into(), "web/u1".to_owned());
    assert_eq!(house.says(&channel, "hello").await, "Hello guest = start (new)");
    assert_eq!(house.says(&User::api("u1"), "Tea").await, "Tea it is = again");
    assert_eq!(house.says(&User::test("u1"), "1").await, "Heard 1 = counted");
    let other = house.add_app("other").await;
    let app = Arc::new(other.record);
    let error = house.chatflow.state(&app, &User::api("u1")).await.unwrap_err();
    assert_eq!(error, Error::NoState);
}

#[tokio::test]
async fn a_turn_that_fails_leaves_the_user_where_they_were() {
    let mut file = scenario();
    file["webhooks"] = json!({"nowhere": {"url": "http://127.0.0.1:1/x"}});
    file["nodes"]["menu"]["to"] = "ask".into();
    file["nodes"]["ask"] = json!({"type": "webhook", "webhook": "nowhere", "to": "again"});
    let house = House::with(&file).await;
    let user = User::api("u1");
    house.says(&user, "Order").await;
    let before = house.chatflow.state(&house.app, &user).await.unwrap();
    house.wait(1_000);
    let error = house.say(&user, "Tea").await.unwrap_err();
    assert!(matches!(error, Error::WebhookFailed { .. }), "{error}");
    assert_eq!(house.chatflow.state(&house.app, &user).await.unwrap(), before);
}

#[tokio::test]
async fn whoever_waits_too_long_for_an_earlier_turn_is_told_so() {
    let server = Server::start().await;
    let mut file = scenario();
    file["webhooks"] = json!({"slow": {"url": server.url("/never"), "timeout_ms": 1_500}});
    file["nodes"]["menu"]["to"] = "ask".into();
    file["nodes"]["ask"] =
        json!({"type": "webhook", "webhook": "slow", "to": "again", "on_error": "again"});
    let settings = Settings { patience: Duration::from_millis(300), ..Settings::default() };
    let house = Arc::new(House::with_settings(&file, settings).await);
    let user = User::api("u1");
    house.says(&user, "Order").await;
    let slow = {
        let (house, user) = (Arc::clone(&house), user.clone());
        tokio::spawn(async move { house.says(&user, "Tea").await })
    };
    server.wait_for(1).await;
    assert_eq!(house.say(&user, "Latte").await.unwrap_err(), Error::Busy);
    let app = house.app_now().await;
    let forget = house.chatflow.forget(&app, &user).await;
    assert_eq!(forget.unwrap_err(), Error::Busy);
    assert_eq!(slow.await.unwrap(), "Tea it is = again");
}

#[tokio::test]
async fn a_caller_who_hangs_up_has_said_what_they_said() {
    let server = Server::start().await;
    let mut file = scenario();
    file["webhooks"] = json!({"slow": {"url": server.url("/slow")}});
    file["nodes"]["menu"]["to"] = "ask".into();
    file["nodes"]["ask"] = json!({"type": "webhook", "webhook": "slow", "to": "again"});
    let house = House::with(&file).await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    house.says(&user, "Order").await;
    let said = || UserMessage::text("Tea");
    let call = house.chatflow.message(&app, &user, said(), Some("m"));
    tokio::select! {
        _ = call => unreachable!("the webhook takes its time"),
        () = server.wait_for(1) => {}
    }
    let again = house.chatflow.message(&app, &user, said(), Some("m")).await.unwrap();
    assert!(again.repeated);
    assert_eq!(told(&again), "Tea it is = again");
    assert_eq!(server.heard().len(), 1, "it was asked once");
}
