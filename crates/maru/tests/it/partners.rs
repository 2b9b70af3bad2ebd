//! A Plus Friend partner server behind the program: tested, talked to, reported on.

use axum::routing::{delete, get, post};
use axum::{Json, Router};
use maru_testkit::{TestServer, eventually};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::MARU;

/// A partner as they were written in 2017, with a mistake that many made: the button beside the message.
async fn partner() -> String {
    let message = async |Json(said): Json<Value>| {
        let text = format!("{}라고 하셨군요", said["content"].as_str().unwrap_or("?"));
        Json(json!({
            "message": { "text": text },
            "message_button": { "label": "더 보기", "url": "http://example.org/" },
            "keyboard": { "type": "buttons", "buttons": ["예", "아니요"] },
        }))
    };
    let router = Router::new()
        .route("/keyboard", get(async || Json(json!({ "type": "buttons", "buttons": ["시작"] }))))
        .route("/message", post(message))
        .route("/friend", post(async || ()))
        .route("/friend/{user_key}", delete(async || ()))
        .route("/chat_room/{user_key}", delete(async || ()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test]
async fn a_partner_is_tested_talked_to_and_reported_on() {
    let server = TestServer::start(MARU).await;
    let url = format!("url={}", partner().await);
    let add = ["bot", "add", "lunch", "--kind", "plus-friend", "--set", &url];
    server.json(&add).await;
    let tested = server.json(&["bot", "test", "lunch"]).await;
    assert_eq!(tested["code"], 0, "{tested}");
    assert_eq!(tested["result"]["keyboard"]["status"], 200, "{tested}");

    let site = ["channel", "add", "web-lunch", "--kind", "direct-line", "--bot", "lunch"];
    let site = server.json(&site).await;
    let secret = site["secrets"][0].as_str().unwrap().to_owned();
    let body = r#"{"user":{"id":"ann"}}"#;
    let begun = server.direct_line(&secret, "POST", "/conversations", body).await.json();
    let path = format!("/conversations/{}/activities", begun["conversationId"].as_str().unwrap());
    let said = r#"{"type":"message","from":{"id":"ann"},"text":"점심"}"#;
    server.direct_line(&secret, "POST", &path, said).await;
    let answer = eventually("the partner's answer", async || {
        let page = server.direct_line(&secret, "GET", &path, "").await.json();
        let mut told = page["activities"].as_array()?.iter();
        told.rfind(|activity| activity.to_string().contains("점심라고")).cloned()
    });
    let answer = answer.await.to_string();
    for shown in ["예", "아니요", "더 보기", "http://example.org/"] {
        assert!(answer.contains(shown), "{shown}: {answer}");
    }

    let told = server.json(&["bot", "reports", "lunch"]).await;
    assert_eq!(told["reports"][0]["call"], "message", "what was put right is told: {told}");
    let restarted = server.json(&["bot", "restart", "lunch"]).await;
    assert_eq!(restarted["restarted"], false, "it was not stopped");
    for verb in ["test", "reports", "restart"] {
        let other = server.run(&["bot", verb, "echo"], "").await;
        assert_eq!(other.status.code(), Some(2), "{verb}");
        let nobody = server.run(&["bot", verb, "nobody"], "").await;
        assert_eq!(nobody.status.code(), Some(3), "{verb}");
    }
    let erase = ["erase", "--channel", "web-lunch", "--user", "ann", "--yes"];
    assert!(server.json(&erase).await["entries"].as_u64() > Some(0));
}
