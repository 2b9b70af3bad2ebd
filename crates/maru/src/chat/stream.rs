//! Listening: the stream, and coming back to it after the last watermark.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use super::net;
use super::rest::{Rest, Started};
use crate::exit::{Code, Failure};

/// How often an empty frame is sent, so that what stands between does not think the socket dead.
const PING: Duration = Duration::from_secs(20);

/// How long to wait before connecting again; it doubles up to [`AGAIN_MAX`].
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(10);

/// What is heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// Activities, in order.
    Activities(Vec<Value>),
    /// The stream broke off.
    Lost,
    /// It is there again.
    Back,
    /// It will not come back.
    Ended(Failure),
}

#[derive(Deserialize)]
struct ActivitySet {
    #[serde(default)]
    activities: Vec<Value>,
    #[serde(default)]
    watermark: Option<String>,
}

/// Listens until nobody wants to hear it any more.
pub(super) async fn listen(rest: Rest, started: Started, heard: mpsc::Sender<Heard>) {
    let Started { id, mut stream_url } = started;
    let mut watermark: Option<String> = None;
    let mut again = AGAIN;
    let mut lost = false;
    loop {
        if let Some(mut socket) = connect(&stream_url).await {
            again = AGAIN;
            if std::mem::take(&mut lost) && heard.send(Heard::Back).await.is_err() {
                return;
            }
            loop {
                let frame = tokio::select! {
                    frame = socket.next() => frame,
                    () = tokio::time::sleep(PING) => {
                        if socket.send(Message::text("")).await.is_err() {
                            break;
                        }
                        continue;
                    }
                };
                let Some(Ok(frame)) = frame else { break };
                let Message::Text(text) = frame else { continue };
                let Ok(set) = serde_json::from_str::<ActivitySet>(&text) else { continue };
                // Only a watermark that says something takes the old one's place.
                watermark = set.watermark.filter(|mark| !mark.is_empty()).or(watermark);
                if heard.send(Heard::Activities(set.activities)).await.is_err() {
                    return;
                }
            }
        }
        if !std::mem::replace(&mut lost, true) && heard.send(Heard::Lost).await.is_err() {
            return;
        }
        tokio::time::sleep(again).await;
        again = (again * 2).min(AGAIN_MAX);
        match rest.reconnect(&id, watermark.as_deref()).await {
            Ok(started) => stream_url = started.stream_url,
            Err(failure) if failure.code == Code::Unreachable => {}
            Err(failure) => {
                // Whoever listened may have left.
                let _ = heard.send(Heard::Ended(failure)).await;
                return;
            }
        }
    }
}

type Socket = tokio_tungstenite::WebSocketStream<Box<dyn net::Stream>>;

async fn connect(url: &str) -> Option<Socket> {
    let stream = net::connect(&Url::parse(url).ok()?).await.ok()?;
    let connected = tokio_tungstenite::client_async(url, stream).await;
    connected.ok().map(|(socket, _)| socket)
}
