//! The keyboards' life: the home keyboard's minute, and an answer's ten.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::house::{Got, House};
use crate::partner::{KEYBOARD, MESSAGE, Reply};

fn buttons(labels: &[&str]) -> Value {
    json!({"type": "buttons", "buttons": labels})
}

async fn house() -> House {
    let house =
        House::open(json!({"greeting": "hello", "no_answer_text": "no answer", "handoff": true}));
    let house = house.await;
    house.partner.otherwise(KEYBOARD, Reply::json(&buttons(&["home"])));
    let menu = json!({"message": {"text": "menu"}, "keyboard": buttons(&["menu"])});
    house.partner.otherwise(MESSAGE, Reply::json(&menu));
    house
}

#[tokio::test]
async fn the_home_keyboard_is_asked_for_once_a_minute() {
    let house = house().await;
    house.enter("u1").await;
    house.pass(59);
    house.partner.otherwise(KEYBOARD, Reply::json(&buttons(&["new"])));
    assert_eq!(house.greeted("u2").await, [Got::told("hello", &["home"])]);
    assert_eq!(house.partner.calls(KEYBOARD).len(), 1);
    house.pass(2);
    assert_eq!(house.greeted("u3").await, [Got::told("hello", &["new"])]);
    assert_eq!(house.partner.calls(KEYBOARD).len(), 2);
}

#[tokio::test]
async fn fifty_who_come_at_once_make_one_call() {
    let house = house().await;
    let told = Arc::new(Notify::new());
    house.partner.then(KEYBOARD, Reply::json(&buttons(&["home"])).when(&told));
    let users: Vec<_> = (0..50).map(|number| format!("u{number}")).collect();
    let coming = futures_util::future::join_all(users.iter().map(|user| house.greeted(user)));
    let letting = async {
        house.partner.wait_for(crate::partner::FRIEND, 50).await;
        told.notify_one();
    };
    let (greeted, ()) = tokio::join!(coming, letting);
    assert!(greeted.iter().all(|got| *got == [Got::told("hello", &["home"])]));
    assert_eq!(house.partner.calls(KEYBOARD).len(), 1);
}

#[tokio::test]
async fn fifty_share_a_failure_too() {
    let house = house().await;
    house.partner.then(KEYBOARD, Reply::status(500));
    let users: Vec<_> = (0..50).map(|number| format!("u{number}")).collect();
    let greeted = futures_util::future::join_all(users.iter().map(|user| house.greeted(user)));
    for got in greeted.await {
        assert_eq!(got, [Got::told("hello", &[])]);
    }
    assert_eq!(house.partner.calls(KEYBOARD).len(), 1);
    house.pass(6);
    assert_eq!(house.greeted("later").await, [Got::told("hello", &["home"])]);
}

/// Whoever comes back finds the last answer's keyboard for ten minutes, on any node and after any restart.
#[tokio::test]
async fn the_last_keyboard_is_there_at_9_59_and_the_home_keyboard_at_10_01() {
    let house = house().await;
    let conversation = house.enter("u1").await;
    house.say(&conversation, "hi").await;
    let asked = house.partner.calls(KEYBOARD).len();
    house.pass(9 * 60 + 59);
    assert_eq!(house.greeted("u1").await, [Got::told("hello", &["menu"])]);
    let node = house.another_node().await;
    let again = node.enter("web", "u1").await;
    assert_eq!(node.got_since(&again, 0).await, [Got::told("hello", &["menu"])]);
    assert_eq!(house.partner.calls(KEYBOARD).len(), asked, "nothing is asked for");
    house.pass(2);
    assert_eq!(house.greeted("u1").await, [Got::told("hello", &["home"])]);
    assert_eq!(house.partner.calls(KEYBOARD).len(), asked + 1);
}

/// What a notice leaves before the user is what was there.
#[tokio::test]
async fn a_notice_keeps_the_keyboard_that_is_before_the_user() {
    let house = house().await;
    let conversation = house.enter("u1").await;
    let fails = async |choices: &[&str]| {
        house.partner.then(MESSAGE, Reply::status(500));
        let got = house.say(&conversation, "hi").await;
        assert_eq!(got, [Got::told("no answer", choices)]);
    };
    fails(&["home"]).await;
    house.say(&conversation, "hi").await;
    fails(&["menu"]).await;
    house.pass(9 * 60 + 59);
    fails(&["menu"]).await;
    house.pass(2);
    house.partner.otherwise(KEYBOARD, Reply::json(&buttons(&["new"])));
    let told = Arc::new(Notify::new());
    house.partner.then(MESSAGE, Reply::status(500).when(&told));
    let before = house.partner.calls(KEYBOARD).len();
    let asking = async {
        // The home keyboard is asked for while the partner still thinks.
        house.partner.wait_for(KEYBOARD, before + 1).await;
        told.notify_one();
    };
    let (got, ()) = tokio::join!(house.say(&conversation, "hi"), asking);
    assert_eq!(got, [Got::told("no answer", &["new"])]);
}

#[tokio::test]
async fn whoever_left_comes_back_to_the_home_keyboard() {
    let house = house().await;
    let conversation = house.enter("u1").await;
    house.say(&conversation, "hi").await;
    let end = json!({"type": "endOfConversation", "from": {"id": "u1"}});
    house.node.post(&conversation, end, maru_hall::Meta::default()).await;
    assert_eq!(house.greeted("u1").await, [Got::told("hello", &["home"])]);
}

#[tokio::test]
async fn that_no_human_can_be_reached_is_told_once_to_each_user() {
    let house = House::open(json!({"greeting": "hello"})).await;
    let text = "상담원과의 대화가 불가능한 프로필입니다.";
    assert_eq!(house.greeted("u1").await, [Got::told("hello", &[])], "free text leaves it open");
    house.pass(61);
    house.partner.otherwise(KEYBOARD, Reply::json(&buttons(&["a"])));
    let hello = || Got::told("hello", &["a"]);
    assert_eq!(house.greeted("u1").await, [Got::told(text, &[]), hello()]);
    assert_eq!(house.greeted("u1").await, [hello()]);
    assert_eq!(house.greeted("u2").await, [Got::told(text, &[]), hello()]);
    house.add_bot("b2", "web2", json!({"greeting": "", "no_human_text": "nobody"})).await;
    let conversation = house.node.enter("web2", "u1").await;
    let got = house.node.got_since(&conversation, 0).await;
    assert_eq!(got, [Got::told("nobody", &["a"])], "something must carry the keyboard");
    house.add_bot("b3", "web3", json!({"greeting": "hello", "handoff": true})).await;
    let conversation = house.node.enter("web3", "u1").await;
    assert_eq!(house.node.got_since(&conversation, 0).await, [hello()]);
}
