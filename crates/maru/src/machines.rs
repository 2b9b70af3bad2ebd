//! What machines (and a curious browser) ask of the server itself: `/healthz`, `/readyz`,
//! `/metrics`, `/openapi.json`, and a short notice at `/`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, StatusCode, header};
use maru_door::{Face, RouteSet, Routes};
use maru_hall::Hall;
use maru_store::Store;
use maru_web_chat::{WebChat, is_handshake};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// How long the store may take to say that it takes commits.
const STORE_ANSWERS: Duration = Duration::from_secs(2);

/// The face for machines.
#[derive(Debug)]
pub(crate) struct Machines {
    pub(crate) hall: Hall,
    /// Whose handshakes come in at the root.
    pub(crate) web_chat: Arc<WebChat>,
    /// Whether hints are carried between nodes, or stay in the process.
    pub(crate) carries_hints: bool,
    /// Filled by every part while it is put together.
    pub(crate) registry: Arc<Registry>,
    pub(crate) openapi: String,
    pub(crate) stopping: CancellationToken,
}

impl Machines {
    /// Whether new work should be sent here: the store takes commits, and the server stays. Hints
    /// that do not reach the others make things later, and are only told of.
    async fn ready(self: Arc<Self>) -> Response {
        if self.stopping.is_cancelled() {
            let told = json!({ "status": "stopping" });
            return (StatusCode::SERVICE_UNAVAILABLE, axum::Json(told)).into_response();
        }
        let healthy = tokio::time::timeout(STORE_ANSWERS, self.hall.healthy()).await;
        let store = match healthy {
            Ok(Ok(())) => "ok",
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready");
                "unavailable"
            }
            Err(_) => {
                tracing::warn!("not ready: the store does not answer in time");
                "unavailable"
            }
        };
        let hints = match self.carries_hints {
            true if self.hall.hints_connected() => "connected",
            true => "disconnected",
            false => "local",
        };
        let (code, status) = match store {
            "ok" => (StatusCode::OK, "ready"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let told = json!({ "status": status, "store": store, "hints": hints });
        (code, axum::Json(told)).into_response()
    }

    fn metrics(&self) -> Response {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], text).into_response()
    }
}

impl Face for Machines {
    fn name(&self) -> &'static str {
        "machines"
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        Routes::of(self)
            .get("/", async |State(machines): State<Arc<Self>>, request: Request| {
                // The vendor's web chat pages connect to the root (web-chat-desk.md A36).
                match is_handshake(request.headers()) {
                    true => Arc::clone(&machines.web_chat).handshake(request).await,
                    false => page(),
                }
            })
            .get("/healthz", async || "alive\n")
            .get("/readyz", async |State(machines): State<Arc<Self>>| machines.ready().await)
            .get("/metrics", async |State(machines): State<Arc<Self>>| machines.metrics())
            .get("/openapi.json", async |State(machines): State<Arc<Self>>| {
                let kind = (header::CONTENT_TYPE, "application/json; charset=utf-8");
                ([kind], machines.openapi.clone()).into_response()
            })
            .done()
    }
}

/// The page at `/`. It loads nothing and runs nothing.
fn page() -> Response {
    const HTML: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width\">\n<title>Maru</title>\n\
        <h1>Maru</h1>\n\
        <p>This is a bot messaging server. Direct Line clients are pointed at \
        <code>/v3/directline</code>; what else is served stands in \
        <a href=\"/openapi.json\">/openapi.json</a>.</p>\n\
        <p>For machines: <a href=\"/healthz\">/healthz</a>, <a href=\"/readyz\">/readyz</a>, \
        <a href=\"/metrics\">/metrics</a>.</p>\n</html>\n";
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, HTML).into_response()
}

/// Which node this is: a metric whose labels can be joined to all others.
#[derive(Debug)]
pub(crate) struct NodeInfo(pub(crate) String);

impl Collector for NodeInfo {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let info = Info::new([("name", self.0.as_str()), ("version", env!("CARGO_PKG_VERSION"))]);
        let help = "The node's name and the program's version";
        let metric = encoder.encode_descriptor("maru_node", help, None, info.metric_type())?;
        info.encode(metric)
    }
}

/// The store's own numbers, asked for when somebody looks.
#[derive(Debug)]
pub(crate) struct StoreNumbers(pub(crate) Arc<dyn Store>);

impl Collector for StoreNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in self.0.numbers() {
            let help = help.trim_end_matches('.');
            // The encoder appends `_total` to counters by itself.
            if let Some(name) = name.strip_suffix("_total") {
                let counter = ConstCounter::new(value);
                let name = format!("maru_store_{name}");
                let metric = encoder.encode_descriptor(&name, help, None, counter.metric_type())?;
                counter.encode(metric)?;
            } else {
                let gauge = ConstGauge::new(value);
                let name = format!("maru_store_{name}");
                let metric = encoder.encode_descriptor(&name, help, None, gauge.metric_type())?;
                gauge.encode(metric)?;
            }
        }
        Ok(())
    }
}
