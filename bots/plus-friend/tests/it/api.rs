//! The platform's API test.

use std::sync::Arc;

use maru_hall::BotRecord;
use serde_json::{Value, json};

use crate::house::{House, realm};
use crate::partner::{BLOCK, FRIEND, KEYBOARD, LEAVE, MESSAGE, Reply};

async fn tested(house: &House) -> (Value, bool) {
    let record = house.node.hall.directory().bot(&realm(), &"b1".into()).unwrap();
    let test = house.node.plus_friend.test(&record).await.unwrap();
    (serde_json::to_value(&test).unwrap(), test.has_passed())
}

#[tokio::test]
async fn four_calls_are_made_and_the_keyboard_decides() {
    let house = House::open(json!({"outage_failures": 1})).await;
    let success = r#"{"code":0,"message":"SUCCESS"}"#;
    house.partner.then(LEAVE, Reply::status(404));
    let (test, passed) = tested(&house).await;
    assert!(passed);
    assert_eq!(
        test,
        json!({"code": 0, "result": {
            "keyboard": {"status": 200, "body": r#"{"type":"text"}"#},
            "makeFriend": {"status": 200, "body": success},
            "blockFriend": {"status": 200, "body": success},
            "leaveChatRoom": {"status": 404, "body": "<h1>error</h1>"},
        }})
    );
    let key = house.partner.calls(FRIEND)[0].body["user_key"].as_str().unwrap().to_owned();
    assert_eq!(house.partner.calls(BLOCK)[0].line, format!("DELETE /friend/{key}"));
    assert!(house.partner.calls(MESSAGE).is_empty());

    for (reply, status, body) in [
        (Reply::status(415), 415, "wrong keyboard initialization"),
        (
            Reply::json(&json!({"type": "buttons", "buttons": "a"})),
            408,
            "wrong keyboard initialization",
        ),
        (Reply::json(&json!({"keyboard": {"type": "text"}})), 408, "wrong keyboard initialization"),
        (Reply::text("no keyboard"), 408, "wrong keyboard initialization"),
        (Reply::closed(), 503, "wrong message format"),
    ] {
        house.partner.then(KEYBOARD, reply);
        let (test, passed) = tested(&house).await;
        assert_eq!(test["result"]["keyboard"], json!({"status": status, "body": body}));
        assert!(!passed);
    }
    assert!(house.health().await.is_called(), "a test counts for nothing");
}

#[tokio::test]
async fn a_partner_that_is_not_there_has_a_wrong_url() {
    let house = House::open(json!({})).await;
    let record = house.node.hall.directory().bot(&realm(), &"b1".into()).unwrap();
    let mut record = BotRecord::clone(&Arc::clone(&record));
    record.settings.insert("url".to_owned(), json!("http://10.1.2.3/"));
    let test = house.node.plus_friend.test(&record).await.unwrap();
    let wrong = json!({"status": 400, "body": "wrong bot url"});
    let test = serde_json::to_value(&test).unwrap();
    assert_eq!((&test["result"]["keyboard"], &test["result"]["makeFriend"]), (&wrong, &wrong));
}
