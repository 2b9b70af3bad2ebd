//! Several nodes on one PostgreSQL database, with NATS between them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use maru_testkit::{Answer, Nats, Postgres, PostgresDatabase, TestServer, call, eventually};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::MARU;

/// What no log may hold. The server asks nobody for it.
const PASSWORD: &str = "hunter2hunter2";

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What the nodes share.
struct Site {
    store: String,
    hints: String,
    files: tempfile::TempDir,
    key: String,
}

impl Site {
    fn new(store: &str, hints: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        Self {
            store: store.replacen('@', &format!(":{PASSWORD}@"), 1),
            hints: hints.replacen("nats://", &format!("nats://maru:{PASSWORD}@"), 1),
            files,
            key: KEY.to_owned(),
        }
    }

    /// A node of it that was not started yet.
    fn node(&self, more: &[(&str, &str)]) -> TestServer {
        let blobs = format!("file://{}", self.files.path().display());
        let mut variables = vec![
            ("MARU_STORE__URL", "env:THE_STORE"),
            ("THE_STORE", &*self.store),
            ("MARU_BLOBS__URL", &*blobs),
            ("MARU_LOG__LEVEL", "debug"),
        ];
        if !self.key.is_empty() {
            variables.push(("MARU_INSTANCE_KEY", &self.key));
        }
        if !self.hints.is_empty() {
            variables.push(("MARU_HINTS__URL", &self.hints));
        }
        variables.extend(more);
        TestServer::prepare(MARU, &[], &variables)
    }

    async fn start(&self) -> TestServer {
        let mut node = self.node(&[]);
        node.up().await;
        node
    }
}

async fn get(node: &TestServer, path: &str) -> Answer {
    call("GET", &format!("{}{path}", node.url()), &[], "").await
}

/// Says something as the user `u`.
async fn say(node: &TestServer, credential: &str, conversation: &str, text: &str) {
    let path = format!("/conversations/{conversation}/activities");
    let activity = json!({ "type": "message", "from": { "id": "u" }, "text": text }).to_string();
    let posted = node.direct_line(credential, "POST", &path, &activity).await;
    assert_eq!(posted.status, 200, "{}", posted.text());
}

/// Waits until a text stands in the conversation.
async fn hear(node: &TestServer, credential: &str, conversation: &str, text: &str) {
    let path = format!("/conversations/{conversation}/activities");
    eventually(text, async || {
        let page = node.direct_line(credential, "GET", &path, "").await.json();
        page["activities"].as_array()?.iter().any(|a| a["text"] == text).then_some(())
    })
    .await;
}

/// A client's stream, with the texts that have come by it and were not waited for yet.
struct Stream(WebSocketStream<MaybeTlsStream<TcpStream>>, Vec<String>);

impl Stream {
    async fn open(url: &str) -> Self {
        Self(connect_async(url).await.unwrap().0, Vec::new())
    }

    /// Waits until a text comes by it.
    async fn hear(&mut self, text: &str) {
        let Self(socket, heard) = self;
        let hear = async {
            while !heard.iter().any(|heard| heard == text) {
                let frame = socket.next().await.unwrap().unwrap();
                let frame: Value =
                    serde_json::from_str(frame.to_text().unwrap()).unwrap_or(Value::Null);
                let said = frame["activities"].as_array().into_iter().flatten();
                heard.extend(said.filter_map(|said| Some(said["text"].as_str()?.to_owned())));
            }
        };
        tokio::time::timeout(Duration::from_secs(30), hear).await.expect(text);
    }
}

#[tokio::test]
async fn two_nodes_are_one_server() {
    let (database, mut nats) = (PostgresDatabase::fresh("cluster"), Nats::run().await);
    let site = Site::new(database.url(), &nats.url());
    let (one, two) = (site.start().await, site.start().await);
    let secret = one.secret().to_owned();
    assert!(two.facts()["secret"].is_null(), "secrets are told once");
    for node in [&one, &two] {
        eventually("hints", async || {
            let ready = get(node, "/readyz").await;
            assert_eq!(ready.status, 200);
            let expected = json!({ "status": "ready", "store": "ok", "hints": "connected" });
            (ready.json() == expected).then_some(())
        })
        .await;
    }

    // A token and a stream of one node, what is said on the other, and back.
    let begun = one.direct_line(&secret, "POST", "/conversations", "").await.json();
    let (id, token) = (begun["conversationId"].as_str().unwrap(), begun["token"].as_str().unwrap());
    let mut stream = Stream::open(begun["streamUrl"].as_str().unwrap()).await;
    say(&two, token, id, "from the other node").await;
    stream.hear("from the other node").await;
    stream.hear("Echo: from the other node").await;
    say(&one, &secret, id, "and back").await;
    hear(&two, token, id, "Echo: and back").await;

    // What an operator does on one node holds on all.
    one.json(&["bot", "add", "second", "--kind", "echo", "--set", "prefix=Second: "]).await;
    let add = ["channel", "add", "door", "--kind", "direct-line", "--bot", "second"];
    let door = one.json(&add).await["secrets"][0].as_str().unwrap().to_owned();
    let begun = eventually("the channel on the other node", async || {
        let begun = two.direct_line(&door, "POST", "/conversations", "").await;
        (begun.status == 201).then(|| begun.json())
    })
    .await;
    let other = begun["conversationId"].as_str().unwrap();
    say(&two, &door, other, "hello").await;
    hear(&one, &door, other, "Second: hello").await;

    // Without NATS everything is said all the same, and machines are told.
    nats.stop();
    for node in [&one, &two] {
        eventually("the loss of the hints", async || {
            let ready = get(node, "/readyz").await;
            assert_eq!(ready.status, 200);
            (ready.json()["hints"] == "disconnected").then_some(())
        })
        .await;
        let metrics = get(node, "/metrics").await.text();
        assert!(metrics.contains("maru_hints_connected 0"), "{metrics}");
        assert!(metrics.contains("\nmaru_store_commits_total "), "{metrics}");
    }
    say(&two, token, id, "without hints").await;
    stream.hear("without hints").await;
    stream.hear("Echo: without hints").await;
    for mut node in [one, two] {
        assert_eq!(node.stop().await, Some(0));
        assert!(!node.log().contains(PASSWORD), "a password is in the log");
        assert!(!node.log().contains("without hints"), "a message is in the log");
    }
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_site() {
    let database = PostgresDatabase::fresh("at_once");
    let site = Site::new(database.url(), "");
    let (mut one, mut two, mut three) = (site.node(&[]), site.node(&[]), site.node(&[]));
    tokio::join!(one.up(), two.up(), three.up());
    let secrets: Vec<String> = [&one, &two, &three]
        .iter()
        .filter_map(|node| Some(node.facts()["secret"].as_str()?.to_owned()))
        .collect();
    assert_eq!(secrets.len(), 1, "one node makes the channel and tells its secrets");
    for node in [&one, &two, &three] {
        assert_eq!(node.facts()["bot"], "echo");
        eventually("the channel", async || {
            let begun = node.direct_line(&secrets[0], "POST", "/conversations", "").await;
            (begun.status == 201).then_some(())
        })
        .await;
    }
    let listed = one.json(&["channel", "list"]).await;
    let listed = listed["channels"].as_array().unwrap();
    let made = listed.iter().filter(|channel| channel["bot"] == "echo");
    assert_eq!(made.filter(|channel| channel["kind"] == "direct-line").count(), 1);
}

#[tokio::test]
async fn a_node_with_another_instance_key_or_none_is_refused() {
    let database = PostgresDatabase::fresh("keys");
    let mut site = Site::new(database.url(), "");
    site.key = String::new();
    let one = site.start().await;
    let made = one.data().join("instance.key");
    // With none it makes none.
    let mut two = site.node(&[]);
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let refused = async |node: &TestServer, arguments: &[&str]| {
        let output = node.run(arguments, "").await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("`instance_key`") && told.contains("instance.key"), "{told}");
    };
    refused(&two, &serve).await;
    refused(&two, &["bot", "list"]).await;
    let file = two.data().join("instance.key");
    assert!(!file.exists());
    // Another one changes nothing.
    put_key(&file, KEY);
    refused(&two, &serve).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), KEY);
    put_key(&file, &std::fs::read_to_string(&made).unwrap());
    two.up().await;
    assert_eq!(get(&two, "/readyz").await.status, 200);
}

fn put_key(file: &Path, key: &str) {
    let _ = std::fs::remove_file(file);
    std::fs::write(file, key).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_server_outlives_the_loss_of_its_store() {
    let mut postgres = Postgres::start_new();
    let site = Site::new(&postgres.database("maru"), "");
    let node = site.start().await;
    let secret = node.secret();
    let begun = node.direct_line(secret, "POST", "/conversations", "").await.json();
    let id = begun["conversationId"].as_str().unwrap();
    postgres.stop(true);
    let told = eventually("the loss of the store", async || {
        let ready = get(&node, "/readyz").await;
        (ready.status == 503).then(|| ready.json())
    })
    .await;
    assert_eq!((&told["status"], &told["store"]), (&json!("unavailable"), &json!("unavailable")));
    assert_eq!(get(&node, "/healthz").await.status, 200);
    postgres.start();
    eventually("the store", async || (get(&node, "/readyz").await.status == 200).then_some(()))
        .await;
    say(&node, secret, id, "again").await;
    hear(&node, secret, id, "Echo: again").await;
    // A server that finds no store says so, with the code that asks a supervisor to try again.
    postgres.stop(false);
    let output = site.node(&[]).run(&["serve", "--listen", "127.0.0.1:0"], "").await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(!told.contains(PASSWORD), "{told}");
    postgres.start();
}

#[tokio::test]
async fn the_schema_is_brought_up_to_date_apart_from_serving() {
    let database = PostgresDatabase::fresh("schema");
    let site = Site::new(database.url(), "");
    let mut node = site.node(&[("MARU_STORE__MIGRATE", "false")]);
    let fails = async |node: &TestServer, code: i32, arguments: &[&str]| {
        let output = node.run(arguments, "").await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        told
    };
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    assert!(fails(&node, 6, &serve).await.contains("maru migrate"));
    // Nor does a verb, whatever is configured.
    fails(&site.node(&[]), 6, &["bot", "list"]).await;
    let known = node.json(&["version"]).await["schema"]["postgres"].clone();
    assert_eq!(node.json(&["migrate"]).await, json!({ "from": 0, "to": known }));
    let restored = node.json(&["migrate", "--restored"]).await;
    assert_eq!((&restored["from"], &restored["to"]), (&known, &known));
    assert!(restored["restore_epoch"].as_u64().unwrap() > 0, "{restored}");
    node.up().await;
    // While nodes are at work the schema may be looked at, and watermarks must stay as they are.
    assert_eq!(node.json(&["migrate"]).await, json!({ "from": known, "to": known }));
    fails(&node, 4, &["migrate", "--restored"]).await;
    let file = node.folder().join("backup.tar");
    let told = fails(&node, 2, &["backup", file.to_str().unwrap()]).await;
    assert!(told.contains("pg_dump"), "{told}");
    assert!(!file.exists());
    // A verb works on the store from anywhere.
    let elsewhere = site.node(&[]);
    assert_eq!(elsewhere.json(&["bot", "show", "echo"]).await["id"], "echo");
}
