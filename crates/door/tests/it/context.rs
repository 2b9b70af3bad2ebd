//! What a face is told of a request, and what is noted of it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use maru_activity::env::Env;
use maru_door::{Context, Metrics, PublicUrl, ServerOptions, TrustedProxies};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tracing_subscriber::filter::LevelFilter;

use crate::house::{House, app, body, context, header, status};

fn behind_a_proxy() -> Context {
    let trusted_proxies = TrustedProxies::parse(&["127.0.0.0/8"]).unwrap();
    Context { trusted_proxies, ..context() }
}

const FORWARDED: &str = "x-forwarded-for: 6.6.6.6, 198.51.100.7\r\n\
    x-forwarded-proto: https\r\nx-forwarded-host: bots.example.com\r\n\
    x-request-id: from-the-proxy\r\n";

async fn ask(context: Context, headers: &str) -> String {
    let house = House::open(app(context), ServerOptions::default()).await;
    house.tell(&format!("GET / HTTP/1.1\r\nconnection: close\r\n{headers}\r\n")).await
}

#[tokio::test]
async fn forwarded_headers_are_believed_from_trusted_proxies_alone() {
    let headers = format!("host: inner:8080\r\n{FORWARDED}");
    let stranger = ask(context(), &headers).await;
    assert_eq!(body(&stranger), "127.0.0.1 http://inner:8080");
    let id = header(&stranger, "x-request-id").unwrap();
    assert!(id != "from-the-proxy" && id.len() == 36, "{id}");

    let proxied = ask(behind_a_proxy(), &headers).await;
    assert_eq!(body(&proxied), "198.51.100.7 https://bots.example.com");
    assert_eq!(header(&proxied, "x-request-id"), Some("from-the-proxy"));

    let elsewhere = TrustedProxies::parse(&["10.0.0.0/8"]).unwrap();
    let other = ask(Context { trusted_proxies: elsewhere, ..context() }, &headers).await;
    assert_eq!(body(&other), "127.0.0.1 http://inner:8080");

    // What a proxy passes on unread must not get into URLs or logs either.
    let odd = "host: inner\r\nx-forwarded-proto: javascript\r\nx-forwarded-host: a/b?c\r\n\
        x-request-id: a b\"c\r\n";
    let odd = ask(behind_a_proxy(), odd).await;
    assert_eq!(body(&odd), "127.0.0.1 http://inner");
    assert_eq!(header(&odd, "x-request-id").unwrap().len(), 36);
}

#[tokio::test]
async fn the_configured_url_outweighs_what_anyone_says() {
    for context in [context(), behind_a_proxy()] {
        let public_url = Some(PublicUrl::parse("https://maru.example.com/bots/").unwrap());
        let context = Context { public_url, ..context };
        let answer = ask(context, &format!("host: inner\r\n{FORWARDED}")).await;
        assert!(body(&answer).ends_with(" https://maru.example.com/bots"), "{answer}");
    }
}

#[tokio::test]
async fn a_host_that_is_none_is_answered_400() {
    for headers in [
        "",
        "host:\r\n",
        "host: a\r\nhost: b\r\n",
        "host: a\r\nhost: a\r\n",
        "host: a b\r\n",
        "host: a/b\r\n",
        "host: user@a\r\n",
        "host: <script>\r\n",
        "host: a:99999\r\n",
        "host: é\r\n",
    ] {
        let answer = ask(context(), headers).await;
        assert_eq!(status(&answer), "400", "{headers:?}: {answer}");
        assert!(header(&answer, "x-request-id").is_some());
    }
    let house = House::open(app(context()), ServerOptions::default()).await;
    let old = house.tell("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(body(&old), "127.0.0.1 http://localhost", "HTTP/1.0 has no hosts");
    let whole = "GET http://b:1/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(body(&house.tell(whole).await), "127.0.0.1 http://b:1");
}

#[tokio::test]
async fn a_panic_is_answered_500_and_the_server_goes_on() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let house =
        House::open(app(Context::new(Env::system(), metrics)), ServerOptions::default()).await;
    let mut client = house.connect().await;
    client.send("GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(status(&answer), "500");
    assert!(!answer.contains("accord"), "{answer}");
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(status(&client.answer().await), "200");
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(text.contains("http_panics_total 1\n"), "{text}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_leaves_a_line_and_numbers_that_know_its_route_and_never_its_path() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // The test's runtime has one thread, so the server's tasks are heard too.
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let options = ServerOptions { metrics: metrics.clone(), ..ServerOptions::default() };
    let house = House::open(app(Context::new(Env::system(), metrics)), options).await;

    let mut ids = Vec::new();
    for (request, expected) in [
        ("GET /hold/capability?t=capability", "200"),
        ("PUT /hold/capability", "405"),
        ("GET /capability", "404"),
        ("CAPABILITY /hold/k", "405"),
        ("GET /panic?capability", "500"),
    ] {
        let headers = "host: a\r\nauthorization: Bearer capability\r\nconnection: close\r\n";
        let answer = house.tell(&format!("{request} HTTP/1.1\r\n{headers}\r\n")).await;
        assert_eq!(status(&answer), expected, "{request}");
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
        ids.push(header(&answer, "x-request-id").unwrap().to_owned());
    }
    house.tell("GET /capability\0 HTTP/1.1\r\n\r\n").await;
    assert_eq!(house.close().await, 0);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.to_lowercase().contains("capability"), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("maru::request")).collect();
    let shown = [
        "GET /hold/{key} 200",
        "PUT /hold/{key} 405",
        "GET none 404",
        "other /hold/{key} 405",
        "GET /panic 500",
    ];
    assert_eq!(lines.len(), shown.len(), "{text}");
    for ((line, shown), id) in lines.iter().zip(shown).zip(ids) {
        assert!(line.contains(shown) && line.contains(&id), "{line}");
    }

    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(!text.to_lowercase().contains("capability"), "{text}");
    for line in [
        r#"http_requests_total{route="/hold/{key}",method="GET",status_class="2xx"} 1"#,
        r#"http_requests_total{route="/hold/{key}",method="other",status_class="4xx"} 1"#,
        r#"http_requests_total{route="none",method="GET",status_class="4xx"} 1"#,
        r#"http_requests_total{route="/panic",method="GET",status_class="5xx"} 1"#,
        r#"http_request_seconds_count{route="/hold/{key}"} 3"#,
        "http_connections_open 0",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}
