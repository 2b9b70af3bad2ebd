//! A partner that fails too often is left alone, on all nodes, and its operator is told once.

use maru_testkit::eventually;
use serde_json::json;

use crate::house::{Got, House, realm};
use crate::partner::{KEYBOARD, MESSAGE, Reply};

const SETTINGS: fn() -> serde_json::Value = || {
    json!({
        "greeting": "hello", "no_answer_text": "no answer", "outage_text": "outage",
        "phone": "01012345678",
    })
};

fn told(event: &str, cause: &str) -> (String, String) {
    (event.to_owned(), format!("bot/b1/{cause}"))
}

#[tokio::test]
async fn ten_failures_in_a_row_are_an_outage_until_a_probe_succeeds() {
    let house = House::open(SETTINGS()).await;
    let conversation = house.enter("u1").await;
    house.partner.otherwise(MESSAGE, Reply::status(500));
    let (no_answer, outage) = (|| Got::told("no answer", &[]), || Got::told("outage", &[]));
    for _ in 0..9 {
        assert_eq!(house.say(&conversation, "hi").await, [no_answer()]);
    }
    house.partner.then(MESSAGE, Reply::text("well"));
    assert_eq!(house.say(&conversation, "hi").await, [Got::said("well", &[])]);
    for _ in 0..10 {
        assert_eq!(house.say(&conversation, "hi").await, [no_answer()]);
    }
    let sent = house.partner.calls(MESSAGE).len();
    let node = house.another_node().await;
    let elsewhere = node.enter("web", "u2").await;
    assert_eq!(node.got_since(&elsewhere, 0).await, [outage()]);
    assert_eq!(node.say(&elsewhere, "hi").await, [outage()]);
    for _ in 0..3 {
        assert_eq!(house.say(&conversation, "hi").await, [outage()]);
    }
    assert_eq!(house.partner.calls(MESSAGE).len(), sent, "no node calls it");
    let alerts = house.operator.wait_for(1).await;
    assert_eq!(alerts[0].body["to"], "01012345678");

    house.partner.otherwise(KEYBOARD, Reply::status(500));
    let probed = house.partner.calls(KEYBOARD).len();
    house.pass(59);
    // The timers' runner looks each second.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(house.partner.calls(KEYBOARD).len(), probed);
    house.pass(1);
    house.partner.wait_for(KEYBOARD, probed + 1).await;
    assert_eq!(house.say(&conversation, "hi").await, [outage()]);
    house.partner.otherwise(KEYBOARD, Reply::json(&json!({"type": "text"})));
    house.partner.otherwise(MESSAGE, Reply::text("well"));
    let health = async || {
        let health = house.health().await;
        health.is_called().then_some(health)
    };
    assert!(health().await.is_none(), "one that failed is probed again a minute later");
    house.pass(60);
    let health = eventually("the recovery", health).await;
    assert_eq!((health.failures_in_a_row, health.failures_today), (0, 19));
    assert_eq!(house.partner.calls(KEYBOARD).len(), probed + 2, "by one node alone");
    assert_eq!(house.say(&conversation, "hi").await, [Got::said("well", &[])]);
    house.operator.wait_for(2).await;
    assert_eq!(house.alerts(), [told("raised", "outage"), told("settled", "outage")]);
}

#[tokio::test]
async fn more_failures_a_day_than_are_borne_stop_it_until_it_is_restarted() {
    let mut settings = SETTINGS();
    settings["daily_failures_max"] = json!(3);
    let house = House::open(settings).await;
    let conversation = house.enter("u1").await;
    let fail = async || {
        house.partner.then(MESSAGE, Reply::status(500));
        house.say(&conversation, "hi").await
    };
    for _ in 0..4 {
        assert_eq!(fail().await, [Got::told("no answer", &[])]);
        house.say(&conversation, "hi").await;
    }
    let sent = house.partner.calls(MESSAGE).len();
    assert_eq!(house.say(&conversation, "hi").await, [Got::told("outage", &[])]);
    house.pass(2 * 86_400);
    assert_eq!(house.say(&conversation, "hi").await, [Got::told("outage", &[])]);
    assert_eq!(house.partner.calls(MESSAGE).len(), sent);
    house.operator.wait_for(1).await;
    let (plus_friend, bot) = (&house.node.plus_friend, "b1".into());
    assert!(plus_friend.restart(&realm(), &bot).await.unwrap());
    assert!(!plus_friend.restart(&realm(), &bot).await.unwrap());
    assert_eq!(house.say(&conversation, "hi").await, [Got::said("ok", &[])]);
    house.operator.wait_for(2).await;
    assert_eq!(house.alerts(), [told("raised", "stopped"), told("settled", "stopped")]);
}

#[tokio::test]
async fn an_outage_of_one_bot_is_nothing_to_another() {
    let mut settings = SETTINGS();
    settings["outage_failures"] = json!(1);
    let house = House::open(settings.clone()).await;
    house.add_bot("b2", "web2", settings).await;
    let one = house.enter("u1").await;
    house.partner.then(MESSAGE, Reply::closed());
    assert_eq!(house.say(&one, "hi").await, [Got::told("no answer", &[])]);
    assert_eq!(house.say(&one, "hi").await, [Got::told("outage", &[])]);
    let other = house.node.enter("web2", "u1").await;
    assert_eq!(house.node.say(&other, "hi").await, [Got::said("ok", &[])]);
}
