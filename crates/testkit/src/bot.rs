//! A real HTTP bot that answers as it is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

/// How long to wait for a call before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the bot answers to one call.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    delay: Duration,
    hangs: bool,
}

impl Reply {
    /// With this status and no body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
            hangs: false,
        }
    }

    /// 200 with this JSON.
    pub fn json(body: &Value) -> Self {
        Self::status(200).with_body("application/json", body.to_string())
    }

    /// Never: the call is taken and not answered.
    pub fn never() -> Self {
        Self { hangs: true, ..Self::status(200) }
    }

    /// With a body of this content type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.with_header("content-type", content_type)
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// After so long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A call that the bot was made.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The path with its query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; `null` if it is none.
    pub body: Value,
    /// The very bytes of it.
    pub bytes: Bytes,
}

/// A bot on a port of its own, at any path. It is gone when it is dropped.
#[derive(Debug)]
pub struct ScriptedBot {
    url: String,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    heard: Mutex<Vec<Heard>>,
    script: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Reply>,
    rang: Notify,
}

impl ScriptedBot {
    /// Answers 200 to everything until it is told otherwise.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared {
            heard: Mutex::default(),
            script: Mutex::default(),
            otherwise: Mutex::new(Reply::status(200)),
            rang: Notify::new(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // It is served until the task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        let url = format!("http://{address}/api/messages");
        Self { url, shared, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Its messaging endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers one of the next calls so: the first that is told is the first that is used.
    pub fn then(&self, reply: Reply) {
        self.shared.script.lock().push_back(reply);
    }

    /// Answers so whenever nothing else was told.
    pub fn otherwise(&self, reply: Reply) {
        *self.shared.otherwise.lock() = reply;
    }

    /// The calls so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().clone()
    }

    /// Waits until at least so many calls were made, and gives them all.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn wait_for(&self, count: usize) -> Vec<Heard> {
        let enough = async {
            loop {
                let rang = self.shared.rang.notified();
                if self.shared.heard.lock().len() >= count {
                    return;
                }
                rang.await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, enough).await;
        let heard = self.heard();
        assert!(came.is_ok(), "{count} calls were expected, and these came: {heard:?}");
        heard
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let heard = Heard {
        target: head.uri.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        bytes,
    };
    shared.heard.lock().push(heard);
    shared.rang.notify_waiters();
    let told = shared.script.lock().pop_front();
    let reply = told.unwrap_or_else(|| shared.otherwise.lock().clone());
    if reply.hangs {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(reply.body)).expect("the script's headers are sound")
}
