//! A partner server that answers as it is told, to the byte and to the broken connection.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use futures_util::stream;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// What it answers to one call.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
    until: Option<Arc<Notify>>,
}

#[derive(Clone, Debug)]
enum Body {
    /// All of it, with its length.
    Whole(Bytes),
    /// In pieces of an unknown number.
    Chunked(Bytes),
    /// The head says that there is one, and it never comes.
    Never,
    /// A byte now and then, without end.
    Drip,
    /// The connection is closed without a word.
    Closed,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let body = Body::Whole(body.into());
        Self { status, headers: Vec::new(), body, until: None }.with("content-type", content_type)
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200, JSON, body.to_string())
    }

    /// A message with this text.
    pub(crate) fn text(text: &str) -> Self {
        Self::json(&serde_json::json!({"message": {"text": text}}))
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, "text/html; charset=utf-8", "<h1>error</h1>")
    }

    pub(crate) fn redirect(status: u16, to: &str) -> Self {
        Self::status(status).with("location", to)
    }

    pub(crate) fn closed() -> Self {
        Self { body: Body::Closed, ..Self::status(200) }
    }

    pub(crate) fn stalled() -> Self {
        Self { body: Body::Never, ..Self::new(200, JSON, "") }
    }

    pub(crate) fn dripping() -> Self {
        Self { body: Body::Drip, ..Self::new(200, JSON, "") }
    }

    pub(crate) fn chunked(self) -> Self {
        let body = match self.body {
            Body::Whole(body) => Body::Chunked(body),
            other => other,
        };
        Self { body, ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Only when it is told to.
    pub(crate) fn when(mut self, told: &Arc<Notify>) -> Self {
        self.until = Some(Arc::clone(told));
        self
    }
}

/// A call that it was made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// `POST /message`.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) bytes: Bytes,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    script: Mutex<HashMap<&'static str, VecDeque<Reply>>>,
    otherwise: Mutex<HashMap<&'static str, Reply>>,
    rang: Notify,
}

/// A partner server on a port of its own.
#[derive(Debug)]
pub(crate) struct Partner {
    pub(crate) url: String,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

pub(crate) const KEYBOARD: &str = "GET /keyboard";
pub(crate) const MESSAGE: &str = "POST /message";
pub(crate) const FRIEND: &str = "POST /friend";
pub(crate) const BLOCK: &str = "DELETE /friend";
pub(crate) const LEAVE: &str = "DELETE /chat_room";
pub(crate) const OTHER: &str = "other";

impl Partner {
    /// Answers a text keyboard, `ok` and `SUCCESS` until it is told otherwise.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        let partner = Self { url, shared, _serving: AbortOnDropHandle::new(serving) };
        partner.otherwise(KEYBOARD, Reply::new(200, JSON, r#"{"type":"text"}"#));
        partner.otherwise(MESSAGE, Reply::text("ok"));
        partner
    }

    /// Answers the next call of this kind so.
    pub(crate) fn then(&self, call: &'static str, reply: Reply) {
        self.shared.script.lock().entry(call).or_default().push_back(reply);
    }

    /// Answers calls of this kind so when nothing else was told.
    pub(crate) fn otherwise(&self, call: &'static str, reply: Reply) {
        self.shared.otherwise.lock().insert(call, reply);
    }

    /// Takes back what it was told of the next call of this kind.
    pub(crate) fn forget(&self, call: &'static str) {
        self.shared.script.lock().remove(call);
    }

    /// The calls of this kind so far.
    pub(crate) fn calls(&self, call: &'static str) -> Vec<Call> {
        let calls = self.shared.calls.lock();
        calls.iter().filter(|made| kind_of(&made.line) == call).cloned().collect()
    }

    /// The first lines of all calls so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.calls.lock().iter().map(|call| call.line.clone()).collect()
    }

    /// Waits until at least so many calls of this kind were made.
    pub(crate) async fn wait_for(&self, call: &'static str, count: usize) -> Vec<Call> {
        loop {
            let rang = self.shared.rang.notified();
            let calls = self.calls(call);
            if calls.len() >= count {
                return calls;
            }
            rang.await;
        }
    }
}

fn kind_of(line: &str) -> &'static str {
    let (method, path) = line.split_once(' ').unwrap();
    match (method, path) {
        ("GET", path) if path.ends_with("/keyboard") => KEYBOARD,
        ("POST", path) if path.ends_with("/message") => MESSAGE,
        ("POST", path) if path.ends_with("/friend") => FRIEND,
        ("DELETE", path) if path.contains("/friend/") => BLOCK,
        ("DELETE", path) if path.contains("/chat_room/") => LEAVE,
        _ => OTHER,
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with the server: they are its children.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { answer(&shared, request).await }
            });
            let http = hyper::server::conn::http1::Builder::new();
            // A connection that it is told to break is an error here.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type BoxedBody = http_body_util::combinators::BoxBody<Bytes, io::Error>;

async fn answer(shared: &Shared, request: Request<Incoming>) -> io::Result<Response<BoxedBody>> {
    let (head, body) = request.into_parts();
    let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let line = format!("{} {}", head.method, head.uri);
    let kind = kind_of(&line);
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    shared.calls.lock().push(Call { line, headers: head.headers, body, bytes });
    shared.rang.notify_waiters();
    let told = shared.script.lock().get_mut(kind).and_then(VecDeque::pop_front);
    let told = told.or_else(|| shared.otherwise.lock().get(kind).cloned());
    let reply = told.unwrap_or_else(|| {
        let known = head.method != Method::GET && kind != MESSAGE;
        match known {
            true => Reply::new(200, JSON, r#"{"code":0,"message":"SUCCESS"}"#),
            false => Reply::status(404),
        }
    });
    if let Some(until) = &reply.until {
        until.notified().await;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers.iter().filter(|(_, value)| !value.is_empty()) {
        response = response.header(*name, value);
    }
    let body = match reply.body {
        Body::Whole(body) => http_body_util::Full::new(body).map_err(io::Error::other).boxed(),
        Body::Chunked(body) => {
            let pieces: Vec<_> = body.chunks(7).map(|piece| body.slice_ref(piece)).collect();
            let pieces = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
            BodyExt::boxed(StreamBody::new(stream::iter(pieces)))
        }
        Body::Never => {
            response = response.header("content-length", "212");
            BodyExt::boxed(StreamBody::new(stream::pending()))
        }
        Body::Drip => BodyExt::boxed(StreamBody::new(stream::unfold((), async |()| {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            Some((Ok(Frame::data(Bytes::from_static(b" "))), ()))
        }))),
        Body::Closed => return Err(io::Error::other("it is closed")),
    };
    Ok(response.body(body).unwrap())
}
