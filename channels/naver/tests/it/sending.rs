//! What is said to users by the send API.

use maru_testkit::Reply;
use serde_json::{Value, json};

use crate::house::{House, USER, a_while};

fn code(code: &str) -> Reply {
    Reply::json(&json!({"success": code == "00", "resultCode": code}))
}

fn texts(sent: &[Value]) -> Vec<&str> {
    sent.iter().filter_map(|event| event["textContent"]["text"].as_str()).collect()
}

#[tokio::test]
async fn cards_pictures_and_quick_replies_are_shown_as_talktalk_can() {
    let house = House::new().await;
    let card = |name: &str| {
        json!({
            "contentType": "application/vnd.microsoft.card.hero",
            "content": {
                "title": name, "images": [{"url": "https://x.example/p.png"}],
                "buttons": [
                    {"type": "postBack", "title": "주문하기", "value": {"menu": name}},
                    {"type": "openUrl", "title": "보기", "value": "https://x.example/"},
                ],
            },
        })
    };
    let said = json!([
        {"type": "message", "text": "Hi", "attachments": [{"contentType": "image/png", "contentUrl": "https://x.example/q.png"}]},
        {"type": "message", "attachmentLayout": "carousel", "attachments": [card("kimbap"), card("ramyeon")],
         "suggestedActions": {"actions": [
            {"type": "imBack", "title": "처음으로 돌아가고 싶어요", "value": "home"},
            {"type": "openUrl", "title": "홈", "value": "https://x.example/"},
         ]}},
    ]);
    house.says(&said.to_string()).await;
    let sent = house.sent(3).await;
    assert_eq!(sent[0]["textContent"], json!({"text": "Hi"}));
    assert_eq!(sent[1]["imageContent"], json!({"imageUrl": "https://x.example/q.png"}));
    let composite = &sent[2]["compositeContent"];
    assert_eq!(
        composite["compositeList"][1],
        json!({
            "title": "ramyeon", "image": {"imageUrl": "https://x.example/p.png"},
            "buttonList": [
                {"type": "TEXT", "data": {"title": "주문하기", "code": r#"{"menu":"ramyeon"}"#}},
                {"type": "LINK", "data": {"title": "보기", "url": "https://x.example/", "mobileUrl": "https://x.example/"}},
            ],
        })
    );
    assert_eq!(
        composite["quickReply"],
        json!({"buttonList": [
            {"type": "TEXT", "data": {"title": "처음으로 돌아가고…", "code": "home"}},
            {"type": "LINK", "data": {"title": "홈", "url": "https://x.example/", "mobileUrl": "https://x.example/"}},
        ]})
    );
}

#[tokio::test]
async fn the_bot_speaks_first_and_shows_that_it_writes() {
    let house = House::new().await;
    house.says("hello").await;
    house.sent(1).await;
    house.bot_says(&json!({"type": "typing"})).await;
    house.sent(2).await;
    house.bot_says(&json!({"type": "message", "text": "By the way"})).await;
    let sent = house.sent(3).await;
    assert_eq!(
        sent[1],
        json!({"event": "action", "user": USER, "options": {"action": "typingOn"}})
    );
    assert_eq!(texts(&sent), ["You said hello", "By the way"]);
    let own = json!({"type": "message", "text": "x", "channelData": {"naver": {"imageContent": {"imageId": "1-g-2"}}}});
    house.bot_says(&own).await;
    assert_eq!(house.sent(4).await[3]["imageContent"], json!({"imageId": "1-g-2"}));
}

#[tokio::test]
async fn two_nodes_that_follow_send_each_word_once_and_in_order() {
    let house = House::new().await;
    house.says("one").await;
    house.sent(1).await;
    let event = json!({"event": "send", "user": USER, "textContent": {"text": "two"}}).to_string();
    let url = format!("http://{}/naver/{}", house.other_at, house.id);
    assert_eq!(maru_testkit::call("POST", &url, &[], event).await.status, 200);
    house.sent(2).await;
    let later: Vec<String> = (0..10).map(|n| format!("later {n}")).collect();
    for text in &later {
        house.bot_says(&json!({"type": "message", "text": text})).await;
    }
    let sent = house.sent(12).await;
    a_while().await;
    assert_eq!(house.sent_so_far(), 12);
    let mut expected = vec!["You said one", "You said two"];
    expected.extend(later.iter().map(String::as_str));
    assert_eq!(texts(&sent), expected);
}

#[tokio::test]
async fn a_send_that_fails_is_tried_again_and_then_waits_for_the_next_word() {
    let house = House::new().await;
    house.talktalk.then(Reply::status(502));
    house.says("first").await;
    assert_eq!(texts(&house.sent(2).await), ["You said first"; 2]);
    // A key that is not taken is not tried again.
    house.talktalk.then(code("01"));
    house.bot_says(&json!({"type": "message", "text": "unseen"})).await;
    house.sent(3).await;
    house.bot_says(&json!({"type": "message", "text": "and this"})).await;
    a_while().await;
    assert_eq!(house.sent_so_far(), 3);
    house.says("second").await;
    let sent = house.sent(6).await;
    assert_eq!(texts(&sent[3..]), ["unseen", "and this", "You said second"]);
}

#[tokio::test]
async fn what_is_refused_for_good_does_not_stop_what_follows() {
    let house = House::new().await;
    for _ in 0..3 {
        house.talktalk.then(code("02"));
    }
    house.says("first").await;
    house.sent(3).await;
    house.says("second").await;
    assert_eq!(texts(&house.sent(4).await)[3], "You said second");
}

#[tokio::test]
async fn a_picture_that_cannot_be_shown_becomes_words() {
    let house = House::new().await;
    house.talktalk.then(code("IMG-01"));
    let picture = json!({"contentType": "image/png", "contentUrl": "https://x.example/q.png", "name": "menu"});
    house.says(&json!([{"type": "message", "attachments": [picture]}]).to_string()).await;
    let sent = house.sent(2).await;
    assert_eq!(sent[1]["textContent"]["text"], "menu: https://x.example/q.png");
}

#[tokio::test]
async fn a_user_is_given_to_a_human_where_that_is_wanted() {
    let house = House::with(json!({"handover": true})).await;
    house.says("hello").await;
    house.sent(1).await;
    house.bot_says(&json!({"type": "event", "name": "handoff.initiate"})).await;
    let sent = house.sent(2).await;
    let options = json!({"control": "passThread", "targetId": 1});
    assert_eq!(sent[1], json!({"event": "handover", "user": USER, "options": options}));
    // What else TalkTalk says of it is not the end of it.
    for control in [json!({"control": "takeThread"}), options] {
        house.happens(json!({"event": "handover", "options": control})).await;
    }
    let back = json!({"control": "passThread", "metadata": "done"});
    house.happens(json!({"event": "handover", "options": back})).await;
    let told = |name: &str| {
        let events = house.heard("event");
        events.into_iter().filter(|event| event["name"] == name).collect::<Vec<_>>()
    };
    let status = async || told("handoff.status").pop();
    let status = maru_testkit::eventually("that the human is done", status).await;
    assert_eq!(status["value"]["state"], "completed");
    assert_eq!(status["from"]["role"], "agent");
    assert_eq!(told("handover").len(), 3);
    a_while().await;
    assert_eq!(told("handoff.status").len(), 1);
    assert_eq!(house.sent_so_far(), 2, "the user is told nothing of it");
}

#[tokio::test]
async fn a_key_that_is_mended_is_used_from_then_on() {
    let house = House::with(json!({"authorization": null})).await;
    house.says("hello").await;
    a_while().await;
    assert_eq!(house.sent_so_far(), 0);
    house.mend_key("ct_new").await;
    house.says("again").await;
    let heard = house.talktalk.wait_for(2).await;
    assert_eq!(heard[0].headers["authorization"], "ct_new");
    let sent: Vec<Value> = heard.into_iter().map(|heard| heard.body).collect();
    assert_eq!(texts(&sent), ["You said hello", "You said again"]);
}
