//! Calls that are refused: route by route, and kind by kind, in Kore's words.

use maru_testkit::{Answer, call};
use serde_json::{Value, json};

use crate::house::{BOT_ID, House, LIMITS};
use crate::server::{API_KEY, auth};

/// The status, the code and the message of a refusal, which is always in Kore's form.
fn refusal(answer: &Answer) -> (u16, Value, String) {
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    (answer.status, errors[0]["code"].clone(), errors[0]["msg"].as_str().unwrap().to_owned())
}

async fn send(method: &str, url: &str, token: &str, body: impl Into<Vec<u8>>) -> Answer {
    let headers = [("auth", token), ("content-type", "application/json")];
    call(method, url, &headers, body.into()).await
}

/// The URLs of all routes that need a token, for this bot and this request.
fn urls(house: &House, bot: &str, request: &str) -> Vec<(&'static str, String)> {
    let needs_token =
        house.routes.iter().filter(|route| route.method != "ANY" && route.path.contains("{bot}"));
    let filled = needs_token.map(|route| {
        let path = route.path.replace("{bot}", bot).replace("{request}", request);
        (route.method, format!("{}{path}?userId=u-{request}", house.url))
    });
    filled.collect()
}

async fn talk(settings: Value) -> (House, String) {
    let house = House::silent(settings).await;
    let conversation = house.begin().await;
    house.says(&conversation, "Hi").await;
    let told = house.server.wait_for("on_user_message", 1).await;
    let request = told.body["requestId"].as_str().unwrap().to_owned();
    (house, request)
}

#[tokio::test]
async fn strangers_get_nothing_from_any_route() {
    let (house, request) = talk(json!({})).await;
    let good = auth(API_KEY);
    let (message, _) = good.rsplit_once('.').unwrap();
    for (method, url) in urls(&house, BOT_ID, &request) {
        for token in ["", "x", "a.b.c", &format!("{message}."), &auth("another key"), API_KEY] {
            let refused = send(method, &url, token, "{}").await;
            let told = (401, json!(4002), "Invalid token".to_owned());
            assert_eq!(refusal(&refused), told, "{method} {url}");
        }
        let refused = call(method, &url, &[], "{}").await;
        assert_eq!(refusal(&refused).0, 401, "without a token: {url}");
    }
    for unknown in ["st-0954eedb-889c-5491-9f92-f5671760c942", "st-1", "%ff", "kit"] {
        for (method, url) in urls(&house, unknown, &request) {
            let refused = refusal(&send(method, &url, &good, "{}").await);
            assert!(matches!(refused.0, 400 | 401), "{method} {url}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn anothers_conversation_looks_like_none() {
    let (house, _) = talk(json!({})).await;
    house.add_channel("other", "echo").await;
    let theirs = house.begin_as("other", "directline").await;
    let token = auth(API_KEY);
    let requests = [
        format!("{}.0000000", theirs.id),
        "none.0000000".to_owned(),
        "x".to_owned(),
        "x".repeat(900),
    ];
    for request in &requests {
        for (method, url) in urls(&house, BOT_ID, request) {
            let refused = send(method, &url, &token, "{}").await;
            if url.contains("getBotVariable") {
                assert_eq!(refused.status, 200, "it is about no conversation");
                continue;
            }
            let told = (404, json!(404), "Unknown request".to_owned());
            assert_eq!(refusal(&refused), told, "{method} {url}");
        }
    }
    assert!(house.shown(&theirs).await.len() <= 1, "the echo bot's greeting");
}

#[tokio::test]
async fn every_route_that_takes_a_body_refuses_a_bad_one() {
    let (house, request) = talk(json!({"agent_transfer": "botkit"})).await;
    let token = auth(API_KEY);
    let deep = format!(r#"{{"message":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let bad: [&[u8]; 7] = [
        b"",
        b"[]",
        b"7",
        b"{\"message\":",
        b"{\"message\":\"\xff\"}",
        b"{\"message\":\"\\ud800\"}",
        deep.as_bytes(),
    ];
    for (method, url) in urls(&house, BOT_ID, &request) {
        if method == "GET" {
            continue;
        }
        for body in bad {
            let refused = refusal(&send(method, &url, &token, body).await);
            assert_eq!((refused.0, refused.1), (400, json!(400)), "{url} {body:?}");
        }
        let much = vec![b' '; LIMITS.call_bytes_max + 1];
        assert_eq!(refusal(&send(method, &url, &token, much).await).0, 413, "{url}");
    }
    let conversation = request.split_once('.').unwrap().0.into();
    let conversation = house.hall.conversation(&crate::house::realm(), &conversation).await;
    assert_eq!(house.shown(&conversation.unwrap().unwrap()).await.len(), 1);
}

#[tokio::test]
async fn what_is_too_large_to_be_said_is_not_said_in_part() {
    let (house, request) = talk(json!({})).await;
    let token = auth(API_KEY);
    let url = format!("{}/api/botsdk/stream/{BOT_ID}/sendUserMessage/{request}", house.url);
    let long = "x".repeat(LIMITS.activity_bytes_max);
    let template = json!({"type": "template", "payload": {"template_type": "x", "blob": long}});
    for message in [json!(["fine", long]), template] {
        let body = json!({"message": message}).to_string();
        assert_eq!(refusal(&send("POST", &url, &token, body).await).0, 413);
    }
    let id = request.split_once('.').unwrap().0.into();
    let conversation = house.hall.conversation(&crate::house::realm(), &id).await.unwrap().unwrap();
    assert_eq!(house.texts(&conversation).await, ["Hi"]);
}

#[tokio::test]
async fn wrong_paths_methods_and_windows_are_told_in_kores_words() {
    let (house, request) = talk(json!({})).await;
    let token = auth(API_KEY);
    let base = format!("{}/api/botsdk/stream/{BOT_ID}", house.url);
    let user = format!("u-{}", request.split_once('.').unwrap().0);
    for (method, path, status) in [
        ("POST", "/sendAlertMessage/x".to_owned(), 404),
        ("GET", "/nothing".to_owned(), 404),
        ("GET", format!("/sendUserMessage/{request}"), 405),
        ("POST", "/getMessages".to_owned(), 405),
        ("GET", "/getMessages".to_owned(), 404),
        ("GET", format!("/getMessages?skip=-1&userId={user}"), 400),
        ("GET", format!("/getMessages?skip=2001&userId={user}"), 400),
        ("GET", format!("/getMessages?skip=2000&userId={user}"), 200),
        ("POST", format!("/sendFeedbackMessage/{request}"), 400),
    ] {
        let answer = send(method, &format!("{base}{path}"), &token, "{}").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        if status != 200 {
            refusal(&answer);
        }
    }
    let file = call("GET", &format!("{}/api/botsdk/files/x", house.url), &[], "").await;
    assert_eq!(refusal(&file).0, 404);
}
