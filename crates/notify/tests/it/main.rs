//! Telling an operator for real: programs, a gateway, and the store between two nodes.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use maru_activity::RealmId;
use maru_activity::env::Env;
use maru_egress::{Egress, Options, Policy};
use maru_notify::{Alert, Command, Gateway, Notifier, QUIET, Ways};
use maru_store::Store;
use maru_store_sqlite::SqliteStore;
use maru_testkit::{FakeClock, fake_env};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const GRACE: Duration = Duration::from_secs(60);

struct House {
    store: Arc<dyn Store>,
    env: Env,
    clock: Arc<FakeClock>,
    realm: RealmId,
    folder: TempDir,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (env, clock) = fake_env(7);
        let options = maru_store_sqlite::Options::new(env.clone());
        let store = Arc::new(SqliteStore::open(folder.path(), options).unwrap());
        Self { store, env, clock, realm: RealmId::from("r"), folder }
    }

    fn notifier(&self, ways: Ways) -> Notifier {
        let mut registry = Registry::default();
        let policy = Policy { allow_loopback: true, ..Policy::default() };
        let egress = Egress::new(Options { policy, ..Options::new(&mut registry) }).unwrap();
        Notifier::new(Arc::clone(&self.store), egress, self.env.clone(), ways, &mut registry)
    }

    /// A program that writes a line for each alert into the file that it is called with.
    fn program(&self, script: &str) -> (Ways, PathBuf) {
        let (program, log) = (self.folder.path().join("tell"), self.folder.path().join("log"));
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        std::fs::write(&log, "").unwrap();
        let command = Command {
            program,
            arguments: vec![log.display().to_string()],
            timeout: Duration::from_secs(10),
        };
        (Ways { command: Some(command), ..ways() }, log)
    }
}

/// No way yet, and no long waits.
fn ways() -> Ways {
    Ways { retry_after: Duration::from_millis(5), ..Ways::default() }
}

fn alert() -> Alert {
    Alert {
        cause: "bot/b/outage".to_owned(),
        title: "b is down".to_owned(),
        text: "Ten failures; $(touch x) `y` \"z\"".to_owned(),
        to: Some("010-1234-5678".to_owned()),
    }
}

fn lines(log: &Path) -> Vec<String> {
    std::fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn two_nodes_tell_one_trouble_once_an_hour_and_its_end_once() {
    let house = House::open();
    let (ways, log) = house.program(r#"echo "$ALERT_EVENT $ALERT_CAUSE" >> "$1""#);
    // Whoever starts again is one node more.
    let nodes = || [house.notifier(ways.clone()), house.notifier(ways.clone())];
    let each = async |act: fn(&Notifier, &RealmId)| {
        let nodes = nodes();
        nodes.iter().for_each(|node| act(node, &house.realm));
        for node in &nodes {
            node.finish(GRACE).await;
        }
    };
    let raise: fn(&Notifier, &RealmId) = |node, realm| node.raise(realm, alert());
    let settle: fn(&Notifier, &RealmId) = |node, realm| node.settle(realm, alert());
    each(settle).await;
    assert_eq!(lines(&log), [""; 0], "nobody had heard of it");
    each(raise).await;
    each(raise).await;
    assert_eq!(lines(&log), ["raised bot/b/outage"]);
    house.clock.advance(QUIET);
    each(raise).await;
    each(settle).await;
    each(settle).await;
    let told = ["raised bot/b/outage", "raised bot/b/outage", "settled bot/b/outage"];
    assert_eq!(lines(&log), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_comes_right_after_its_beginning_is_told_after_it() {
    let house = House::open();
    let (ways, log) = house.program(r#"echo "$ALERT_EVENT $ALERT_CAUSE" >> "$1""#);
    let node = house.notifier(ways);
    let mut told = Vec::new();
    for number in 0..20 {
        let alert = || Alert { cause: format!("cause/{number}"), ..alert() };
        for _ in 0..3 {
            node.raise(&house.realm, alert());
        }
        node.settle(&house.realm, alert());
        told.push([format!("raised cause/{number}"), format!("settled cause/{number}")]);
    }
    node.finish(GRACE).await;
    let lines = lines(&log);
    assert_eq!(lines.len(), 40, "{lines:?}");
    for [raised, settled] in told {
        let place = |line: &str| lines.iter().position(|told| told == line);
        assert!(place(&raised) < place(&settled), "{raised}: {lines:?}");
    }
}

#[tokio::test]
async fn a_program_gets_the_message_on_its_input_and_no_shell_reads_it() {
    let house = House::open();
    let (ways, log) = house.program(r#"cat >> "$1"; printf '\n%s' "$ALERT_TEXT" >> "$1""#);
    let notifier = house.notifier(ways);
    notifier.raise(&house.realm, alert());
    notifier.finish(GRACE).await;
    let lines = lines(&log);
    let message: Value = serde_json::from_str(&lines[0]).unwrap();
    let at = house.env.now().to_string();
    let expected = json!({
        "event": "raised", "realm": "r", "cause": "bot/b/outage", "title": "b is down",
        "text": "Ten failures; $(touch x) `y` \"z\"", "to": "010-1234-5678", "at": at,
    });
    assert_eq!(message, expected);
    assert_eq!(lines[1], alert().text);
}

#[tokio::test]
async fn a_program_that_fails_hangs_or_is_not_there_is_told_of() {
    let house = House::open();
    let (telling, log) =
        house.program(r#"echo tried >> "$1"; yes too bad | head -c 100000 >&2; exit 3"#);
    let notifier = house.notifier(telling.clone());
    notifier.raise(&house.realm, alert());
    notifier.finish(GRACE).await;
    assert_eq!(lines(&log).len(), 3, "it is tried three times");
    let failed = house.notifier(telling.clone()).test(&house.realm, None).await.unwrap_err();
    assert_eq!(lines(&log).len(), 4, "and a test once");
    assert!(failed[0].cause.contains("exit status: 3: too bad"), "{failed:?}");
    assert!(failed[0].cause.len() < 400);

    let Some(mut command) = telling.command else { unreachable!("it was set") };
    command.program = "/bin/sleep".into();
    (command.arguments, command.timeout) = (vec!["3600".to_owned()], Duration::from_millis(50));
    let hangs = Ways { command: Some(command.clone()), ..ways() };
    let failed = house.notifier(hangs).test(&house.realm, None).await.unwrap_err();
    assert!(failed[0].cause.contains("did not end"), "{failed:?}");

    command.program = house.folder.path().join("nowhere");
    let gone = Ways { command: Some(command), ..ways() };
    assert!(house.notifier(gone).test(&house.realm, None).await.is_err());
    assert_eq!(house.notifier(Ways::default()).test(&house.realm, None).await, Ok(vec![]));
}

type Calls = mpsc::UnboundedSender<(HeaderMap, Value)>;

/// A gateway that fails once and then takes what comes.
async fn gateway() -> (SocketAddr, mpsc::UnboundedReceiver<(HeaderMap, Value)>) {
    let (calls, called) = mpsc::unbounded_channel();
    let failures = Arc::new(AtomicU16::new(0));
    let take = async |State((calls, failures)): State<(Calls, Arc<AtomicU16>)>,
                      headers: HeaderMap,
                      axum::Json(body): axum::Json<Value>| {
        calls.send((headers, body)).unwrap();
        match failures.fetch_add(1, Ordering::Relaxed) {
            0 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::ACCEPTED,
        }
    };
    let router = Router::new().route("/sms", post(take)).with_state((calls, failures));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (at, called)
}

#[tokio::test]
async fn a_gateway_gets_its_own_form_and_is_called_again_when_it_fails() {
    let house = House::open();
    let (at, mut called) = gateway().await;
    let form = r#"{ "receiver": "{{to}}", "content": "[{{event}}] {{title}}" }"#;
    let url = format!("http://{at}/sms");
    let gateway = Gateway::new(&url, Some("Key very-secret"), Some(form), Duration::from_secs(5));
    let ways = Ways { gateway: Some(gateway.unwrap()), ..ways() };
    let notifier = house.notifier(ways.clone());
    assert!(!format!("{notifier:?} {ways:?}").contains("secret"));
    notifier.raise(&house.realm, alert());
    notifier.finish(GRACE).await;
    for _ in 0..2 {
        let (headers, body) = called.recv().await.unwrap();
        assert_eq!(headers["authorization"], "Key very-secret");
        let expected = json!({ "receiver": "010-1234-5678", "content": "[raised] b is down" });
        assert_eq!(body, expected);
    }
    assert!(called.try_recv().is_err(), "what was taken is not sent again");
}
