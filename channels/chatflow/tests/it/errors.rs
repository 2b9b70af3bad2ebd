//! Every row of the error table in this crate's README (kakao-naver-chatflow.md §4.5), over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use maru_activity::RealmId;
use maru_chatflow_channel::Limits;
use maru_hall::StateWrite;
use maru_testkit::{Answer, Reply, ScriptedBot};
use serde_json::{Value, json};

use crate::house::{House, coffee, narrow};

/// A status, a code and its text.
type Row = (u16, u64, String);

/// The rows that were given.
#[derive(Default)]
struct Seen(BTreeSet<Row>);

impl Seen {
    #[track_caller]
    fn is(&mut self, answer: &Answer, status: u16, code: u64, message: &str) {
        let body = answer.json();
        assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
        let text = body["message"].as_str().unwrap_or_default().to_owned();
        let row = (answer.status, body["code"].as_u64().unwrap_or_default(), text);
        assert_eq!(row, (status, code, message.to_owned()), "{}", answer.text());
        self.0.insert(row);
    }
}

/// The rows of the table.
fn documented() -> BTreeSet<Row> {
    let readme = include_str!("../../README.md");
    let section = readme.split("\n## Errors\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.unwrap().lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, status, code, message, ..] = cells[..] else { return None };
        Some((status.parse().ok()?, code.parse().ok()?, message.to_owned()))
    });
    rows.collect()
}

#[tokio::test]
async fn every_row_of_the_table_is_given_over_http_and_no_other() {
    let seen: [Seen; 10] = tokio::join!(
        malformed_calls(),
        wrong_secrets_tell_nothing(),
        what_is_not_there(),
        what_a_node_does_not_take(),
        too_large_and_too_often(),
        webhooks_that_fail_and_turns_that_run(),
        turns_without_an_end(),
        what_operators_are_refused(),
        what_is_damaged(),
        a_store_that_somebody_else_holds(),
    )
    .into();
    let seen: BTreeSet<Row> = seen.into_iter().flat_map(|seen| seen.0).collect();
    assert_eq!(seen, documented());
}

async fn malformed_calls() -> Seen {
    let mut seen = Seen::default();
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
        seen.is(&house.post("message", fields).await, 400, 100, "bad request");
    }
    let most = house.post("message", json!({"user_key": "u", "content": "x".repeat(4_000)})).await;
    assert_eq!(most.status, 200);
    for body in ["{", "[]", "\"x\"", ""] {
        let answer = house.call("POST", "/api/v1/message", &[], body).await;
        seen.is(&answer, 400, 100, "bad request");
    }
    let answer = house.post("message", json!({"user_key": "u", "content": "x", "type": "sticker"}));
    seen.is(&answer.await, 400, 400, "unsupported media type");
    seen
}

async fn wrong_secrets_tell_nothing() -> Seen {
    let mut seen = Seen::default();
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
        seen.is(&answer, 400, 201, "wrong api key");
        told.push(answer.text());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "which of both was wrong is not told: {told:?}");
    // Never in the address; and not two of them.
    let query = format!("/api/v1/scenario?client_id={}&app_id={}", house.client_id, house.app_id);
    seen.is(&house.call("GET", &query, &[], "").await, 400, 100, "bad request");
    let headers = [("x-chatflow-client-id", "another")];
    let body = json!({
        "client_id": house.client_id, "app_id": house.app_id, "user_key": "u", "content": "x",
    });
    let answer = house.call("POST", "/api/v1/message", &headers, body.to_string()).await;
    seen.is(&answer, 400, 100, "bad request");
    seen
}

async fn what_is_not_there() -> Seen {
    let mut seen = Seen::default();
    let house = House::new().await;
    let app_id = house.add_app("bare").await;
    let headers = [
        ("x-chatflow-client-id", house.client_id.as_str()),
        ("x-chatflow-app-id", app_id.as_str()),
    ];
    let call = async |method, path: &str| {
        house.call(method, &format!("/chatflow/api/v1{path}"), &headers, "").await
    };
    seen.is(&call("GET", "/scenario").await, 400, 202, "wrong bot url");
    for method in ["GET", "PATCH", "DELETE"] {
        seen.is(&call(method, "/users/nobody/state").await, 400, 302, "user not found");
    }
    let answer = house.post("init", json!({"user_key": "u", "node_id": "nowhere"})).await;
    seen.is(&answer, 404, 304, "node not found");
    seen.is(&call("GET", "/nowhere").await, 404, 404, "not found");
    seen.is(&call("PUT", "/message").await, 405, 405, "method not allowed");
    seen
}

async fn what_a_node_does_not_take() -> Seen {
    let mut seen = Seen::default();
    let house = House::new().await;
    house.says("u", "주문").await;
    let photo = json!({"user_key": "u", "content": "https://x.example/p.jpg", "type": "photo"});
    let answer = house.post("message", photo).await;
    seen.is(&answer, 400, 400, "unsupported media type");
    let answer =
        house.with_headers("PATCH", "/users/u/state", json!({"slot": {"menu": "맥주"}})).await;
    seen.is(&answer, 400, 100, "bad request");
    assert_eq!(answer.json()["errors"][0]["path"], "/slot/menu");
    seen
}

async fn too_large_and_too_often() -> Seen {
    let mut seen = Seen::default();
    let house = House::with(&coffee(), narrow(3, 2)).await;
    let large = json!({"user_key": "u", "content": "x", "variables": {"a": "x".repeat(65_536)}});
    seen.is(&house.post("message", large).await, 413, 101, "request too large");
    for _ in 0..3 {
        house.says("u", "주문").await;
    }
    let answer = house.post("message", json!({"user_key": "u", "content": "x"})).await;
    seen.is(&answer, 429, 206, "too many requests");
    assert_eq!(answer.headers["retry-after"], "1");
    let wrong = json!({"client_id": "x", "app_id": "y"});
    for _ in 0..2 {
        seen.is(&house.post_as_it_is("message", &wrong).await, 400, 201, "wrong api key");
    }
    seen.is(&house.post_as_it_is("message", &wrong).await, 429, 206, "too many requests");
    seen
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

async fn webhooks_that_fail_and_turns_that_run() -> Seen {
    let mut seen = Seen::default();
    let bot = ScriptedBot::start().await;
    let house = Arc::new(House::with(&asking(bot.url()), Limits::default()).await);
    house.says("u", "hi").await;
    bot.then(Reply::status(200).with_body("text/html", "<p>"));
    let say = async |house: &House| {
        house.post("message", json!({"user_key": "u", "content": "go"})).await
    };
    seen.is(&say(&house).await, 503, 203, "wrong message format");
    bot.then(Reply::never());
    let slow = {
        let house = Arc::clone(&house);
        tokio::spawn(async move { say(&house).await })
    };
    bot.wait_for(2).await;
    seen.is(&say(&house).await, 409, 205, "another turn is running");
    seen.is(&slow.await.unwrap(), 408, 204, "request timeout");
    seen
}

async fn turns_without_an_end() -> Seen {
    let mut seen = Seen::default();
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
    let house = House::with(&file, Limits::default()).await;
    house.says("u", "hi").await;
    house.says("u", "go").await;
    let answer = house.post("message", json!({"user_key": "u", "content": "3"})).await;
    seen.is(&answer, 503, 203, "wrong message format");
    seen
}

async fn what_operators_are_refused() -> Seen {
    let mut seen = Seen::default();
    let house = House::new().await;
    let answer = house.ordered("GET", "/apps/nobody", &Value::Null).await;
    seen.is(&answer, 400, 301, "profile not found");
    let bad = json!({"format": "chatflow/1", "name": "x", "meta": {"entry_id": "a"}, "nodes": {}});
    let checked = house.order("PUT", "/apps/shop/draft", &bad).await;
    assert_eq!(checked["valid"], false);
    let answer = house.ordered("POST", "/apps/shop/publish", &json!({})).await;
    seen.is(&answer, 422, 401, "invalid scenario");
    assert!(answer.json()["errors"][0]["path"].is_string());
    let client = format!("/clients/{}", house.client);
    let answer = house.ordered("DELETE", &client, &Value::Null).await;
    seen.is(&answer, 409, 207, "changed meanwhile");
    seen
}

/// What stands in the store cannot be read: a user's place, then the version itself.
async fn what_is_damaged() -> Seen {
    let mut seen = Seen::default();
    let mut house = House::new().await;
    house.says("u", "주문").await;
    let realm = RealmId::from("default");
    let id = house.hall.state(&realm, "chatflow/handle", "shop").await.unwrap().unwrap().value;
    let id = std::str::from_utf8(&id).unwrap();
    let users = format!("chatflow/user/{id}");
    let place = house.hall.states(&realm, &users, None, 1).await.unwrap().items.remove(0).key;
    let damage = async |house: &House, scope: &str, key: &str| {
        let write = StateWrite::put(scope, key, r#"{"v":1,"node":"비밀"}"#);
        house.hall.write(&realm, vec![write], Vec::new()).await.unwrap();
    };
    damage(&house, &users, &place).await;
    let say = async |house: &House| {
        house.post("message", json!({"user_key": "u", "content": "라떼"})).await
    };
    let damaged = [
        say(&house).await,
        house.post("init", json!({"user_key": "u"})).await,
        house.post("resume", json!({"user_key": "u"})).await,
        house.with_headers("GET", "/users/u/state", Value::Null).await,
        house.with_headers("PATCH", "/users/u/state", json!({"slot": {}})).await,
    ];
    for answer in damaged {
        seen.is(&answer, 500, 500, "internal error");
        assert_eq!(answer.json(), json!({"code": 500, "message": "internal error"}));
        assert!(answer.headers.contains_key("x-request-id"));
    }
    house.says("v", "주문").await;
    let numbers = house.order("GET", "/apps/shop/numbers", &Value::Null).await;
    assert_eq!(numbers["failures"], 3, "each turn counts on the way to an alert: {numbers}");
    let kept = house.hall.state(&realm, &users, &place).await.unwrap().unwrap();
    assert!(kept.value.ends_with("비밀\"}".as_bytes()), "it can be mended");
    let forgotten = house.with_headers("DELETE", "/users/u/state", Value::Null).await;
    assert_eq!(forgotten.status, 200);
    assert_eq!(house.says("u", "안녕").await["session"]["restarted"], "new");

    damage(&house, "chatflow/version", &format!("{id}/{:010}", 1)).await;
    house.serve(Limits::default()).await;
    seen.is(&say(&house).await, 503, 203, "wrong message format");
    seen
}

/// Another process writes, and goes on for longer than anybody waits.
async fn a_store_that_somebody_else_holds() -> Seen {
    let mut seen = Seen::default();
    let house = House::new().await;
    house.says("u", "주문").await;
    let say = async || {
        let said = json!({"user_key": "u", "content": "라떼", "message_id": "m1"});
        house.post("message", said).await
    };
    let database = house.folder().join(maru_store_sqlite::FILE);
    let holder = rusqlite::Connection::open(database).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    seen.is(&say().await, 503, 503, "try again later");
    let state = house.with_headers("GET", "/users/u/state", Value::Null).await.json();
    assert_eq!((&state["id"], &state["session"]["turn"]), (&json!("ask_menu"), &json!(1)));
    holder.execute_batch("ROLLBACK").unwrap();
    let answered = say().await;
    assert_eq!((answered.status, &answered.json()["session"]["turn"]), (200, &json!(2)));
    assert_eq!(say().await.body, answered.body);
    seen
}
