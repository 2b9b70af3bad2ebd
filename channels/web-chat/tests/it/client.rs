//! A client that sends frames, and is told of frames.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A handshake with these headers.
pub(crate) fn handshake(
    at: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Request<()> {
    let mut request = format!("ws://{at}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    request
}

pub(crate) struct Client {
    /// `None` once the link was cut.
    socket: Option<Socket>,
    pub(crate) at: SocketAddr,
    /// The `welcome`'s body.
    pub(crate) welcome: Value,
    /// The last place of the stream.
    pub(crate) last: u64,
    /// Every text that came, as it came.
    pub(crate) raw: Vec<String>,
}

impl Client {
    pub(crate) async fn connect(at: SocketAddr, path: &str) -> Self {
        let request = handshake(at, path, &[("Sec-WebSocket-Protocol", "nxchat.v1")]);
        let (socket, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "nxchat.v1");
        Self { socket: Some(socket), at, welcome: Value::Null, last: 0, raw: Vec::new() }
    }

    /// With headers of one's own.
    pub(crate) async fn connect_as(at: SocketAddr, headers: &[(&'static str, &str)]) -> Self {
        let mut all = vec![("Sec-WebSocket-Protocol", "nxchat.v1")];
        all.extend(headers);
        let (socket, _) = connect_async(handshake(at, "/nxchat/ws", &all)).await.unwrap();
        Self { socket: Some(socket), at, welcome: Value::Null, last: 0, raw: Vec::new() }
    }

    /// With room for little that has come and was not read.
    pub(crate) async fn connect_narrow(at: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        let stream = MaybeTlsStream::Plain(socket.connect(at).await.unwrap());
        let request = handshake(at, "/nxchat/ws", &[("Sec-WebSocket-Protocol", "nxchat.v1")]);
        let (socket, _) = client_async(request, stream).await.unwrap();
        Self { socket: Some(socket), at, welcome: Value::Null, last: 0, raw: Vec::new() }
    }

    /// The status of a handshake that is refused, and its error's code.
    pub(crate) async fn refused(request: Request<()>) -> (u16, String) {
        let Err(Error::Http(response)) = connect_async(request).await else {
            panic!("it was not refused");
        };
        let body = response.body().as_deref().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        (response.status().as_u16(), body["error"]["code"].as_str().unwrap_or("").to_owned())
    }

    pub(crate) async fn invite(&mut self, realm: &str, dn: &str, tel: &str) {
        self.send(&json!({"t": "invite", "i": "in", "d": {"realm": realm, "dn": dn, "tel": tel}}))
            .await;
    }

    /// Takes the welcome in.
    pub(crate) async fn welcomed(&mut self) -> Value {
        let welcome = self.frame().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        self.welcome = welcome["d"].clone();
        welcome
    }

    /// Comes back with the welcome's secret by a new socket, which has taken in all up to `last`.
    pub(crate) async fn resumed(&self, last: u64) -> Self {
        let mut client = Self::connect(self.at, "/nxchat/ws").await;
        client.resume(&self.welcome, last).await;
        client.welcomed().await;
        client.last = last;
        client
    }

    pub(crate) async fn resume(&mut self, welcome: &Value, last: u64) {
        let d = json!({"sid": welcome["sid"], "secret": welcome["secret"], "last": last, "pending": []});
        self.send(&json!({"t": "resume", "i": "re", "d": d})).await;
    }

    /// Cuts the link, as a network does.
    pub(crate) fn cut(&mut self) {
        self.socket = None;
    }

    pub(crate) fn cid(&self) -> String {
        self.welcome["cid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.socket.as_mut().unwrap().send(Message::text(text.into())).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self) {
        self.socket.as_mut().unwrap().send(Message::binary(vec![1, 2, 3])).await.unwrap();
    }

    pub(crate) async fn say(&mut self, mid: &str, content: Value) -> Value {
        self.say_to(mid, "BOTH", content).await
    }

    /// Says something, and gives the answer to it.
    pub(crate) async fn say_to(&mut self, mid: &str, send: &str, content: Value) -> Value {
        let d = json!({"mid": mid, "send": send, "content": content});
        self.send(&json!({"t": "msg", "i": mid, "d": d})).await;
        self.answer(mid).await
    }

    pub(crate) async fn text(&mut self, mid: &str, text: &str) -> Value {
        self.say(mid, json!({"type": "text", "message": text})).await
    }

    /// The answer to a request; the stream's frames before it are counted and passed over.
    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["r"] == id {
                return frame;
            }
        }
    }

    /// The next frame. The stream has no gap, and nothing twice.
    pub(crate) async fn frame(&mut self) -> Value {
        let next = self.next().await;
        next.unwrap_or_else(|code| panic!("the socket was closed with {code}"))
    }

    /// The next frame of this type; others of the stream are counted and passed over.
    pub(crate) async fn until(&mut self, t: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["t"] == t {
                return frame;
            }
        }
    }

    /// The next frame, or the code by which the socket was closed.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = timeout(PATIENCE, self.socket.as_mut().unwrap().next())
                .await
                .expect("a frame in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    self.raw.push(text.to_string());
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    self.count(&frame);
                    return Ok(frame);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    fn count(&mut self, frame: &Value) {
        if let Some(s) = frame["s"].as_u64() {
            let from = match frame["t"].as_str() {
                Some("skip") => frame["d"]["from"].as_u64().unwrap(),
                _ => s,
            };
            assert_eq!(from, self.last + 1, "{frame}");
            self.last = s;
        }
    }

    /// The code by which the socket is closed.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}
