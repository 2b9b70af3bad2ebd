//! Calls that are refused: route by route, and kind by kind.

use maru_testkit::call;
use serde_json::json;

use crate::house::{House, LIMITS, get, refusal, send};

/// A path of the route with these put in the place of its parameters.
fn filled(path: &str, key: &str, conversation: &str) -> String {
    path.replace("{key}", key)
        .replace("{conversation}", conversation)
        .replace("{activity}", "x")
        .replace("{member}", "u1")
        .replace("{attachment}", "x")
        .replace("{view}", "original")
        .replace("{*rest}", "x")
}

#[tokio::test]
async fn strangers_get_nothing_from_any_route() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    house.add_bot("b2", "other", json!({})).await;
    let theirs = house.begin("other", "u1").await;
    let own_key = base.trim_end_matches('/').rsplit('/').next().unwrap();
    let c = conversation.id.as_str();
    let needs_key = |path: &str| path.contains("/conversations");
    let mut with_conversation = 0;
    for route in house.routes.iter().filter(|route| route.method != "ANY" && needs_key(&route.path))
    {
        for key in ["wrong", &"A".repeat(43), "masked", &own_key.to_lowercase()] {
            let url = format!("{}{}", house.url, filled(&route.path, key, c));
            let refused = send(route.method, &url, json!({"type": "message"})).await;
            let (status, code, _) = refusal(&refused);
            assert_eq!((status, &*code), (401, "Unauthorized"), "{route}");
            assert_eq!(refused.headers["www-authenticate"], "Bearer");
        }
        if route.path.contains("{conversation}") {
            with_conversation += 1;
            // Another bot's conversation looks like none at all.
            for unknown in [theirs.id.as_str(), "none", &"x".repeat(1_000)] {
                let url = format!("{}{}", house.url, filled(&route.path, own_key, unknown));
                let refused = send(route.method, &url, json!({"type": "message"})).await;
                let told = (404, "BadArgument".to_owned(), "Unknown conversation".to_owned());
                assert_eq!(refusal(&refused), told, "{route}");
            }
        }
    }
    assert_eq!(with_conversation, 11, "each route with a conversation was tried");
    for path in ["/v3/conversations", "/v3/conversations/x/activities", "/v3/conversations/x"] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let refused = send(method, &format!("{}{path}", house.url), json!({})).await;
            assert_eq!(refusal(&refused).0, 401, "{method} {path}");
        }
    }
    assert!(house.shown(&conversation).await.is_empty() && house.shown(&theirs).await.is_empty());
}

#[tokio::test]
async fn every_route_that_takes_a_body_refuses_a_bad_one() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let at = format!("{base}v3/conversations");
    let c = format!("{at}/{}", conversation.id);
    let sent = send("POST", &format!("{c}/activities"), json!({"type": "message"})).await;
    let sent = sent.json()["id"].as_str().unwrap().to_owned();
    let deep = format!(r#"{{"type":"message","v":{}{}}}"#, "[".repeat(70), "]".repeat(70));
    let bodies: [(&[u8], u16); 7] = [
        (b"", 400),
        (b"[]", 400),
        (b"{\"type\":", 400),
        (b"{\"type\":\"a\",\"type\":\"b\"}", 400),
        (b"{\"type\":\"\xff\"}", 400),
        (b"{\"type\":\"\\ud800\"}", 400),
        (deep.as_bytes(), 400),
    ];
    for (method, url) in [
        ("POST", at.clone()),
        ("POST", format!("{c}/activities")),
        ("POST", format!("{c}/activities/{sent}")),
        ("PUT", format!("{c}/activities/{sent}")),
        ("POST", format!("{c}/activities/history")),
        ("POST", format!("{c}/attachments")),
    ] {
        for (body, status) in bodies {
            let refused = call(method, &url, &[], body.to_vec()).await;
            let (told, code, message) = refusal(&refused);
            assert_eq!(told, status, "{method} {url} {body:?}");
            assert!(!code.is_empty() && !message.is_empty());
            assert_eq!(refused.headers["content-type"], "application/json");
        }
        let refused = call(method, &url, &[], vec![b' '; 20_000]).await;
        assert_eq!(refusal(&refused).0, 413, "{method} {url}");
    }
    assert_eq!(house.shown(&conversation).await.len(), 1);
}

#[tokio::test]
async fn the_size_limit_is_exact() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let url = format!("{base}v3/conversations/{}/activities", conversation.id);
    let most = LIMITS.activity.bytes_max;
    let frame = r#"{"type":"message","text":""}"#.len();
    for (bytes, status) in [(most, 200), (most + 1, 413)] {
        let text = "x".repeat(bytes - frame);
        let body = format!(r#"{{"type":"message","text":"{text}"}}"#);
        assert_eq!(call("POST", &url, &[], body).await.status, status);
    }
}

#[tokio::test]
async fn wrong_paths_and_methods_are_told_in_the_connectors_words() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let c = format!("{base}v3/conversations/{}", conversation.id);
    for (path, status) in [
        (format!("{base}v3/nothing"), 404),
        (format!("{base}v4/conversations"), 404),
        (c.clone(), 404),
        (format!("{c}/nothing"), 404),
        (format!("{base}v3/botstate/directline/users/u1"), 410),
        (format!("{}/v3/botstate/directline/users/u1", house.url), 410),
        (format!("{base}v3/conversations/%ff/members"), 400),
    ] {
        let (told, code, _) = refusal(&get(&path).await);
        assert_eq!(told, status, "{path}");
        assert!(!code.is_empty(), "{path}");
    }
    let refused = send("PATCH", &format!("{c}/activities"), json!({})).await;
    assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), (405, "MethodNotAllowed"));
    assert_eq!(refused.headers["allow"], "POST");
}
