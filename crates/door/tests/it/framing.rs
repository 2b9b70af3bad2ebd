//! Requests that two servers in a row could understand differently. Maru may stand behind a proxy:
//! whatever it makes of such a request, it must not be a second one that the proxy did not see.

use maru_door::ServerOptions;

use crate::house::{House, answers, app, body, context, header, status};

/// What every smuggled request asks for; a body that repeats it proves that it got through.
const SECOND: &str = "GET /hold/smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

/// The heads that are refused: one answer of status 400, and the connection is closed.
const REFUSED: [&str; 13] = [
    // Two lengths, or none that is a number.
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 44\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0, 44\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: +0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0x0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
    // An encoding that is not chunked at its end.
    "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n",
    // A name that a proxy may read as another one.
    "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\n transfer-encoding: chunked\r\n\r\n",
    // A line that goes on in the next one (RFC 9112, section 5.2).
    "POST /echo HTTP/1.1\r\nhost: a\r\nx: y\r\n content-length: 44\r\n\r\n",
    // A return or a null where none can be.
    "POST /echo HTTP/1.1\r\nhost: a\r\nx: y\rcontent-length: 44\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\nx: y\0\r\n\r\n",
];

#[tokio::test]
async fn a_head_of_two_meanings_is_refused_and_the_connection_closed() {
    let house = House::open(app(context()), ServerOptions::default()).await;
    for head in REFUSED {
        let text = house.tell(&format!("{head}{SECOND}")).await;
        assert_eq!((status(&text), answers(&text)), ("400", 1), "{head:?}: {text}");
        assert!(!text.contains("smuggled"), "{head:?}: {text}");
    }
}

#[tokio::test]
async fn with_both_framings_chunked_counts_and_nothing_comes_after() {
    // RFC 9112, section 6.1: a server may take chunked, and must close the connection afterwards.
    let house = House::open(app(context()), ServerOptions::default()).await;
    for heads in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
    ] {
        let text = format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\n{heads}\r\n\r\n5\r\nhello\r\n0\r\n\r\n{SECOND}"
        );
        let text = house.tell(&text).await;
        assert_eq!((status(&text), body(&text), answers(&text)), ("200", "hello", 1), "{heads}");
        assert_eq!(header(&text, "connection"), Some("close"), "{heads}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_break_the_request_off() {
    let house = House::open(app(context()), ServerOptions::default()).await;
    for chunks in [
        "5x\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5;a=\nb\r\nhello\r\n0\r\n\r\n",
    ] {
        let head = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        let text = house.tell(&format!("{head}{chunks}{SECOND}")).await;
        assert!(matches!(status(&text), "400" | "nothing"), "{chunks:?}: {text}");
        assert!(answers(&text) <= 1 && !text.contains("smuggled"), "{chunks:?}: {text}");
    }
}

#[tokio::test]
async fn a_bare_line_feed_ends_a_line_and_means_the_same_to_everyone() {
    // RFC 9112, section 2.2 allows it, and hyper does it. The request below has one meaning only:
    // its length is 0, and what follows is a request that any proxy sees too.
    let house = House::open(app(context()), ServerOptions::default()).await;
    let text = "POST /echo HTTP/1.1\nhost: a\ncontent-length: 0\n\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let text = house.tell(text).await;
    assert_eq!((status(&text), answers(&text)), ("200", 2), "{text}");
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_order() {
    let house = House::open(app(context()), ServerOptions::default()).await;
    let request =
        |n: usize, more: &str| format!("GET /hold/n{n} HTTP/1.1\r\nhost: a\r\n{more}\r\n");
    let last = request(3, "connection: close\r\n");
    let text = house.tell(&[request(1, ""), request(2, ""), last].concat()).await;
    let places = ["n1", "n2", "n3"].map(|name| text.find(&format!("\r\n\r\n{name}")).unwrap());
    assert!(places.is_sorted(), "{text}");
    assert_eq!(answers(&text), 3);
}
