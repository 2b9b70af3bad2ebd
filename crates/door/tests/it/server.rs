//! Connections: how slow, how long, how many, and how they end.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use maru_door::{Listener, ServerOptions, TlsError, TlsFiles};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;

use crate::house::{A_WHILE, Client, EVER, House, answers, app, body, context, status};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

fn quick() -> ServerOptions {
    ServerOptions { header_timeout: Duration::from_millis(200), ..ServerOptions::default() }
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time_is_cut_off() {
    let house = House::open(app(context()), quick()).await;
    for slow in
        ["", "GET / HT", "GET / HTTP/1.1\r\nhost: a\r\n", "GET / HTTP/1.1\r\nhost: a\r\nx: "]
    {
        assert_eq!(house.tell(slow).await, "", "{slow:?}");
    }
    // A drip does not help: the time is for the whole head.
    let mut client = house.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n").await;
    let dripped = async {
        loop {
            client.send("x: y\r\n").await;
            let mut end = [0; 1];
            let read = tokio::time::timeout(Duration::from_millis(20), client.0.read(&mut end));
            if let Ok(read) = read.await {
                return read.unwrap_or(0);
            }
        }
    };
    assert_eq!(tokio::time::timeout(EVER, dripped).await.unwrap(), 0, "closed without an answer");
    // Nor is an idle connection kept for ever.
    let mut client = house.connect().await;
    client.send(GET).await;
    assert_eq!(status(&client.answer().await), "200");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_head_is_taken_up_to_its_limit() {
    let limit = 16 * 1024;
    let options = ServerOptions { max_header_bytes: limit, ..quick() };
    let house = House::open(app(context()), options).await;
    let of_length = |length: usize| {
        let rest = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: \r\n\r\n".len();
        let filling = "y".repeat(length - rest);
        format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {filling}\r\n\r\n")
    };
    assert_eq!(status(&house.tell(&of_length(limit)).await), "200");
    let refused = house.tell(&of_length(limit + 1)).await;
    assert_eq!((status(&refused), answers(&refused)), ("431", 1));
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "y".repeat(limit));
    assert!(matches!(status(&house.tell(&long_path).await), "414" | "431"));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
    assert_eq!(status(&house.tell(&many).await), "431");
}

#[tokio::test]
async fn beyond_the_cap_nobody_is_accepted_until_somebody_leaves() {
    let options = ServerOptions { max_connections: 2, ..ServerOptions::default() };
    let house = House::open(app(context()), options).await;
    let mut inside = Vec::new();
    for _ in 0..2 {
        let mut client = house.connect().await;
        client.send(GET).await;
        assert_eq!(status(&client.answer().await), "200");
        inside.push(client);
    }
    let mut waiting = house.connect().await;
    waiting.send(GET).await;
    let mut first = [0; 1];
    assert!(tokio::time::timeout(A_WHILE, waiting.0.peek(&mut first)).await.is_err());
    drop(inside.pop());
    assert_eq!(status(&waiting.answer().await), "200");
}

#[tokio::test]
async fn a_stop_lets_open_requests_finish_and_nobody_in() {
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (entered, go_on) = (Arc::clone(&entered), Arc::clone(&go_on));
        get(move || async move {
            entered.notify_one();
            go_on.notified().await;
            "done"
        })
    };
    let router = app(context()).merge(Router::new().route("/slow", slow));
    let house = House::open(router, ServerOptions::default()).await;
    let mut idle = house.connect().await;
    idle.send(GET).await;
    idle.answer().await;
    let mut busy = house.connect().await;
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    entered.notified().await;

    house.stop.cancel();
    assert_eq!(idle.rest().await, "", "an idle connection is closed");
    let refused = async {
        while TcpStream::connect(house.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(EVER, refused).await.unwrap();
    go_on.notify_one();
    let answer = busy.rest().await;
    assert_eq!((status(&answer), body(&answer)), ("200", "done"));
    assert_eq!(house.close().await, 0);
}

#[tokio::test]
async fn after_the_grace_what_is_left_is_dropped() {
    let options = ServerOptions { grace: Duration::from_millis(50), ..ServerOptions::default() };
    let house = House::open(app(context()), options).await;
    let mut stuck = house.connect().await;
    stuck.send("GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut other = house.connect().await;
    other.send(GET).await;
    other.answer().await;
    assert_eq!(house.close().await, 1);
    assert_eq!(stuck.rest().await, "");
}

#[tokio::test]
async fn who_does_not_read_an_answer_is_let_go() {
    // More than the buffers of both sides hold.
    let large = get(async || vec![b'x'; 64 << 20]);
    let router = app(context()).merge(Router::new().route("/large", large));
    let options = ServerOptions {
        max_connections: 1,
        write_timeout: Duration::from_millis(100),
        ..ServerOptions::default()
    };
    let house = House::open(router, options).await;
    let mut lazy = house.connect().await;
    lazy.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut waiting = house.connect().await;
    waiting.send(GET).await;
    assert_eq!(status(&waiting.answer().await), "200", "the place is free again");
}

#[tokio::test]
async fn repeated_slashes_are_one() {
    let house = House::open(app(context()), ServerOptions::default()).await;
    for (target, expected) in [
        ("//", "200"),
        ("//hold///k", "200"),
        ("/hold//k?x=//y", "200"),
        ("http://a//hold/k", "200"),
        ("/hold/k/", "404"),
        ("/hold/%2Fk", "200"),
    ] {
        let text = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert_eq!(status(&house.tell(&text).await), expected, "{target}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_its_owners_alone_and_replaces_a_stale_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = Listener::unix(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let stop = CancellationToken::new();
    let options = ServerOptions::default();
    let served = tokio::spawn(maru_door::serve(listener, app(context()), options, stop.clone()));
    let mut client = Client(UnixStream::connect(&path).await.unwrap());
    client.send("GET / HTTP/1.1\r\nhost: maru\r\n\r\n").await;
    assert_eq!(body(&client.answer().await), "127.0.0.1 http://maru");
    stop.cancel();
    assert_eq!(served.await.unwrap(), 0);
    assert!(!path.exists());
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_and_nothing_else() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    };
    let files = TlsFiles {
        certificate: write("cert.pem", &certified.cert.pem()),
        key: write("key.pem", &certified.signing_key.serialize_pem()),
    };
    let listener = async || Listener::tcp(([127, 0, 0, 1], 0).into()).await.unwrap();
    let house =
        House::listening(listener().await.with_tls(&files).unwrap(), app(context()), quick());

    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(house.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let mut client = Client(stream);
    client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(body(&client.answer().await), "127.0.0.1 https://localhost");
    assert!(!house.tell(GET).await.contains("HTTP/1.1 200"));
    assert_eq!(house.tell("").await, "", "a handshake that does not begin is cut off");

    let missing = TlsFiles { key: folder.path().join("none.pem"), ..files.clone() };
    let empty = TlsFiles { certificate: write("empty.pem", ""), ..files.clone() };
    let swapped = TlsFiles { certificate: files.key.clone(), key: files.certificate.clone() };
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let unfit =
        TlsFiles { key: write("other.pem", &other.signing_key.serialize_pem()), ..files.clone() };
    assert!(
        matches!(listener().await.with_tls(&missing), Err(TlsError::File { path, .. }) if path == missing.key)
    );
    assert!(matches!(listener().await.with_tls(&empty), Err(TlsError::NoCertificate(_))));
    assert!(matches!(listener().await.with_tls(&swapped), Err(TlsError::NoCertificate(_))));
    assert!(matches!(listener().await.with_tls(&unfit), Err(TlsError::Unusable { .. })));
}
