//! Servers that misbehave: is it said rightly whether the request may have arrived?

use std::time::Duration;

use maru_egress::{Call, Failure, Policy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

use crate::server::{PATIENT, SHORT, Server, egress, egress_with, get, post, read_request};

/// Calls by GET and by POST: one has no body, and the two take different ways through the client.
async fn both_ways(url: &str, deadline: Duration) -> [Failure; 2] {
    let egress = egress();
    let failures = [
        egress.call(Call { deadline, ..get(url) }).await.unwrap_err(),
        egress.call(Call { deadline, ..post(url) }).await.unwrap_err(),
    ];
    for failure in &failures {
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
    failures
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    drop(listener);
    for failure in both_ways(&url, PATIENT).await {
        assert!(
            matches!(&failure, Failure::Unreachable { cause } if cause.contains("refused")),
            "{failure:?}"
        );
        assert!(!failure.may_have_arrived());
    }
}

#[tokio::test]
async fn a_server_that_never_answers_may_have_the_request() {
    let silent =
        Server::start(
            |mut stream, _| async move { while read_request(&mut stream).await.is_some() {} },
        )
        .await;
    for failure in both_ways(&silent.url(), SHORT).await {
        assert_eq!(failure, Failure::TimedOut { sent: true });
        assert!(failure.may_have_arrived());
    }
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_cannot_have_the_request() {
    let silent =
        Server::start(|mut stream, _| async move { while stream.read_u8().await.is_ok() {} }).await;
    let url = silent.url().replace("http:", "https:");
    for failure in both_ways(&url, SHORT).await {
        assert_eq!(failure, Failure::TimedOut { sent: false });
        assert!(!failure.may_have_arrived());
    }
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    let (egress, _) = egress_with(policy, |options| options.connect_timeout = SHORT);
    let failure = egress.call(get(url)).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_never_accepted_cannot_have_the_request() {
    // Linux drops the first packet of a connection when the queue of those not accepted is full.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    for failure in both_ways(&format!("http://{address}/secret"), SHORT).await {
        assert_eq!(failure, Failure::TimedOut { sent: false });
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_may_have_delivered_it() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "SSH-2.0-OpenSSH_10.0\r\n",
        "<html>hello</html>",
    ] {
        let server = Server::start(move |mut stream, _| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await;
        for failure in both_ways(&server.url(), PATIENT).await {
            assert!(matches!(failure, Failure::Broken { .. }), "{answer:?}: {failure:?}");
            assert!(failure.may_have_arrived());
        }
        // Neither call was repeated by the client.
        assert_eq!(server.connections(), 2, "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_trickles_past_the_deadline_times_out() {
    let server = Server::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for failure in both_ways(&server.url(), SHORT).await {
        assert_eq!(failure, Failure::TimedOut { sent: true });
    }
}

#[tokio::test]
async fn tls_to_a_port_that_speaks_none_is_unreachable() {
    let plain = Server::start(|mut stream, _| async move {
        let _ = stream.read_u8().await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    for failure in both_ways(&plain.url().replace("http:", "https:"), PATIENT).await {
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
        assert!(!failure.may_have_arrived());
    }
}

#[tokio::test]
async fn a_connection_that_closed_while_idle_is_replaced_and_nothing_arrives_twice() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let (closed, mut is_closed) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, number| {
        let (tell, closed) = (tell.clone(), closed.clone());
        async move {
            read_request(&mut stream).await;
            tell.send(number).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    })
    .await;
    let egress = egress();
    for round in 1..=200 {
        match egress.call(post(server.url())).await {
            Ok(answer) => assert_eq!(&answer.body[..], b"ok"),
            // The close crossed the request: nobody can know, and that is what is said.
            Err(failure) => {
                assert!(matches!(failure, Failure::Broken { .. }), "{failure:?}");
                continue;
            }
        }
        is_closed.recv().await.unwrap();
        assert!(told.recv().await.is_some(), "round {round} was answered, but did not arrive");
        assert!(told.try_recv().is_err(), "round {round} arrived twice");
    }
}
