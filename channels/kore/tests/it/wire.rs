//! A client's end of the RTM socket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::house::House;

/// How long something may take that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socket that is open.
pub(crate) struct Wire(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Wire {
    /// Opens a socket at an address.
    pub(crate) async fn at(url: &str) -> Self {
        Self(connect_async(url).await.expect("the socket opens").0)
    }

    /// Starts and opens a socket with a token; `more` is what the client adds to the address.
    pub(crate) async fn open(house: &House, token: &str, more: &str) -> Self {
        let url = house.start(token).await;
        Self::at(&format!("{url}{more}")).await
    }

    /// The status with which a handshake is refused.
    pub(crate) async fn refused(url: &str) -> u16 {
        match connect_async(url).await {
            Err(WsError::Http(answer)) => answer.status().as_u16(),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.message().await {
                Some(Message::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    assert!(frame["type"].is_string(), "{frame}");
                    return frame;
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("no frame: {other:?}"),
            }
        }
    }

    /// Whether the next thing that comes is a ping of the WebSocket.
    pub(crate) async fn is_ping(&mut self) -> bool {
        matches!(self.message().await, Some(Message::Ping(_)))
    }

    async fn message(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.0.next());
        next.await.expect("something comes").transpose().ok().flatten()
    }

    /// The next frame of a type; others are passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Frames up to the first of a type, with it.
    pub(crate) async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.frame().await);
            if frames.last().unwrap()["type"] == kind {
                return frames;
            }
        }
    }

    /// The next `bot_response` frames, as many as asked for.
    pub(crate) async fn responses(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::new();
        while frames.len() < count {
            frames.push(self.next("bot_response").await);
        }
        frames
    }

    /// Everything that has come by the answer to a JSON ping: all that was said to the client's own
    /// frames, at least.
    pub(crate) async fn all(&mut self) -> Vec<Value> {
        self.send(&json!({"type": "ping", "id": "mark"})).await;
        let mut frames = self.until("pong").await;
        frames.pop();
        frames
    }

    /// Everything that has come by then, what the log held among it. The bot says something of its
    /// own for that, which is not given.
    pub(crate) async fn everything(&mut self, house: &House) -> Vec<Value> {
        let mut frames = self.all().await;
        let mark = format!("mark {}", house.ground.env.base62(8));
        house.bot_writes(&mark).await;
        loop {
            let frame = self.frame().await;
            if frame["message"][0]["cInfo"]["body"] == mark {
                return frames;
            }
            frames.push(frame);
        }
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Says a text as the web SDK does.
    pub(crate) async fn say(&mut self, id: u64, text: &str) {
        self.send(&json!({
            "clientMessageId": id, "resourceid": "/bot.message", "message": {"body": text},
            "botInfo": {"chatBot": "Kit"}, "client": "sdk",
            "meta": {"timezone": "Etc/UTC", "locale": "en-US"}, "id": id,
        }))
        .await;
    }

    /// Acknowledges a message as the web SDK does.
    pub(crate) async fn acknowledge(&mut self, response: &Value) {
        self.send(&json!({
            "clientMessageId": response["timestamp"], "type": "ack",
            "replyto": response["timestamp"], "status": "delivered", "key": response["key"],
            "id": response["timestamp"],
        }))
        .await;
    }

    /// The frame with which the server closes the socket.
    pub(crate) async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            match self.message().await {
                Some(Message::Close(frame)) => return frame,
                None => return None,
                Some(_) => {}
            }
        }
    }

    /// Closes the socket, and waits until the server has done with it.
    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
        while let Ok(Some(Ok(_))) = tokio::time::timeout(PATIENCE, self.0.next()).await {}
    }
}

/// What responses show.
pub(crate) fn texts(responses: &[Value]) -> Vec<&str> {
    responses.iter().map(|r| r["message"][0]["cInfo"]["body"].as_str().unwrap()).collect()
}

/// The ids of messages.
pub(crate) fn ids(responses: &[Value]) -> Vec<&str> {
    responses.iter().map(|response| response["messageId"].as_str().unwrap()).collect()
}
