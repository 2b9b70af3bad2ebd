//! How the server starts, stays and ends.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use maru::config::{Config, Tls};
use maru::serve::Server;
use maru_testkit::{Reply, ScriptedBot, TestServer, call};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::MARU;

#[tokio::test]
async fn a_fresh_folder_is_its_owners_and_its_secret_is_given_once() {
    let mut server = TestServer::start(MARU).await;
    let facts = server.facts().clone();
    assert_eq!((&facts["bot"], &facts["channel"]), (&json!("echo"), &json!("web")));
    let mode = |name: &str| {
        let path = server.data().join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("blobs")), (0o700, 0o700));
    for name in ["admin.sock", "instance.key", "maru.db", "lock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert!(!server.log().contains(server.secret()), "the secret is in the log");
    assert_eq!(server.stop().await, Some(0));
    server.up().await;
    assert!(server.facts()["secret"].is_null());
    assert_eq!(server.facts()["bot"], "echo");
}

#[tokio::test]
async fn two_servers_cannot_have_one_folder() {
    let server = TestServer::start(MARU).await;
    let output = server.run(&["serve", "--listen", "127.0.0.1:0"], "").await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains(&format!("in use by process {}", server.facts()["pid"])), "{told}");
}

#[tokio::test]
async fn machines_are_answered() {
    let server = TestServer::start_in(MARU, &[], &[("MARU_NODE__NAME", "node one")]).await;
    let get = async |path: &str| call("GET", &format!("{}{path}", server.url()), &[], "").await;
    assert_eq!(get("/healthz").await.status, 200);
    let ready = get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), json!({ "status": "ready", "store": "ok", "hints": "local" }));
    let begun = server.direct_line(server.secret(), "POST", "/conversations", "").await.json();
    let path = format!("/conversations/{}/activities", begun["conversationId"].as_str().unwrap());
    let activity = r#"{"type":"message","from":{"id":"u"},"text":"x"}"#;
    server.direct_line(server.secret(), "POST", &path, activity).await;
    let metrics = get("/metrics").await.text();
    for name in [
        "maru_http_requests_total{",
        "maru_activities_total{",
        "maru_store_commits_total ",
        "maru_store_write_queue ",
        "maru_delivery_attempts_total{",
        "maru_dead_letters_total ",
        "maru_outbox_open ",
        "maru_sockets_open ",
        "maru_direct_line_streams_open ",
        "maru_sign_ins_total{outcome=\"locked\"} 0",
    ] {
        assert!(metrics.contains(name), "{name} is missing in:\n{metrics}");
    }
    assert!(metrics.contains("maru_node_info{name=\"node one\","), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
    let openapi = get("/openapi.json").await.json();
    assert!(openapi["paths"]["/v3/directline/conversations"]["post"].is_object(), "{openapi}");
    let page = get("/").await;
    assert!(page.text().contains("/v3/directline") && !page.text().contains("<script"));
    assert!(
        page.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'")
    );
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    let mut server = TestServer::start(MARU).await;
    let begun = server.direct_line(server.secret(), "POST", "/conversations", "").await;
    let id = begun.json()["conversationId"].as_str().unwrap().to_owned();
    let path = format!("/conversations/{id}/activities");
    for number in 0..20 {
        let text = format!("number {number}");
        let activity = json!({ "type": "message", "from": { "id": "u" }, "text": text });
        let posted =
            server.direct_line(server.secret(), "POST", &path, &activity.to_string()).await;
        assert_eq!(posted.status, 200);
        if number % 7 == 3 {
            server.kill().await;
            server.up().await;
        }
    }
    let page = server.direct_line(server.secret(), "GET", &path, "").await.json();
    let of_the_user =
        page["activities"].as_array().unwrap().iter().filter(|a| a["from"]["id"] == "u");
    let texts: Vec<_> = of_the_user.map(|a| a["text"].as_str().unwrap().to_owned()).collect();
    assert!(!server.log().contains("number 1"), "what was said is in the log");
    assert_eq!(texts, (0..20).map(|number| format!("number {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_open_turn_is_finished_before_the_server_ends() {
    let bot = ScriptedBot::start().await;
    let mut server = TestServer::start(MARU).await;
    server.json(&["bot", "add", "b", "--kind", "bot-framework", "--endpoint", bot.url()]).await;
    let channel =
        server.json(&["channel", "add", "c", "--kind", "direct-line", "--bot", "b"]).await;
    let secret = channel["secrets"][0].as_str().unwrap();
    bot.otherwise(Reply::status(200).after(Duration::from_millis(700)));
    server.direct_line(secret, "POST", "/conversations", "").await;
    let heard = bot.wait_for(1).await;
    // The capability is sent to the bot alone.
    let service_url = heard[0].body["serviceUrl"].as_str().unwrap().to_owned();
    assert_eq!(server.stop().await, Some(0));
    let key = service_url.split("/b/").nth(1).unwrap().trim_end_matches('/');
    assert!(key.len() > 20 && !server.log().contains(key), "the capability is in the log");
    let conversations = server.json(&["conversations", "list"]).await;
    assert_eq!(conversations["conversations"][0]["open_deliveries"], 0, "{conversations}");
}

#[tokio::test]
async fn the_certificate_and_the_key_that_are_configured_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = file("instance", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data: folder.path().join("data"),
        instance_key: Some(format!("file:{}", key.display()).into()),
        tls: Tls {
            certificate: Some(file("c.pem", &made.cert.pem())),
            key: Some(file("k.pem", &made.signing_key.serialize_pem())),
        },
        ..Config::default()
    };
    let server = Server::start(&config).await.unwrap();
    assert!(server.url().starts_with("https://127.0.0.1:"), "{}", server.url());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = server.url().trim_start_matches("https://");
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!config.data.join("instance.key").exists());
    server.stop().await;
    // Another key cannot open what this one sealed, and says so.
    let other = Config { instance_key: None, ..config };
    let refused = Server::start(&other).await.unwrap_err().to_string();
    assert!(refused.contains("instance key"), "{refused}");
}

#[tokio::test]
async fn in_process_it_can_be_stopped_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data: folder.path().join("data"),
        ..Config::default()
    };
    for _ in 0..2 {
        let server = Server::start(&config).await.unwrap();
        let url = format!("{}/readyz", server.url());
        assert_eq!(call("GET", &url, &[], "").await.status, 200);
        let store = Arc::downgrade(&server.parts().store);
        server.stop().await;
        assert!(store.upgrade().is_none(), "something still holds the store");
    }
}
