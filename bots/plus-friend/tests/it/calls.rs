//! The five calls, to the letter.

use std::sync::Arc;

use maru_hall::{Meta, Whom};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::house::{Got, House, realm};
use crate::partner::{BLOCK, FRIEND, KEYBOARD, LEAVE, MESSAGE, Reply};

#[tokio::test]
async fn a_users_life_makes_the_five_calls() {
    let house = House::open(json!({"greeting": "hello", "no_human_text": "no human"})).await;
    let home = json!({"type": "buttons", "buttons": ["#점심 선택", "#결과 보기", "#설정"]});
    house.partner.otherwise(KEYBOARD, Reply::json(&home));
    let labels = ["#점심 선택", "#결과 보기", "#설정"];
    let conversation = house.enter("u1").await;
    let greeted = house.node.got_since(&conversation, 0).await;
    assert_eq!(greeted, [Got::told("no human", &[]), Got::told("hello", &labels)]);
    assert_eq!(house.say(&conversation, "아무 말").await, [Got::said("ok", &[])]);
    let end = json!({"type": "endOfConversation", "from": {"id": "u1"}});
    assert_eq!(house.node.post(&conversation, end, Meta::default()).await, []);
    let relation = async |action: &str| {
        let update =
            json!({"type": "contactRelationUpdate", "action": action, "from": {"id": "u1"}});
        assert_eq!(house.node.post(&conversation, update, Meta::default()).await, []);
    };
    relation("remove").await;

    let message = &house.partner.calls(MESSAGE)[0];
    let key = message.body["user_key"].as_str().unwrap();
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    assert!(key.len() == 20 && key.bytes().all(sound), "{key}");
    let text = format!(r#"{{"user_key":"{key}","type":"text","content":"아무 말"}}"#);
    assert_eq!(message.bytes, text.as_bytes());
    assert_eq!(house.partner.calls(FRIEND)[0].body, json!({ "user_key": key }));
    let mut lines = house.partner.lines();
    lines[..2].sort();
    let leave = format!("DELETE /chat_room/{key}");
    let block = format!("DELETE /friend/{key}");
    assert_eq!(lines, ["GET /keyboard", "POST /friend", "POST /message", &*leave, &*block]);
    for action in ["add", "add", "other"] {
        relation(action).await;
    }
    assert_eq!(house.partner.lines()[5..], ["POST /friend"], "once, after the block");
    for call in [KEYBOARD, MESSAGE, FRIEND, LEAVE, BLOCK] {
        let headers = &house.partner.calls(call)[0].headers;
        assert_eq!(headers["content-type"], "application/json; charset=utf-8", "{call}");
        assert!(!headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn a_base_may_have_a_port_a_path_and_a_slash() {
    let house = House::open(json!({})).await;
    for (bot, path) in [("b2", "/kakao"), ("b3", "/kakao/"), ("b4", "/")] {
        let url = format!("{}{path}", house.partner.url);
        house.add_bot(bot, bot, json!({ "url": url })).await;
        let conversation = house.node.enter(bot, "u1").await;
        house.node.say(&conversation, "hi").await;
    }
    let mut lines = house.partner.lines();
    lines.sort();
    lines.dedup();
    let expected = [
        "GET /kakao/keyboard",
        "GET /keyboard",
        "POST /friend",
        "POST /kakao/friend",
        "POST /kakao/message",
        "POST /message",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_users_key_is_the_same_for_good_and_another_for_each_bot_and_user() {
    let house = House::open(json!({})).await;
    house.add_bot("b2", "web2", json!({})).await;
    let mut keys = Vec::new();
    for (channel, user) in [("web", "u1"), ("web", "u1"), ("web", "u2"), ("web2", "u1")] {
        let conversation = house.node.enter(channel, user).await;
        house.node.say(&conversation, "hi").await;
        let calls = house.partner.calls(MESSAGE);
        keys.push(calls.last().unwrap().body["user_key"].as_str().unwrap().to_owned());
    }
    assert_eq!(keys[0], keys[1], "in any conversation");
    assert!(keys[0] != keys[2] && keys[0] != keys[3] && keys[2] != keys[3]);
    assert_eq!(house.partner.calls(FRIEND).len(), 3, "a friend is added once");
    let node = house.another_node().await;
    let conversation = node.enter("web", "u1").await;
    node.say(&conversation, "hi").await;
    assert_eq!(house.partner.calls(MESSAGE)[4].body["user_key"], *keys[0]);
    assert_eq!(house.partner.calls(FRIEND).len(), 3);
}

#[tokio::test]
async fn two_taps_of_one_user_are_handed_over_one_after_the_other() {
    let house = House::open(json!({})).await;
    let (one, two) = (house.enter("u1").await, house.enter("u1").await);
    let other = house.enter("u2").await;
    let told = Arc::new(Notify::new());
    house.partner.then(MESSAGE, Reply::text("first").when(&told));
    let taps = async {
        let (first, second) = tokio::join!(house.say(&one, "tap"), async {
            house.partner.wait_for(MESSAGE, 1).await;
            house.say(&two, "tap").await
        });
        (first, second)
    };
    let others = async {
        house.partner.wait_for(MESSAGE, 1).await;
        // Nobody else waits for a user whose bot is slow.
        assert_eq!(house.say(&other, "hi").await, [Got::said("ok", &[])]);
        assert_eq!(house.partner.calls(MESSAGE).len(), 2);
        told.notify_one();
    };
    let ((first, second), ()) = tokio::join!(taps, others);
    assert_eq!((first, second), (vec![Got::said("first", &[])], vec![Got::said("ok", &[])]));
    assert_eq!(house.partner.calls(MESSAGE).len(), 3);
}

#[tokio::test]
async fn a_label_is_sent_as_the_partner_spelled_it_and_other_texts_as_they_are() {
    use unicode_normalization::UnicodeNormalization as _;
    let house = House::open(json!({})).await;
    let keyboard = json!({"type": "buttons", "buttons": ["처음으로"]});
    house
        .partner
        .otherwise(MESSAGE, Reply::json(&json!({"message": {"text": "a"}, "keyboard": keyboard})));
    let conversation = house.enter("u1").await;
    let apart = |text: &str| text.nfd().collect::<String>();
    for text in ["처음", "처음으로", "끝으로"] {
        house.say(&conversation, &apart(text)).await;
    }
    let sent: Vec<Value> =
        house.partner.calls(MESSAGE).into_iter().map(|call| call.body["content"].clone()).collect();
    assert_eq!(sent, [json!(apart("처음")), json!("처음으로"), json!(apart("끝으로"))]);
}

#[tokio::test]
async fn whoever_is_erased_is_told_of_as_of_a_block_and_forgotten() {
    let house = House::open(json!({})).await;
    house.add_bot("b2", "web2", json!({})).await;
    let conversation = house.enter("u1").await;
    house.say(&conversation, "hi").await;
    let key = house.partner.calls(MESSAGE)[0].body["user_key"].clone();
    let plus_friend = &house.node.plus_friend;
    for whom in [
        Whom::Participant("web".into(), "stranger".to_owned()),
        Whom::Person("web/u1".into()),
        Whom::Participant("web".into(), "u1".to_owned()),
    ] {
        plus_friend.erased(&realm(), &whom).await.unwrap();
    }
    let blocked: Vec<_> = house.partner.calls(BLOCK).into_iter().map(|call| call.line).collect();
    assert_eq!(
        blocked,
        [format!("DELETE /friend/{}", key.as_str().unwrap())],
        "once, and nobody else"
    );
    house.enter("u1").await;
    assert_eq!(house.partner.calls(FRIEND).len(), 2, "they come anew");
}

#[tokio::test]
async fn nobody_makes_a_friend_by_writing_that_they_came() {
    let house = House::open(json!({})).await;
    let conversation = house.enter("u1").await;
    let update = json!({"type": "conversationUpdate", "from": {"id": "u1"},
        "membersAdded": [{"id": "somebody else"}]});
    assert_eq!(house.node.post(&conversation, update, Meta::default()).await, []);
    let event = json!({"type": "event", "name": "x", "from": {"id": "u1"}});
    assert_eq!(house.node.post(&conversation, event, Meta::default()).await, []);
    assert_eq!(house.say(&conversation, " \n").await, [], "nothing is sent of a blank text");
    assert_eq!(house.partner.lines().len(), 2);
}
