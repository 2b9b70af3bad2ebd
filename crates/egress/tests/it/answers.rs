//! What comes back from servers that answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderValue, LOCATION};
use maru_egress::{Answer, Call, Failure, Policy};
use prometheus_client::encoding::text::encode;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Barrier, mpsc};

use crate::server::{PATIENT, SHORT, Server, egress, egress_with, get, post, read_request};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_request_arrives_as_it_was_given_and_the_connection_is_used_again() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let tell = tell.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                tell.send(request).unwrap();
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    let egress = egress();
    for _ in 0..3 {
        let mut call = post(server.url());
        call.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        call.headers.insert(HOST, HeaderValue::from_static("elsewhere.example"));
        call.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("1"));
        call.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let answer = egress.call(call).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"ok"[..]));
        let request = told.recv().await.unwrap();
        assert!(request.starts_with("POST /secret-path?secret=query HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"text\":\"hello\"}"), "{request}");
        let has = |line: &str| request.lines().any(|found| found == line);
        assert!(has("authorization: Bearer t"), "{request}");
        assert!(has(&format!("host: {}", server.address)), "{request}");
        assert!(has("content-length: 16"), "{request}");
        assert!(request.contains("\r\nuser-agent: Maru/"), "{request}");
        assert!(!request.contains("elsewhere") && !request.contains("gzip"), "{request}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_not_followed() {
    let target = Server::answering(OK).await;
    for status in [301, 302, 303, 307, 308] {
        for location in ["http://169.254.169.254/latest/".to_owned(), target.url()] {
            let head = format!("HTTP/1.1 {status} Go\r\nlocation: {location}\r\n");
            let server = Server::answering(head + "content-length: 0\r\n\r\n").await;
            for call in [get(server.url()), post(server.url())] {
                let answer = egress().call(call).await.unwrap();
                assert_eq!(answer.status, status);
                assert_eq!(answer.headers[LOCATION], location);
            }
        }
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn an_encoded_body_is_handed_over_as_it_is() {
    let server = Server::answering(
        &b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00"
            [..],
    )
    .await;
    let answer = egress().call(get(server.url())).await.unwrap();
    assert_eq!(&answer.body[..], b"\x1f\x8b\x08\x00");
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_read_and_one_byte_more_is_not() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let bodies = [
        "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n12345678".to_owned(),
        format!("{chunked}8\r\n12345678\r\n0\r\n\r\n"),
        format!("{chunked}3\r\n123\r\n4\r\n4567\r\n1\r\n8\r\n0\r\n\r\n"),
    ];
    for body in bodies {
        let server = Server::answering(body).await;
        let limited = |limit| Call { body_max: Some(limit), ..get(server.url()) };
        let answer = egress().call(limited(8)).await.unwrap();
        assert_eq!(&answer.body[..], b"12345678");
        let failure = egress().call(limited(7)).await.unwrap_err();
        assert_eq!(failure, Failure::TooLarge { limit: 7 });
        assert!(failure.may_have_arrived());
    }
}

#[tokio::test]
async fn ten_megabytes_are_refused_however_they_are_sent() {
    for head in ["content-length: 10485760\r\n", "", "transfer-encoding: chunked\r\n"] {
        let server = Server::start(move |mut stream, _| async move {
            read_request(&mut stream).await;
            let chunked = head.starts_with("transfer");
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes()).await;
            for _ in 0..160 {
                let piece = [b'x'; 65_536];
                let (size, end): (&[u8], &[u8]) =
                    if chunked { (b"10000\r\n", b"\r\n") } else { (b"", b"") };
                for part in [size, &piece[..], end] {
                    if stream.write_all(part).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        let failure = egress().call(post(server.url())).await.unwrap_err();
        assert_eq!(failure, Failure::TooLarge { limit: 1_048_576 }, "{head:?}");
    }
}

#[tokio::test]
async fn a_host_gets_no_more_calls_at_once_than_allowed() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Two calls meet here, so the test hangs if fewer than two get through at once.
    let pair = Arc::new(Barrier::new(2));
    let counters = (now, most.clone());
    let server = Server::start(move |mut stream, _| {
        let ((now, most), pair) = (counters.clone(), pair.clone());
        async move {
            while read_request(&mut stream).await.is_some() {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                pair.wait().await;
                now.fetch_sub(1, Ordering::SeqCst);
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    let (egress, _) = egress_with(policy, |options| options.per_host_max = 2);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (egress, call) = (egress.clone(), post(server.url()));
            tokio::spawn(async move { egress.call(call).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn who_gets_no_place_until_the_deadline_sent_nothing() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let silent = Server::start(move |mut stream, _| {
        let tell = tell.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                tell.send(()).unwrap();
            }
        }
    })
    .await;
    let other = Server::answering(OK).await;
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    let (egress, _) = egress_with(policy, |options| options.per_host_max = 1);
    let first = tokio::spawn({
        let (egress, call) = (egress.clone(), get(silent.url()));
        async move { egress.call(call).await }
    });
    told.recv().await.unwrap();
    let second = egress.call(Call { deadline: SHORT, ..get(silent.url()) }).await;
    assert_eq!(second.unwrap_err(), Failure::Busy);
    assert!(!Failure::Busy.may_have_arrived());
    egress.call(get(other.url())).await.expect("another host has its own places");
    // A caller who gives up gives the place back.
    first.abort();
    let _ = first.await;
    let third = egress.call(Call { deadline: SHORT, ..get(silent.url()) }).await;
    assert_eq!(third.unwrap_err(), Failure::TimedOut { sent: true });
}

#[tokio::test]
async fn calls_are_counted_by_purpose_and_outcome() {
    let server = Server::answering(OK).await;
    let missing = Server::answering("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n").await;
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    let (egress, registry) = egress_with(policy, |_| {});
    egress.call(get(server.url())).await.unwrap();
    egress.call(get(server.url())).await.unwrap();
    egress.call(get(missing.url())).await.unwrap();
    egress.call(get("http://10.0.0.1/secret-path")).await.unwrap_err();
    egress.call(get("secret-path")).await.unwrap_err();
    let silent = Server::start(|stream, _| async move {
        let _open = stream;
        tokio::time::sleep(PATIENT).await;
    })
    .await;
    assert!(tokio::time::timeout(SHORT, egress.call(get(silent.url()))).await.is_err());
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "egress_calls_total{purpose=\"test\",outcome=\"2xx\"} 2",
        "egress_calls_total{purpose=\"test\",outcome=\"4xx\"} 1",
        "egress_calls_total{purpose=\"test\",outcome=\"not_allowed\"} 1",
        "egress_calls_total{purpose=\"test\",outcome=\"bad_url\"} 1",
        "egress_calls_total{purpose=\"test\",outcome=\"given_up\"} 1",
        "egress_call_seconds_count{purpose=\"test\"} 6",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn what_is_shown_of_a_call_and_its_answer_holds_no_secret() {
    let call = post("http://bot.example/secret");
    let server =
        Server::answering("HTTP/1.1 200 OK\r\nx: secret\r\ncontent-length: 6\r\n\r\nsecret");
    let answer: Answer = egress().call(get(server.await.url())).await.unwrap();
    let shown = format!("{call:?} {answer:?}");
    assert!(!shown.contains("secret") && !shown.contains("hello"), "{shown}");
}
