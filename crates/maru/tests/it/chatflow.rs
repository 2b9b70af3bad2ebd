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

#[tokio::test]
async fn an_app_in_a_file_is_published_once_and_again_when_its_scenario_changes() {
    let server = TestServer::start(MARU).await;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios");
    let coffee = std::fs::read_to_string(examples.join("coffee.en.json")).unwrap();
    let scenario = server.folder().join("coffee.json");
    let records = server.folder().join("records.toml");
    std::fs::write(&scenario, &coffee).unwrap();
    let text = "[[app]]\nhandle = 'coffee'\nname = 'Coffee'\nclient = 'A shop'\nprivacy_consent = true\n\
                monitor_phone = '010-1234-5678'\nscenario = 'coffee.json'\n\
                [[bot]]\nname = 'barista'\nkind = 'chatflow'\nset = { app = 'coffee' }\n";
    let apply = async |text: &str| {
        std::fs::write(&records, text).unwrap();
        server.run(&["apply", "-f", records.to_str().unwrap(), "--json"], "").await
    };
    let lines = async |text: &str| -> Vec<Value> {
        let output = apply(text).await;
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["applied"].as_array().unwrap().clone()
    };
    let changes = |lines: &[Value]| -> Vec<String> {
        lines.iter().map(|line| line["change"].as_str().unwrap().to_owned()).collect()
    };
    let live = async || server.json(&["chatflow", "show", "coffee"]).await["live"].clone();

    let first = lines(text).await;
    assert_eq!(changes(&first), ["created"; 3], "the client, the app and the bot");
    assert!(first[0]["secrets"][0].is_string() && first[1]["secrets"][0].is_string());
    assert_eq!(live().await, 1);
    let again = lines(text).await;
    assert_eq!(changes(&again), ["unchanged"; 2]);
    assert_eq!((live().await, &again[0]["secrets"]), (json!(1), &Value::Null));
    std::fs::write(&scenario, coffee.replace("How many cups?", "And how many cups?")).unwrap();
    assert_eq!(changes(&lines(text).await), ["changed", "unchanged"]);
    assert_eq!(live().await, 2);
    assert_eq!(changes(&lines(&text.replace("5678", "9999")).await), ["changed", "unchanged"]);
    assert_eq!(live().await, 2);

    std::fs::write(&scenario, coffee.replace("\"to\": \"price\"", "\"to\": \"nowhere\"")).unwrap();
    for (wrong, says) in [
        (text.to_owned(), "/nodes/ask_qty/to"),
        (text.replace("coffee.json", "tea.json"), "tea.json"),
        (text.replace("'coffee'\nname", "'other'\nname").replace("true", "false"), "consent"),
    ] {
        let output = apply(&wrong).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(says), "{says}: {told}");
    }
    assert_eq!(live().await, 2, "what is wrong is not published");
}

#[tokio::test]
async fn an_app_and_a_client_are_removed_when_nothing_uses_them() {
    let server = TestServer::start(MARU).await;
    let client = server.json(&["chatflow", "sign-up", "A shop"]).await;
    let id = client["id"].as_str().unwrap();
    let add = ["chatflow", "add", "Tea", "--client", id, "--monitor-phone", "010-1234-5678"];
    let app = server.json(&[&add[..], &["--handle", "tea", "--privacy-consent"]].concat()).await;
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios/coffee.en.json");
    server.json(&["chatflow", "draft", "tea", file.to_str().unwrap()]).await;
    server.json(&["chatflow", "publish", "tea"]).await;
    server.json(&["bot", "add", "host", "--kind", "chatflow", "--set", "app=tea"]).await;
    let say = async || {
        let body = json!({
            "client_id": client["client_id"], "app_id": app["app_id"], "user_key": "u1",
            "content": "order",
        });
        let url = format!("{}/chatflow/api/v1/message", server.url());
        let headers = [("content-type", "application/json")];
        let answer = call("POST", &url, &headers, body.to_string()).await;
        (answer.status, answer.json()["code"].clone())
    };
    assert_eq!(say().await, (200, Value::Null));

    let code = async |verb: &[&str]| {
        let output = server.run(&[&["chatflow", "remove"], verb].concat(), "").await;
        output.status.code()
    };
    assert_eq!(code(&["tea"]).await, Some(2), "it cannot be undone");
    assert_eq!(code(&["nothing", "--yes"]).await, Some(3));
    let (used, conflict) = (&["tea", "--yes"], Some(5));
    assert_eq!(code(used).await, conflict, "a bot uses it");
    assert_eq!(code(&[id, "--client", "--yes"]).await, conflict, "it has an app");
    assert_eq!(say().await, (200, Value::Null));
    server.json(&["bot", "remove", "host"]).await;
    let removed = server.json(&["chatflow", "remove", "tea", "--yes"]).await;
    assert_eq!(removed, json!({"removed": "tea", "users": 1}));
    assert_eq!(say().await, (400, json!(201)));
    let removed = server.json(&["chatflow", "remove", id, "--client", "--yes"]).await;
    assert_eq!(removed["removed"], id);
}
