//! A scenario from its file to its users: by the command line, the REST API, and as a bot.

use std::path::Path;

use maru_testkit::{TestServer, call, eventually};
use serde_json::{Value, json};

use crate::MARU;

#[tokio::test]
async fn a_scenario_is_published_asked_by_the_api_and_answers_as_a_bot() {
    let mut server = TestServer::start(MARU).await;
    let client = server.json(&["chatflow", "sign-up", "A shop"]).await;
    let id = client["id"].as_str().unwrap();
    let add = ["chatflow", "add", "Coffee", "--client", id, "--monitor-phone", "010-1234-5678"];
    let add = [&add[..], &["--handle", "coffee"]].concat();
    let refused = server.run(&add, "").await;
    assert_eq!(refused.status.code(), Some(2), "without consent there is no app");
    let app = server.json(&[&add[..], &["--privacy-consent"]].concat()).await;
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios/coffee.en.json");
    let draft = ["chatflow", "draft", "coffee", file.to_str().unwrap()];
    assert_eq!(server.json(&draft).await["valid"], true);
    let tried = server.json(&["chatflow", "try", "coffee", "order"]).await;
    assert!(tried["trace"].is_array(), "{tried}");
    assert_eq!(server.json(&["chatflow", "publish", "coffee"]).await["version"], 1);

    // By the REST API, over a restart: the user's place is kept.
    let (client_id, app_id) = (&client["client_id"], &app["app_id"]);
    let say = async |server: &TestServer, content: &str| -> Value {
        let body = json!({
            "client_id": client_id, "app_id": app_id, "user_key": "u1", "type": "text",
            "content": content,
        });
        let url = format!("{}/chatflow/api/v1/message", server.url());
        let headers = [("content-type", "application/json")];
        let answer = call("POST", &url, &headers, body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let first = say(&server, "order").await;
    let keys: Vec<&str> = ["id", "action", "message", "keyboard", "slot"].to_vec();
    assert!(keys.iter().all(|key| first.get(*key).is_some()), "{first}");
    let place = first["id"].clone();
    server.stop().await;
    server.up().await;
    let second = say(&server, "1").await;
    assert_ne!(second["id"], place, "the answer was taken where the user was: {second}");
    assert_eq!(second["session"]["restarted"], Value::Null, "{second}");

    // As a bot, with a place of its own for each conversation.
    let bot = ["bot", "add", "barista", "--kind", "chatflow", "--set", "app=coffee"];
    server.json(&bot).await;
    let site = ["channel", "add", "cafe", "--kind", "direct-line", "--bot", "barista"];
    let site = server.json(&site).await;
    let secret = site["secrets"][0].as_str().unwrap().to_owned();
    let begun = server.direct_line(&secret, "POST", "/conversations", r#"{"user":{"id":"ann"}}"#);
    let begun = begun.await.json();
    let path = format!("/conversations/{}/activities", begun["conversationId"].as_str().unwrap());
    let greeting = eventually("the entry node's message", async || {
        let page = server.direct_line(&secret, "GET", &path, "").await.json();
        page["activities"].as_array()?.first().cloned()
    });
    let choices = greeting.await["suggestedActions"]["actions"].clone();
    assert!(choices.as_array().is_some_and(|choices| !choices.is_empty()), "{choices}");
}
