//! Every row of the error table (kakao-naver-chatflow.md §4.5).

use std::sync::Arc;

use maru_chatflow_channel::Limits;
use maru_testkit::{Answer, Reply, ScriptedBot};
use serde_json::{Value, json};

use crate::house::{House, coffee, narrow};

/// The status, the code and the text.
fn refusal(answer: &Answer) -> (u16, u64, String) {
    let body = answer.json();
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    (answer.status, body["code"].as_u64().unwrap_or_default(), message)
}

fn is(answer: &Answer, status: u16, code: u64, message: &str) {
    assert_eq!(refusal(answer), (status, code, message.to_owned()), "{}", answer.text());
}

#[tokio::test]
async fn malformed_calls() {
    let house = House::new().await;
    for fields in [
        json!({"content": "x"}),
        json!({"user_key": "u", "content": ""}),
        json!({"user_key": "", "content": "x"}),
        json!({"user_key": "u", "content": {}}),
        json!({"user_key": "u", "user_id": "v", "content": "x"}),
        json!({"user_key": "u", "content": "x", "message": "y"}),
        json!({"user_key": "u", "content": "가".repeat(1_334)}),
        json!({"user_key": "u", "content": "x", "variables": [1]}),
        json!({"user_key": "u", "content": "x", "message_id": "m".repeat(129)}),
        json!({"user_key": "u".repeat(257), "content": "x"}),
    ] {
        is(&house.post("message", fields).await, 400, 100, "bad request");
    }
    let most = house.post("message", json!({"user_key": "u", "content": "x".repeat(4_000)})).await;
    assert_eq!(most.status, 200);
    for body in ["{", "[]", "\"x\"", ""] {
        let answer = house.call("POST", "/api/v1/message", &[], body).await;
        is(&answer, 400, 100, "bad request");
    }
    let answer = house.post("message", json!({"user_key": "u", "content": "x", "type": "sticker"}));
    is(&answer.await, 400, 400, "unsupported media type");
}

#[tokio::test]
async fn wrong_secrets_tell_nothing() {
    let house = House::new().await;
    let swapped = json!({
        "client_id": house.app_id, "app_id": house.client_id, "user_key": "u", "content": "x",
    });
    let made_up = format!("{}.{}", "a".repeat(12), "b".repeat(43));
    let wrong_app =
        json!({"client_id": house.client_id, "app_id": made_up, "user_key": "u", "content": "x"});
    let wrong_client =
        json!({"client_id": made_up, "app_id": house.app_id, "user_key": "u", "content": "x"});
    let mut told = Vec::new();
    for body in [swapped, wrong_app, wrong_client] {
        let answer = house.post_as_it_is("message", &body).await;
        is(&answer, 400, 201, "wrong api key");
        told.push(answer.text());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "which of both was wrong is not told: {told:?}");
    // Never in the address; and not two of them.
    let query = format!("/api/v1/scenario?client_id={}&app_id={}", house.client_id, house.app_id);
    is(&house.call("GET", &query, &[], "").await, 400, 100, "bad request");
    let headers = [("x-chatflow-client-id", "another")];
    let body = json!({
        "client_id": house.client_id, "app_id": house.app_id, "user_key": "u", "content": "x",
    });
    let answer = house.call("POST", "/api/v1/message", &headers, body.to_string()).await;
    is(&answer, 400, 100, "bad request");
}

#[tokio::test]
async fn what_is_not_there() {
    let house = House::new().await;
    let app_id = house.add_app("bare").await;
    let headers = [
        ("x-chatflow-client-id", house.client_id.as_str()),
        ("x-chatflow-app-id", app_id.as_str()),
    ];
    let call = async |method, path: &str| {
        house.call(method, &format!("/chatflow/api/v1{path}"), &headers, "").await
    };
    is(&call("GET", "/scenario").await, 400, 202, "wrong bot url");
    for method in ["GET", "PATCH", "DELETE"] {
        is(&call(method, "/users/nobody/state").await, 400, 302, "user not found");
    }
    let answer = house.post("init", json!({"user_key": "u", "node_id": "nowhere"})).await;
    is(&answer, 404, 304, "node not found");
    is(&call("GET", "/nowhere").await, 404, 404, "not found");
    is(&call("PUT", "/message").await, 405, 405, "method not allowed");
    let answer = house.ordered("GET", "/apps/nobody", &Value::Null).await;
    is(&answer, 400, 301, "profile not found");
}

#[tokio::test]
async fn what_a_node_does_not_take() {
    let house = House::new().await;
    house.says("u", "주문").await;
    let photo = json!({"user_key": "u", "content": "https://x.example/p.jpg", "type": "photo"});
    let answer = house.post("message", photo).await;
    is(&answer, 400, 400, "unsupported media type");
    let answer =
        house.with_headers("PATCH", "/users/u/state", json!({"slot": {"menu": "맥주"}})).await;
    is(&answer, 400, 100, "bad request");
    assert_eq!(answer.json()["errors"][0]["path"], "/slot/menu");
}

#[tokio::test]
async fn too_large_and_too_often() {
    let house = House::with(&coffee(), narrow(3, 2)).await;
    let large = json!({"user_key": "u", "content": "x", "variables": {"a": "x".repeat(65_536)}});
    is(&house.post("message", large).await, 413, 101, "request too large");
    for _ in 0..3 {
        house.says("u", "주문").await;
    }
    let answer = house.post("message", json!({"user_key": "u", "content": "x"})).await;
    is(&answer, 429, 206, "too many requests");
    assert_eq!(answer.headers["retry-after"], "1");
    let wrong = json!({"client_id": "x", "app_id": "y"});
    for _ in 0..2 {
        is(&house.post_as_it_is("message", &wrong).await, 400, 201, "wrong api key");
    }
    is(&house.post_as_it_is("message", &wrong).await, 429, 206, "too many requests");
}

/// A scenario that asks a webhook at once.
fn asking(url: &str) -> Value {
    json!({
        "format": "chatflow/1", "name": "asking",
        "meta": {"entry_id": "a", "exception_id": "a"},
        "webhooks": {"w": {"url": url, "timeout_ms": 1_500}},
        "nodes": {
            "a": {"type": "intent", "message": {"text": "Ask"}, "to": "ask"},
            "ask": {"type": "webhook", "webhook": "w", "to": "a"},
        },
    })
}

#[tokio::test]
async fn webhooks_that_fail_and_turns_that_run() {
    let bot = ScriptedBot::start().await;
    let house = Arc::new(House::with(&asking(bot.url()), Limits::default()).await);
    house.says("u", "hi").await;
    bot.then(Reply::status(200).with_body("text/html", "<p>"));
    let say = async |house: &House| {
        house.post("message", json!({"user_key": "u", "content": "go"})).await
    };
    is(&say(&house).await, 503, 203, "wrong message format");
    bot.then(Reply::never());
    let slow = {
        let house = Arc::clone(&house);
        tokio::spawn(async move { say(&house).await })
    };
    bot.wait_for(2).await;
    is(&say(&house).await, 409, 205, "another turn is running");
    is(&slow.await.unwrap(), 408, 204, "request timeout");
}

#[tokio::test]
async fn a_turn_without_an_end_and_a_file_with_errors() {
    // The slot asks only while it is empty: whether a turn ends cannot be told beforehand.
    let file = json!({
        "format": "chatflow/1", "name": "loop",
        "meta": {"entry_id": "a", "exception_id": "a"},
        "slots": {"n": {"type": "number"}},
        "nodes": {
            "a": {"type": "intent", "message": {"text": "Ask"}, "to": "n"},
            "n": {"type": "slot", "slot": "n", "message": {"text": "How many?"}, "to": "again"},
            "again": {"type": "jump", "to": "n"},
        },
    });
    let house = House::new().await;
    let bad = json!({"format": "chatflow/1", "name": "x", "meta": {"entry_id": "a"}, "nodes": {}});
    let checked = house.order("PUT", "/apps/shop/draft", &bad).await;
    assert_eq!(checked["valid"], false);
    let answer = house.ordered("POST", "/apps/shop/publish", &json!({})).await;
    is(&answer, 422, 401, "invalid scenario");
    assert!(answer.json()["errors"][0]["path"].is_string());
    let checked = house.order("PUT", "/apps/shop/draft", &file).await;
    assert_eq!(checked["valid"], true, "{checked}");
    house.order("POST", "/apps/shop/publish", &json!({})).await;
    house.says("u", "hi").await;
    house.says("u", "go").await;
    let answer = house.post("message", json!({"user_key": "u", "content": "3"})).await;
    is(&answer, 503, 203, "wrong message format");
}
