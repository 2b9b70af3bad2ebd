//! Direct Line 3.0 as a client speaks it: the few calls that the driver makes.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{SinkExt as _, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, Utf8Bytes};

use crate::http::{Connection, connect, request};

/// A conversation, as start and reconnect give it.
#[derive(Clone, Debug, Deserialize)]
pub struct Started {
    /// The conversation's id.
    #[serde(rename = "conversationId")]
    pub conversation: String,
    /// A token of this conversation.
    pub token: String,
    /// Where its stream is; good for a minute.
    #[serde(rename = "streamUrl")]
    pub stream_url: String,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// The connection broke: whether the server took the request, nobody can know.
    Cut(io::Error),
    /// The server answered with this status.
    Status(u16),
    /// The server answered something that is no Direct Line.
    Nonsense(String),
}

impl Failure {
    /// Whether the same call is worth making again: the server may be away, starting, or full.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Cut(_) => true,
            Self::Status(status) => *status == 429 || *status >= 500,
            Self::Nonsense(_) => false,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cut(error) => write!(f, "the connection broke: {error}"),
            Self::Status(status) => write!(f, "answered {status}"),
            Self::Nonsense(what) => write!(f, "not Direct Line: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidData => Self::Nonsense(error.to_string()),
            _ => Self::Cut(error),
        }
    }
}

/// Starts a conversation with a secret. With a `user` the token is theirs, and the server writes
/// them as the sender of whatever is posted with it.
///
/// # Errors
/// What came of the call instead.
pub async fn start(
    connection: &mut Connection,
    server: SocketAddr,
    secret: &str,
    user: Option<&str>,
) -> Result<Started, Failure> {
    let body = user.map_or_else(
        || "{}".to_owned(),
        |user| serde_json::json!({ "user": { "id": user } }).to_string(),
    );
    let path = "/v3/directline/conversations";
    let request = request("POST", server, path, Some(secret), body.as_bytes());
    json(connection, &request).await
}

/// Takes a conversation up again, from `watermark` on (empty: from its start).
///
/// # Errors
/// What came of the call instead.
pub async fn reconnect(
    connection: &mut Connection,
    server: SocketAddr,
    credential: &str,
    conversation: &str,
    watermark: &str,
) -> Result<Started, Failure> {
    let path = format!("/v3/directline/conversations/{conversation}?watermark={watermark}");
    json(connection, &request("GET", server, &path, Some(credential), b"")).await
}

/// Makes a call and reads the JSON of its answer.
///
/// # Errors
/// What came of the call instead.
pub async fn json<T: DeserializeOwned>(
    connection: &mut Connection,
    request: &[u8],
) -> Result<T, Failure> {
    let answer = connection.call(request).await?;
    if !matches!(answer.status, 200 | 201) {
        return Err(Failure::Status(answer.status));
    }
    serde_json::from_slice(answer.body).map_err(|error| Failure::Nonsense(error.to_string()))
}

/// Makes a call and gives the text of its answer.
///
/// # Errors
/// What came of the call instead.
pub async fn text(connection: &mut Connection, request: &[u8]) -> Result<String, Failure> {
    let answer = connection.call(request).await?;
    if !matches!(answer.status, 200 | 201) {
        return Err(Failure::Status(answer.status));
    }
    let text = String::from_utf8(answer.body.to_vec());
    text.map_err(|error| Failure::Nonsense(error.to_string()))
}

/// A request that posts an activity.
pub fn post(server: SocketAddr, conversation: &str, token: &str, activity: &[u8]) -> Vec<u8> {
    let path = format!("/v3/directline/conversations/{conversation}/activities");
    request("POST", server, &path, Some(token), activity)
}

/// The answer to a post.
#[derive(Debug, Deserialize)]
pub struct Posted {
    /// The activity's id.
    pub id: String,
}

/// A conversation's stream: a WebSocket.
#[derive(Debug)]
pub struct Stream {
    socket: WebSocketStream<TcpStream>,
}

impl Stream {
    /// Opens the stream that a `streamUrl` names, from a source address of the loopback network.
    ///
    /// # Errors
    /// [`Failure::Status`] if the server refuses the handshake.
    pub async fn open(url: &str, server: SocketAddr, from: Ipv4Addr) -> Result<Self, Failure> {
        Self::open_as(url, server, from).await
    }

    /// The same with a handshake that says more than an address: for other protocols' sockets.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub async fn open_as(
        handshake: impl IntoClientRequest + Unpin,
        server: SocketAddr,
        from: Ipv4Addr,
    ) -> Result<Self, Failure> {
        let tcp = connect(server, from).await?;
        // Ten thousand of these live in one driver.
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let opened =
            tokio_tungstenite::client_async_with_config(handshake, tcp, Some(config)).await;
        match opened {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(WsError::Http(answer)) => Err(Failure::Status(answer.status().as_u16())),
            Err(error) => Err(cut(error)),
        }
    }

    /// The next frame that holds anything. Keep-alive frames are empty and are passed over; pings
    /// are answered while this waits.
    ///
    /// # Errors
    /// [`Failure::Cut`] once the stream has ended.
    pub async fn next(&mut self) -> Result<Utf8Bytes, Failure> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) if !text.is_empty() => return Ok(text),
                Some(Ok(Message::Close(Some(close)))) => {
                    let told = format!("closed with {}", u16::from(close.code));
                    return Err(Failure::Cut(io::Error::new(ErrorKind::UnexpectedEof, told)));
                }
                Some(Ok(Message::Close(None))) | None => {
                    return Err(Failure::Cut(ErrorKind::UnexpectedEof.into()));
                }
                Some(Ok(Message::Binary(_))) => {
                    return Err(Failure::Nonsense("a binary frame".to_owned()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(cut(error)),
            }
        }
    }

    /// Sends a frame of text, for protocols whose sockets go both ways.
    ///
    /// # Errors
    /// [`Failure::Cut`] once the stream has ended.
    pub async fn send(&mut self, text: String) -> Result<(), Failure> {
        self.socket.send(Message::text(text)).await.map_err(cut)
    }

    /// Ends the stream with a close frame.
    pub async fn close(mut self) {
        // The other side may have gone first; then there is nothing to say goodbye to.
        drop(self.socket.close(None).await);
    }
}

fn cut(error: WsError) -> Failure {
    match error {
        WsError::Io(error) => Failure::Cut(error),
        other => Failure::Cut(io::Error::other(other.to_string())),
    }
}
