//! WebSockets.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use maru_door::{Metrics, OpenSocket, SERVICE_RESTART, ServerOptions, Sockets};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};
use tokio_util::sync::CancellationToken;

use crate::house::{A_WHILE, EVER, House, status};

const MESSAGE_MAX: usize = 1000;

/// Repeats what it is sent, until it is told to stop.
fn echo(sockets: Sockets) -> Router {
    let handler = async move |upgrade: WebSocketUpgrade| {
        let open = sockets.clone();
        sockets.configure(upgrade, MESSAGE_MAX).on_upgrade(async move |mut socket| {
            let open = open.opened();
            loop {
                tokio::select! {
                    () = open.told_to_stop() => {
                        let _ = socket.send(OpenSocket::farewell()).await;
                        return;
                    }
                    message = socket.recv() => match message {
                        Some(Ok(message @ Message::Text(_))) => {
                            if socket.send(message).await.is_err() {
                                return;
                            }
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return,
                    },
                }
            }
        })
    };
    Router::new().route("/ws", get(handler)).route("/", get(async || "here"))
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(house: &House) -> Socket {
    connect_async(format!("ws://{}/ws", house.address)).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Option<tungstenite::Result<tungstenite::Message>> {
    tokio::time::timeout(EVER, socket.next()).await.unwrap()
}

#[tokio::test]
async fn a_stop_tells_every_socket_to_come_back() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let stop = CancellationToken::new();
    let sockets = Sockets::new(metrics.clone(), stop.clone());
    let options = ServerOptions { metrics, ..ServerOptions::default() };
    let house = House::open(echo(sockets.clone()), options).await;
    let mut open = [open(&house).await, open(&house).await];
    for socket in &mut open {
        socket.send("hello".into()).await.unwrap();
        assert_eq!(next(socket).await.unwrap().unwrap(), "hello".into());
    }
    let numbers = |registry: &Registry| {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    };
    assert!(numbers(&registry).contains("sockets_open 2\n"));
    assert!(numbers(&registry).contains("http_connections_open 2\n"), "they are connections still");

    assert!(!sockets.is_stopping());
    stop.cancel();
    assert!(sockets.is_stopping());
    for socket in &mut open {
        let Some(Ok(tungstenite::Message::Close(Some(frame)))) = next(socket).await else {
            panic!("a farewell")
        };
        assert_eq!(u16::from(frame.code), SERVICE_RESTART);
    }
    drop(open);
    assert_eq!(house.close().await, 0);
    assert!(numbers(&registry).contains("sockets_open 0\n"));
    assert!(numbers(&registry).contains("http_connections_open 0\n"));
}

#[tokio::test]
async fn a_message_is_taken_up_to_its_limit() {
    let sockets = Sockets::new(Metrics::default(), CancellationToken::new());
    let house = House::open(echo(sockets), ServerOptions::default()).await;
    let mut socket = open(&house).await;
    let longest = "x".repeat(MESSAGE_MAX);
    socket.send(longest.clone().into()).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap().unwrap(), longest.clone().into());
    socket.send(format!("{longest}x").into()).await.unwrap();
    let answer = next(&mut socket).await;
    let is_closed = !matches!(answer, Some(Ok(tungstenite::Message::Text(_))));
    assert!(is_closed, "{answer:?}");
}

#[tokio::test]
async fn what_is_sent_may_be_longer_than_what_is_taken() {
    let sockets = Sockets::new(Metrics::default(), CancellationToken::new());
    let handler = async move |upgrade: WebSocketUpgrade| {
        sockets.configure(upgrade, MESSAGE_MAX).on_upgrade(async |mut socket| {
            let _ = socket.send(Message::text("x".repeat(5 << 20))).await;
        })
    };
    let router = Router::new().route("/ws", get(handler));
    let house = House::open(router, ServerOptions::default()).await;
    let message = next(&mut open(&house).await).await.unwrap().unwrap();
    assert_eq!(message.len(), 5 << 20);
}

#[tokio::test]
async fn an_open_socket_takes_up_a_connections_place() {
    let sockets = Sockets::new(Metrics::default(), CancellationToken::new());
    let options = ServerOptions {
        max_connections: 1,
        grace: Duration::from_millis(50),
        ..ServerOptions::default()
    };
    let house = House::open(echo(sockets), options).await;
    let mut socket = open(&house).await;
    socket.send("hello".into()).await.unwrap();
    next(&mut socket).await;
    let mut waiting = house.connect().await;
    waiting.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(tokio::time::timeout(A_WHILE, waiting.0.peek(&mut [0])).await.is_err());
    drop(socket);
    assert_eq!(status(&waiting.answer().await), "200");
}
