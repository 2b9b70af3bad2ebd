//! Signing in, and how sessions and sockets end.

use maru_accounts::PersonChange;
use serde_json::{Value, json};

use crate::office::{Office, PASSWORD};

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn whoever_signs_in_has_a_cookie_that_no_script_reads_until_they_sign_out() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let path = "/agent/api/session";
    for (name, password) in [("hana", "wrong password"), ("nobody", PASSWORD)] {
        let body = json!({ "name": name, "password": password });
        let denied = office.call("POST", path, None, &body).await;
        assert_eq!((denied.status, code(&denied.json())), (401, "denied"), "{name}");
    }
    // A realm that does not exist is no other answer.
    let elsewhere = json!({ "name": "hana", "password": PASSWORD, "realm": "nowhere" });
    assert_eq!(office.call("POST", path, None, &elsewhere).await.status, 401);
    for wrong in [json!([]), json!({"name": "hana"}), json!({"name": 1, "password": PASSWORD})] {
        let refused = office.call("POST", path, None, &wrong).await;
        assert_eq!((refused.status, code(&refused.json())), (400, "bad_field"));
        assert!(!refused.text().contains(PASSWORD));
    }

    let body = json!({ "name": "Hana", "password": PASSWORD });
    let answer = office.call("POST", path, None, &body).await;
    let set = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["maru-agent=default.", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    assert_eq!(answer.headers["cache-control"], "no-store");
    let cookie = set.split(';').next().unwrap();
    let shown = office.call("GET", path, Some(cookie), &Value::Null).await.json();
    assert_eq!((&shown["name"], &shown["dn"]), (&json!("hana"), &json!("3001")));

    // Another page of the same browser signs in anew: the first session is over.
    let again = office.call("POST", path, Some(cookie), &body).await;
    assert_eq!(office.call("GET", path, Some(cookie), &Value::Null).await.status, 401);
    let cookie = again.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let out = office.call("DELETE", path, Some(cookie), &Value::Null).await;
    assert_eq!(out.status, 204);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    let gone = office.call("GET", path, Some(cookie), &Value::Null).await;
    assert_eq!((gone.status, code(&gone.json())), (401, "signed_out"));
}

#[tokio::test]
async fn no_page_of_another_origin_changes_anything_or_opens_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let cookie = office.sign_in("hana").await;
    let url = format!("{}/agent/api/session", office.origin());
    let body = json!({ "name": "hana", "password": PASSWORD }).to_string();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("x-nothing", "at all"),
    ] {
        let headers = [(name, value), ("cookie", &*cookie)];
        for method in ["POST", "DELETE"] {
            let refused = maru_testkit::call(method, &url, &headers, body.clone()).await;
            assert_eq!(
                (refused.status, code(&refused.json())),
                (403, "forbidden"),
                "{name} {value}"
            );
        }
        let protocol = ("sec-websocket-protocol", "nxdesk.v1");
        let refused = office.try_open(&[protocol, (name, value), ("cookie", &cookie)]).await;
        assert_eq!(refused.err().map(|(status, _)| status), Some(403), "{name} {value}");
    }
    assert_eq!(
        office.call("GET", "/agent/api/session", Some(&cookie), &Value::Null).await.status,
        200
    );
    // Over a network without TLS nobody's password is asked for.
    let headers = [("host", "desk.example.com"), ("origin", "http://desk.example.com")];
    let answer = maru_testkit::raw(
        office.at,
        format!(
            "POST /agent/api/session HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            headers[0].1, headers[1].1, body.len()
        )
        .as_bytes(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("insecure"), "{answer}");
}

#[tokio::test]
async fn a_socket_is_for_agents_who_are_signed_in_and_speak_its_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    office.add("boss", None).await;
    office.add("ghost", Some("3999")).await;
    office.add("group", Some("3000")).await;
    let (hana, boss) = (office.sign_in("hana").await, office.sign_in("boss").await);
    let (ghost, group) = (office.sign_in("ghost").await, office.sign_in("group").await);
    let origin = office.origin();
    for (protocol, cookie, status, why) in [
        ("nxchat.v1", &*hana, 400, "bad_subprotocol"),
        ("sip", &hana, 400, "bad_subprotocol"),
        ("nxdesk.v1", "", 401, "signed_out"),
        ("nxdesk.v1", "maru-agent=default.x", 401, "signed_out"),
        ("nxdesk.v1", &boss, 403, "no_dn"),
        ("nxdesk.v1", &ghost, 403, "no_dn"),
        ("nxdesk.v1", &group, 403, "no_dn"),
    ] {
        let headers =
            [("sec-websocket-protocol", protocol), ("origin", &origin), ("cookie", cookie)];
        let refused = office.try_open(&headers).await;
        let (got, body) = refused.err().unwrap_or_default();
        assert_eq!((got, code(&body)), (status, why), "{protocol} {cookie}");
    }
}

#[tokio::test]
async fn a_socket_ends_with_the_session_and_with_the_number() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let change = async |change: PersonChange| {
        office.people.change(&office.scene.realm, "hana", &change).await.unwrap();
    };
    for way in ["sign out", "password", "disabled", "number"] {
        let cookie = office.sign_in("hana").await;
        let mut page = office.open_socket(&cookie).await;
        page.ask("hello", None, json!({})).await;
        let (mut other, _) = office.page("duri").await;
        let code = match way {
            "sign out" => {
                office.call("DELETE", "/agent/api/session", Some(&cookie), &Value::Null).await;
                4401
            }
            "password" => {
                let body = json!({ "old": PASSWORD, "new": PASSWORD });
                let changed =
                    office.call("POST", "/agent/api/password", Some(&cookie), &body).await;
                assert_eq!(changed.status, 204, "{}", changed.text());
                4401
            }
            "disabled" => {
                let disabled =
                    |disabled| PersonChange { disabled: Some(disabled), ..PersonChange::default() };
                change(disabled(true)).await;
                change(disabled(false)).await;
                4401
            }
            _ => {
                let number = PersonChange { dn: Some(None), ..PersonChange::default() };
                change(number).await;
                4403
            }
        };
        assert_eq!(page.closed().await, code, "{way}");
        other.ok("state", None, json!({ "ready": false })).await;
    }
}

#[tokio::test]
async fn what_is_no_frame_ends_the_socket_and_what_is_no_request_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let cookie = office.sign_in("hana").await;
    let long = format!(r#"{{"t":"hello","i":"1","d":{{"x":"{}"}}}}"#, "x".repeat(65 * 1024));
    for bad in ["", "[]", r#"{"d":{}}"#, r#"{"t":"hello","d":"\ud800"}"#, &long] {
        let mut page = office.open_socket(&cookie).await;
        page.send_text(bad).await;
        assert_eq!(page.closed().await, 4400, "{bad:.40}");
    }
    let mut page = office.open_socket(&cookie).await;
    assert_eq!(
        page.refused("state", None, json!({ "ready": true })).await,
        "bad_frame",
        "no hello yet"
    );
    page.ask("hello", None, json!({})).await;
    assert_eq!(page.refused("dance", None, json!({})).await, "unknown_type");
    page.ok("state", None, json!({ "ready": true })).await;
    office.stop.cancel();
    assert_eq!(page.frame("away").await["d"]["after_ms"], 1_000);
    assert_eq!(page.closed().await, 1012);
}
