//! What becomes of an activity that is handed to a bot.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Activity, Limits};
use maru_hall::{BotRecord, Conversation, Delivered, DeliveryFilter, DeliveryState, Hall, Post};
use maru_testkit::Reply;
use serde_json::{Value, json};

use crate::house::{House, realm, send};

fn says(text: &str) -> Value {
    json!({"type": "message", "from": {"id": "u1"}, "text": text})
}

/// Waits until no delivery is open, and gives the causes of the dead ones.
async fn settled(hall: &Hall, conversation: &Conversation) -> Vec<String> {
    loop {
        let filter = DeliveryFilter {
            conversation: Some(conversation.id.clone()),
            ..DeliveryFilter::default()
        };
        let page = hall.deliveries(&realm(), &filter, None, 100).await.unwrap();
        if page.items.iter().all(|delivery| delivery.state != DeliveryState::Open) {
            return page.items.into_iter().filter_map(|delivery| delivery.cause).collect();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the oldest open delivery was tried.
async fn first_attempt(hall: &Hall, conversation: &Conversation) {
    loop {
        let filter = DeliveryFilter {
            conversation: Some(conversation.id.clone()),
            ..DeliveryFilter::default()
        };
        let page = hall.deliveries(&realm(), &filter, None, 100).await.unwrap();
        if page.items.iter().any(|d| d.state == DeliveryState::Open && d.attempts > 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn post(house: &House, conversation: &Arc<Conversation>, body: Value) -> Delivered {
    let text = body.to_string();
    let activity = Activity::parse(text.as_bytes(), &Limits::default()).unwrap();
    let mut post = Post::user(activity);
    post.wait = Some(Duration::from_secs(30));
    house.hall.post(conversation, post).await.unwrap().delivered.unwrap()
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_under_one_id_and_later_turns_wait() {
    let house = House::open().await;
    let (conversation, _) = house.talk().await;
    for reply in [Reply::status(500), Reply::status(201), Reply::status(202)] {
        house.bot.then(reply);
    }
    house.user_says(&conversation, says("first")).await;
    house.user_says(&conversation, says("second")).await;
    let heard = house.bot.wait_for(4).await;
    assert!(settled(&house.hall, &conversation).await.is_empty());
    let texts: Vec<_> = heard[1..].iter().map(|heard| &heard.body["text"]).collect();
    assert_eq!(texts, ["first", "first", "second"]);
    let header = |index: usize, name: &str| heard[index].headers[name].to_str().unwrap();
    assert_eq!(header(1, "x-maru-delivery-id"), header(2, "x-maru-delivery-id"));
    assert_ne!(header(2, "x-maru-delivery-id"), header(3, "x-maru-delivery-id"));
    assert_eq!((header(1, "x-maru-attempt"), header(2, "x-maru-attempt")), ("1", "2"));
    assert_eq!(header(1, "x-ms-conversation-id"), conversation.id.as_str());
}

#[tokio::test]
async fn what_a_bot_refuses_is_a_dead_letter_and_the_conversation_goes_on() {
    let house = House::open().await;
    let (conversation, _) = house.talk().await;
    house.bot.then(Reply::status(400).with_body("text/plain", "what u1 said is bad"));
    house.bot.then(Reply::status(307).with_header("location", "http://127.0.0.1:1/"));
    for text in ["first", "second", "third"] {
        house.user_says(&conversation, says(text)).await;
    }
    house.bot.wait_for(4).await;
    let mut causes = settled(&house.hall, &conversation).await;
    causes.sort();
    let redirect = "the bot answered 307, a redirect, which is not followed";
    assert_eq!(causes, [redirect, "the bot answered 400"]);
}

#[tokio::test]
async fn a_bot_may_answer_in_its_own_http_answer() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    house.bot.then(Reply::json(&json!({"activities": [
        {"type": "message", "text": "one", "serviceUrl": base, "value": {"back": base}},
        {"no": "type"},
        {"type": "message", "text": "two", "from": {"id": "b1", "name": "Me"}},
    ]})));
    let mut body = says("hi");
    body["deliveryMode"] = json!("expectReplies");
    assert_eq!(post(&house, &conversation, body).await, Delivered::Taken(None));
    let seen = house.seen(&conversation).await;
    let texts: Vec<_> = seen.iter().map(|shown| shown["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["hi", "one", "two"]);
    assert_eq!(seen[1]["from"], json!({"id": "b1", "name": "Bot", "role": "bot"}));
    assert!(seen[1]["value"]["back"].as_str().unwrap().ends_with("/b/masked/"));
}

#[tokio::test]
async fn an_invoke_has_its_result_or_its_status() {
    let house = House::open().await;
    let (conversation, _) = house.talk().await;
    let invoke = json!({"type": "invoke", "from": {"id": "u1"}, "name": "adaptiveCard/action"});
    house.bot.then(Reply::json(&json!({"statusCode": 200})));
    let taken = post(&house, &conversation, invoke.clone()).await;
    assert_eq!(taken, Delivered::Taken(Some(r#"{"statusCode":200}"#.into())));
    house.bot.then(Reply::status(501));
    assert_eq!(post(&house, &conversation, invoke).await, Delivered::Failed(Some(501)));
    assert_eq!(house.shown(&conversation).await.len(), 2, "a result is nothing that is said");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_asked_for_twice() {
    let house = House::open_with(json!({"answer_bytes_max": 100})).await;
    let (conversation, _) = house.talk().await;
    house.bot.then(Reply::status(200).with_body("text/plain", "x".repeat(101)));
    house.user_says(&conversation, says("hi")).await;
    house.user_says(&conversation, says("again")).await;
    house.bot.wait_for(3).await;
    let causes = settled(&house.hall, &conversation).await;
    assert_eq!(causes, ["the answer is longer than 100 bytes, may have been handled"]);
    assert_eq!(house.bot.heard().len(), 3);
}

#[tokio::test]
async fn a_bot_that_was_away_gets_what_was_said_meanwhile() {
    let house = House::open().await;
    let (conversation, _) = house.talk().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let at = |url: String| {
        move |record: &mut BotRecord| {
            record.settings.insert("endpoint".to_owned(), url.into());
        }
    };
    house.change_bot(at(nobody)).await;
    house.user_says(&conversation, says("first")).await;
    house.user_says(&conversation, says("second")).await;
    first_attempt(&house.hall, &conversation).await;
    house.change_bot(at(house.bot.url().to_owned())).await;
    let heard = house.bot.wait_for(3).await;
    let texts: Vec<_> = heard[1..].iter().map(|heard| &heard.body["text"]).collect();
    assert_eq!(texts, ["first", "second"]);
    assert!(settled(&house.hall, &conversation).await.is_empty());
}

#[tokio::test]
async fn a_bot_that_keeps_silent_is_not_asked_twice_and_may_still_answer() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    house.change_bot(|record| record.delivery.attempt_timeout_ms = 300).await;
    house.bot.then(Reply::never());
    let hi = house.user_says(&conversation, says("hi")).await;
    let causes = settled(&house.hall, &conversation).await;
    assert_eq!(causes, ["timed out, may have been handled"]);
    let late = json!({"type": "message", "text": "late"});
    let url = format!("{base}v3/conversations/{}/activities/{hi}", conversation.id);
    assert_eq!(send("POST", &url, late).await.status, 200);
    assert_eq!(house.seen(&conversation).await[1]["text"], "late");
    assert_eq!(house.bot.heard().len(), 2);
}
