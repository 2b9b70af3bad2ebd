//! A server on a port of its own, and a client that writes what it likes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::routing::{get, post};
use maru_activity::env::Env;
use maru_door::{Caller, Context, Listener, Metrics, ServerOptions, serve};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for anything that happens at all.
pub(crate) const EVER: Duration = Duration::from_secs(20);

/// Long enough to see that something does not happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(150);

pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<usize>,
}

impl House {
    /// Serves the router on a free port.
    pub(crate) async fn open(router: Router, options: ServerOptions) -> Self {
        let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).await.unwrap();
        Self::listening(listener, router, options)
    }

    pub(crate) fn listening(listener: Listener, router: Router, options: ServerOptions) -> Self {
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, router, options, stop.clone()));
        Self { address, stop, served }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends the text on a connection of its own, and gives everything that comes back.
    pub(crate) async fn tell(&self, text: &str) -> String {
        let mut client = self.connect().await;
        client.send(text).await;
        client.rest().await
    }

    /// Stops the server, and gives the number of connections that were left.
    pub(crate) async fn close(self) -> usize {
        self.stop.cancel();
        tokio::time::timeout(EVER, self.served).await.unwrap().unwrap()
    }
}

/// One end of a connection.
pub(crate) struct Client<T>(pub(crate) T);

impl<T: AsyncRead + tokio::io::AsyncWrite + Unpin> Client<T> {
    pub(crate) async fn send(&mut self, text: &str) {
        // A server that has had enough may be gone already; what it said tells.
        let _ = self.0.write_all(text.as_bytes()).await;
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut text = Vec::new();
        let read = tokio::time::timeout(EVER, self.0.read_to_end(&mut text)).await;
        // A reset is an end too.
        let _ = read.expect("the server closes the connection");
        String::from_utf8(text).unwrap()
    }

    /// The next answer, whose body must have a `content-length`.
    pub(crate) async fn answer(&mut self) -> String {
        tokio::time::timeout(EVER, self.read_answer()).await.expect("the server answers")
    }

    async fn read_answer(&mut self) -> String {
        let mut text = Vec::new();
        loop {
            let byte = self.0.read_u8().await.unwrap();
            text.push(byte);
            if text.ends_with(b"\r\n\r\n") {
                break;
            }
        }
        let head = String::from_utf8(text.clone()).unwrap();
        let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        head + std::str::from_utf8(&body).unwrap()
    }
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.split("\r\n").take_while(|line| !line.is_empty());
    lines.find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// How many answers are in what came back.
pub(crate) fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

pub(crate) fn context() -> Context {
    Context::new(Env::system(), Metrics::default())
}

/// Some routes in the given context: `/` says who calls, `/echo` repeats the body, `/hold/{key}`
/// repeats the key, `/panic` panics, `/never` does not answer.
pub(crate) fn app(context: Context) -> Router {
    let router = Router::new()
        .route("/", get(async |caller: Caller| format!("{} {}", caller.peer, caller.base_url)))
        .route("/echo", post(async |body: Bytes| Body::from(body)))
        .route("/hold/{key}", get(async |Path(key): Path<String>| key))
        .route("/never", get(std::future::pending::<()>))
        .route("/panic", get(panics));
    Arc::new(context).around(router)
}

async fn panics() -> &'static str {
    panic!("of its own accord")
}
