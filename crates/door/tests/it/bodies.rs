//! Bodies: how long and how slow.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures_util::{StreamExt as _, stream};
use maru_door::Kind;
use maru_door::ServerOptions;
use maru_door::body::{BodyError, BodyLimits, read};

use crate::house::{House, answers, body, status};

const MAX: usize = 1000;

async fn capped(body: Body) -> Response {
    let limits = BodyLimits {
        deadline: Duration::from_millis(300),
        patience: Duration::from_millis(100),
        ..BodyLimits::bytes(MAX)
    };
    match read(body, limits).await {
        Ok(bytes) => bytes.len().to_string().into_response(),
        Err(error) => error.kind().status().into_response(),
    }
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_cap_however_it_is_framed() {
    let router = Router::new().route("/", post(capped));
    let house = House::open(router, ServerOptions::default()).await;
    let whole = |n: usize| format!("content-length: {n}\r\n\r\n{}", "x".repeat(n));
    let chunked = |n: usize| {
        let (half, rest) = (n / 2, n - n / 2);
        let chunk = |n: usize| format!("{n:x}\r\n{}\r\n", "x".repeat(n));
        format!("transfer-encoding: chunked\r\n\r\n{}{}0\r\n\r\n", chunk(half), chunk(rest))
    };
    for (rest, expected) in [
        (whole(MAX), "200"),
        (whole(MAX + 1), "413"),
        (chunked(MAX), "200"),
        (chunked(MAX + 1), "413"),
        (whole(0), "200"),
        // It is refused for what it announces, before anything of it has come.
        ("content-length: 1000000000000\r\n\r\n".to_owned(), "413"),
        // It comes too slowly: here not at all.
        ("content-length: 10\r\n\r\nxx".to_owned(), "408"),
        ("transfer-encoding: chunked\r\n\r\n2\r\nxx\r\n".to_owned(), "408"),
    ] {
        let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
        let answer = house.tell(&format!("{head}{rest}")).await;
        assert_eq!((status(&answer), answers(&answer)), (expected, 1), "{rest:.60}");
        if expected == "200" {
            assert!(matches!(body(&answer), "1000" | "0"), "{answer}");
        }
    }
}

/// A body of `pieces` pieces of `size` bytes, one every `gap`.
fn dripping(pieces: usize, size: usize, gap: Duration) -> Body {
    Body::from_stream(stream::iter(0..pieces).then(move |_| async move {
        tokio::time::sleep(gap).await;
        Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; size]))
    }))
}

#[tokio::test(start_paused = true)]
async fn a_body_must_keep_its_pace_and_its_deadline() {
    let limits = BodyLimits::bytes(1 << 20);
    let second = Duration::from_secs(1);
    for (pieces, size, gap, expected) in [
        // 2 KiB a second keep the pace, and are here in time.
        (20, 2048, second, Ok(20 * 2048)),
        // So do they for ever, but not longer than the deadline.
        (40, 2048, second, Err(BodyError::TooSlow)),
        // 512 bytes a second do not, once the first ten seconds are over.
        (9, 512, second, Ok(9 * 512)),
        (25, 512, second, Err(BodyError::TooSlow)),
        // A byte now and then is what slow attacks look like.
        (40, 1, Duration::from_millis(500), Err(BodyError::TooSlow)),
        (1, 10, 11 * second, Err(BodyError::TooSlow)),
    ] {
        let outcome = read(dripping(pieces, size, gap), limits).await.map(|bytes| bytes.len());
        assert_eq!(outcome, expected, "{pieces} × {size}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_callers_mistake() {
    let pieces = [Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("reset"))];
    let outcome = read(Body::from_stream(stream::iter(pieces)), BodyLimits::bytes(10)).await;
    assert_eq!(outcome, Err(BodyError::Broken));
    assert_eq!(BodyError::Broken.kind(), Kind::Invalid);
}

#[tokio::test]
async fn one_piece_is_not_copied() {
    let whole = Bytes::from(vec![b'x'; 1000]);
    let taken = read(Body::from(whole.clone()), BodyLimits::bytes(1000)).await.unwrap();
    assert_eq!(taken.as_ptr(), whole.as_ptr());
}
