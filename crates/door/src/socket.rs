//! WebSockets.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_util::sync::CancellationToken;

use crate::Metrics;
use crate::metrics::Counted;

/// What an idle socket holds is mostly its read buffer. Measured: 5.4 KiB a socket with this one,
/// 134 KiB with the library's own.
const READ_BUFFER: usize = 1024;

/// How much may wait to be written, in bytes. A face sends one message after the other and waits
/// for each, so this is the longest message there can be; a longer one is an error and ends the
/// socket. It is far above any limit on what may be said, and only there to catch a mistake.
const WRITE_BUFFER_MAX: usize = 64 * 1024 * 1024;

/// The close code by which a client is told that the server is coming back and to connect again
/// (RFC 6455 registry: "Service Restart").
pub const SERVICE_RESTART: u16 = 1012;

/// The close code of a server that goes away (RFC 6455, section 7.4.1).
pub const GOING_AWAY: u16 = 1001;

/// The server's WebSockets: how they are set up, how many there are, and how they are told to
/// reconnect when the server stops.
#[derive(Clone, Debug)]
pub struct Sockets {
    metrics: Metrics,
    stop: CancellationToken,
}

impl Sockets {
    /// Sockets that are counted in `metrics` and go when `stop` is cancelled.
    pub fn new(metrics: Metrics, stop: CancellationToken) -> Self {
        Self { metrics, stop }
    }

    /// Sets the buffers of an upgrade, and the largest message and frame taken, in bytes.
    pub fn configure<F>(
        &self,
        upgrade: WebSocketUpgrade<F>,
        max_message: usize,
    ) -> WebSocketUpgrade<F> {
        upgrade
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_MAX)
            .max_message_size(max_message)
            .max_frame_size(max_message)
    }

    /// Counts a socket for as long as what is given lives.
    pub fn opened(&self) -> OpenSocket {
        OpenSocket { _counted: Counted::of(&self.metrics.sockets), stop: self.stop.clone() }
    }

    /// Whether the server is stopping, so that no new socket should be opened.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }
}

/// A WebSocket that is open.
#[derive(Debug)]
pub struct OpenSocket {
    _counted: Counted,
    stop: CancellationToken,
}

impl OpenSocket {
    /// Ends when the server stops: send [`OpenSocket::farewell`] then, and leave.
    pub async fn told_to_stop(&self) {
        self.stop.cancelled().await;
    }

    /// The last message of a server that stops: it is coming back, connect again.
    pub fn farewell() -> Message {
        Message::Close(Some(CloseFrame {
            code: SERVICE_RESTART,
            reason: "the server restarts; connect again".into(),
        }))
    }
}

/// Why a socket cannot be gone on with, as far as that is the other end's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenSocket {
    /// It is closed, or the client is gone.
    Gone,
    /// The client does not read: a message did not go out in time.
    Unread,
    /// The client's message is longer than is taken.
    TooLarge,
    /// The client's text is no UTF-8.
    NotUtf8,
    /// What the client sent is no WebSocket frame.
    NotAFrame,
}

impl From<axum::Error> for BrokenSocket {
    fn from(error: axum::Error) -> Self {
        match error.into_inner().downcast_ref::<WsError>() {
            Some(WsError::Capacity(CapacityError::MessageTooLong { .. })) => Self::TooLarge,
            Some(WsError::Utf8(_)) => Self::NotUtf8,
            Some(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Self::Gone,
            Some(WsError::Protocol(_)) => Self::NotAFrame,
            _ => Self::Gone,
        }
    }
}

/// Sends a message, and waits until it has gone out.
///
/// # Errors
/// [`BrokenSocket::Gone`]; [`BrokenSocket::Unread`] if it takes longer than `within`.
pub async fn send_message(
    socket: &mut WebSocket,
    message: Message,
    within: Duration,
) -> Result<(), BrokenSocket> {
    match timeout(within, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(BrokenSocket::Gone),
        Err(_) => Err(BrokenSocket::Unread),
    }
}

/// Sends a socket's last message and closes it, within this time. Waiting for the client's answer keeps
/// the message from being lost in a reset.
pub async fn close_socket(socket: &mut WebSocket, farewell: Message, within: Duration) {
    let closing = async {
        if socket.send(farewell).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // Whoever does not answer is let go all the same.
    let _ = timeout(within, closing).await;
}
