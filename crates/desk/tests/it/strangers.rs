//! People who may not, pages of other origins, and frames that are not what they should be.

use maru_accounts::{FAILURES_PER_LOGIN, PersonChange};
use serde_json::{Value, json};

use crate::office::{Office, PASSWORD};

fn text(message: &str) -> Value {
    json!({ "type": "text", "message": message })
}

fn mid(n: usize) -> String {
    format!("mid-0123456789ab-{n:04}")
}

/// Every request about a chat, with a body that is right.
fn about_a_chat() -> Vec<(&'static str, Value)> {
    vec![
        ("accept", json!({ "epoch": 1 })),
        ("reject", json!({ "epoch": 1 })),
        ("take", json!({})),
        ("msg", json!({ "mid": mid(1), "content": text("not mine") })),
        ("msg", json!({ "mid": mid(2), "content": text("not mine"), "send": "CUSTOMER" })),
        ("note", json!({ "mid": mid(3), "content": text("not mine") })),
        ("hold", json!({ "on": true })),
        ("transfer", json!({ "to": "3002" })),
        ("close", json!({ "comment": "not mine", "codes": ["x"] })),
        ("wrapup.done", json!({})),
        ("hist", json!({ "before": 99, "n": 99 })),
    ]
}

/// Those that nothing answers.
fn unanswered() -> [(&'static str, Value); 2] {
    [("typing", json!({ "on": true })), ("read", json!({ "upto": 3 }))]
}

#[tokio::test]
async fn whoever_a_chat_is_not_given_to_can_do_nothing_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut hana = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let offer = hana.chat("offered").await;
    let call = offer["c"].as_str().unwrap().to_owned();
    let mut tried = 0;
    let named = [
        call.clone(),
        call.to_lowercase(),
        format!("{call} "),
        format!("../{call}"),
        "x".repeat(128),
    ];
    // While it is offered to somebody, while they have it, and when it is over.
    for phase in ["offered", "mine", "ended"] {
        match phase {
            "mine" => {
                hana.ok("accept", Some(&call), json!({ "epoch": offer["epoch"] })).await;
            }
            "ended" => {
                hana.ok("close", Some(&call), json!({})).await;
                hana.ok("wrapup.done", Some(&call), json!({})).await;
            }
            _ => {}
        }
        // A page of their own for each, since a page may send only so many frames at once.
        let (mut duri, _) = office.page("duri").await;
        let before = office.scene.log(&conversation).await;
        for named in &named {
            for (t, d) in about_a_chat() {
                tried += 1;
                let code = duri.refused(t, Some(named), d).await;
                assert!(["no_such_chat", "expired"].contains(&&*code), "{phase} {t}: {code}");
            }
            for (t, d) in unanswered() {
                duri.send(t, "unanswered", Some(named), d).await;
            }
        }
        assert_eq!(office.scene.log(&conversation).await, before, "{phase}");
    }
    assert_eq!(tried, 165);
}

#[tokio::test]
async fn an_agent_may_not_do_what_their_part_in_a_chat_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut hana = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let offer = hana.chat("offered").await;
    let call = offer["c"].as_str().unwrap().to_owned();
    let before = office.scene.log(&conversation).await;
    // Whoever is asked has not answered yet, and may not speak to the customer.
    for (t, d) in about_a_chat() {
        if matches!(t, "accept" | "reject" | "hist") {
            continue;
        }
        let code = hana.refused(t, Some(&call), d).await;
        assert!(["not_in_call", "expired", "no_such_chat"].contains(&&*code), "{t}: {code}");
    }
    assert_eq!(office.scene.log(&conversation).await, before);
    // Whoever said no has no part in it any more.
    hana.ok("reject", Some(&call), json!({ "epoch": offer["epoch"] })).await;
    for (t, d) in about_a_chat() {
        let code = hana.refused(t, Some(&call), d).await;
        assert!(["no_such_chat", "expired"].contains(&&*code), "{t}: {code}");
    }
}

#[tokio::test]
async fn whoever_may_not_any_more_does_nothing_by_what_they_had() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let (realm, people) = (&office.scene.realm, &office.people);
    for (n, way) in
        ["signed out", "disabled", "removed", "other roles", "no number"].iter().enumerate()
    {
        let name = format!("agent{n}");
        let dn = if n == 0 { "3001".to_owned() } else { format!("31{n:02}") };
        if n > 0 {
            let record = json!({ "kind": "agent", "dn": dn, "name": name });
            office.scene.put(record).await.unwrap();
        }
        office.add(&name, Some(&dn)).await;
        let mut page = office.ready(&name).await;
        let conversation = office.scene.call(&dn).await;
        let offer = page.chat("offered").await;
        let call = offer["c"].as_str().unwrap();
        page.ok("accept", Some(call), json!({ "epoch": offer["epoch"] })).await;
        let cookie = office.sign_in(&name).await;
        let before = office.scene.log(&conversation).await;
        let change = match *way {
            "signed out" => {
                office.people.sign_out_everywhere(realm, &name).await.unwrap();
                None
            }
            "removed" => {
                people.remove(realm, &name).await.unwrap();
                None
            }
            "disabled" => Some(PersonChange { disabled: Some(true), ..PersonChange::default() }),
            "other roles" => {
                Some(PersonChange { roles: Some([].into()), ..PersonChange::default() })
            }
            _ => Some(PersonChange { dn: Some(None), ..PersonChange::default() }),
        };
        if let Some(change) = change {
            people.change(realm, &name, &change).await.unwrap();
        }
        // Whatever was under way when it was told counts for nothing: the socket ends.
        let code = page.closed().await;
        assert!([4401, 4403].contains(&code), "{way}: {code}");
        for (t, status) in [("upload", [401, 403]), ("socket", [401, 403])] {
            let got = if t == "upload" {
                let path = format!("/agent/api/upload?c={call}");
                office.call("POST", &path, Some(&cookie), &json!({})).await.status
            } else {
                let origin = office.origin();
                let headers = [
                    ("sec-websocket-protocol", "nxdesk.v1"),
                    ("origin", &*origin),
                    ("cookie", &cookie),
                ];
                office.try_open(&headers).await.err().unwrap_or_default().0
            };
            assert!(status.contains(&got), "{way} {t}: {got}");
        }
        assert_eq!(office.scene.log(&conversation).await, before, "{way}");
    }
}

#[tokio::test]
async fn whoever_is_locked_out_is_not_let_in_by_the_right_password_and_stays_in_by_their_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let cookie = office.sign_in("hana").await;
    let sign_in = async |password: &str| {
        let body = json!({ "name": "hana", "password": password });
        office.call("POST", "/agent/api/session", None, &body).await
    };
    for _ in 0..FAILURES_PER_LOGIN {
        assert_eq!(sign_in("wrong password").await.status, 401);
    }
    for password in [PASSWORD, "wrong password"] {
        let locked = sign_in(password).await;
        assert_eq!((locked.status, &locked.json()["error"]["code"]), (429, &json!("locked")));
        assert!(
            locked.headers.contains_key("retry-after")
                && !locked.headers.contains_key("set-cookie")
        );
    }
    // Nobody can throw an agent out of their work by guessing.
    let shown = office.call("GET", "/agent/api/session", Some(&cookie), &Value::Null).await;
    assert_eq!(shown.status, 200);
    let mut page = office.open_socket(&cookie).await;
    assert_eq!(page.ask("hello", None, json!({})).await["t"], "snapshot");
}

#[tokio::test]
async fn no_other_origin_changes_anything_by_an_agents_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let cookie = office.sign_in("hana").await;
    let (own, port) = (office.origin(), office.at.port());
    let foreign = [
        "https://evil.example".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        "http://127.0.0.1".to_owned(),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://127.0.0.1:{port}@evil.example"),
        format!("http://evil.example/{own}"),
        format!("{own}/"),
        format!("{own} https://evil.example"),
        format!("ws://127.0.0.1:{port}"),
        "null".to_owned(),
        String::new(),
    ];
    let session = json!({ "name": "hana", "password": PASSWORD }).to_string();
    let passwords = json!({ "old": PASSWORD, "new": "another good one" }).to_string();
    let routes = [
        ("POST", "/agent/api/session", session),
        ("DELETE", "/agent/api/session", String::new()),
        ("DELETE", "/agent/api/session?everywhere=true", String::new()),
        ("POST", "/agent/api/password", passwords),
        ("POST", "/agent/api/upload?c=x", String::new()),
    ];
    for origin in &foreign {
        for (method, path, body) in &routes {
            let url = format!("{own}{path}");
            let headers =
                [("origin", origin.as_str()), ("cookie", &cookie), ("content-type", "text/plain")];
            let answer = maru_testkit::call(method, &url, &headers, body.clone()).await;
            assert_eq!(answer.status, 403, "{origin:?} {method} {path}");
            assert!(!answer.headers.contains_key("set-cookie"));
            // No page of another origin may read what is answered, either.
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
        let headers =
            [("sec-websocket-protocol", "nxdesk.v1"), ("origin", origin), ("cookie", &*cookie)];
        let refused = office.try_open(&headers).await;
        assert_eq!(refused.err().map(|(status, _)| status), Some(403), "{origin:?}");
    }
    let shown = office.call("GET", "/agent/api/session", Some(&cookie), &Value::Null).await;
    assert_eq!(shown.status, 200, "the agent is signed in as before");
}

#[tokio::test]
async fn no_frame_is_too_deep_too_torn_or_too_long() {
    const MOST: usize = 64 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let cookie = office.sign_in("hana").await;
    let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(1_000), "}".repeat(1_000));
    for body in [&*deep, &deep_object, r#"{"x":"\ud800"}"#, r#"{"\udfff":1}"#, "[]", "1e999"] {
        for t in ["hello", "msg", "typing", "close"] {
            let mut page = office.open_socket(&cookie).await;
            page.send_text(&format!(r#"{{"t":"{t}","i":"1","d":{body}}}"#)).await;
            assert_eq!(page.closed().await, 4400, "{t} {body:.40}");
        }
    }
    let frame = |length: usize| {
        let empty = r#"{"t":"hello","i":"1","d":{"x":""}}"#.len();
        format!(r#"{{"t":"hello","i":"1","d":{{"x":"{}"}}}}"#, "x".repeat(length - empty))
    };
    for length in [MOST - 1, MOST] {
        let mut page = office.open_socket(&cookie).await;
        page.send_text(&frame(length)).await;
        assert_eq!(page.frame("snapshot").await["r"], "1", "{length}");
    }
    for length in [MOST + 1, MOST * 10] {
        let mut page = office.open_socket(&cookie).await;
        page.send_text(&frame(length)).await;
        assert_eq!(page.closed().await, 4400, "{length}");
    }
    // Texts are as long as they may be, and not one letter longer.
    let mut page = office.ready("hana").await;
    office.scene.call("3001").await;
    let offer = page.chat("offered").await;
    let call = offer["c"].as_str().unwrap();
    page.ok("accept", Some(call), json!({ "epoch": offer["epoch"] })).await;
    for (n, length) in [3_999, 4_000, 4_001].into_iter().enumerate() {
        let said = json!({ "mid": mid(n), "content": text(&"한".repeat(length)) });
        let answer = page.ask("msg", Some(call), said).await;
        assert_eq!(answer["t"] == "ok", length <= 4_000, "{answer}");
    }
    for (length, taken) in [(64, true), (65, false)] {
        let reason = json!({ "ready": false, "reason": "한".repeat(length) });
        assert_eq!(page.ask("state", None, reason).await["t"] == "ok", taken, "{length}");
    }
    for (length, taken) in [(1_001, false), (1_000, true)] {
        let end = json!({ "comment": "한".repeat(length) });
        assert_eq!(page.ask("close", Some(call), end).await["t"] == "ok", taken, "{length}");
    }
}
