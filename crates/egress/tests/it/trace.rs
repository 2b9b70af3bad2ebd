//! What a call leaves in the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use http::header::{AUTHORIZATION, HeaderValue};
use maru_egress::{Call, Failure};
use tracing_subscriber::filter::LevelFilter;

use crate::server::{SHORT, Server, egress, get, post, read_request};

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
async fn every_call_leaves_one_line_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // The test's runtime has one thread, so whatever the client spawns is heard too.
    let _guard = tracing::subscriber::set_default(subscriber);

    let server =
        Server::answering("HTTP/1.1 200 OK\r\nx: secret\r\ncontent-length: 6\r\n\r\nsecret").await;
    let silent =
        Server::start(
            |mut stream, _| async move { while read_request(&mut stream).await.is_some() {} },
        )
        .await;
    let egress = egress();
    let mut call = post(server.url());
    call.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer secret"));
    egress.call(call).await.unwrap();
    let failure = egress.call(Call { deadline: SHORT, ..post(silent.url()) }).await.unwrap_err();
    assert_eq!(failure, Failure::TimedOut { sent: true });
    egress.call(get("http://10.0.0.1/secret")).await.unwrap_err();
    egress.call(get("http://secret:secret@bot.example/secret")).await.unwrap_err();
    egress.call(get("secret")).await.unwrap_err();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("secret") && !text.contains("hello"), "{text}");
    let lines: Vec<_> = text.lines().filter(|line| line.contains("maru_egress")).collect();
    let expected: [(&str, String); 5] = [
        ("DEBUG", format!("host={} status=200", server.address)),
        ("INFO", format!("host={} failure=timed out after the request was sent", silent.address)),
        ("INFO", "host=10.0.0.1:80 failure=not allowed: 10.0.0.1 is a private address".to_owned()),
        ("INFO", "host=bot.example:80 failure=not allowed: a user name or password".to_owned()),
        ("INFO", "host=- failure=the URL cannot be read".to_owned()),
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, (level, part)) in lines.iter().zip(&expected) {
        assert!(line.contains(level) && line.contains(part.as_str()), "{part} is not in {line}");
        assert!(line.contains("purpose=\"test\"") && line.contains("duration_ms="), "{line}");
    }
}
