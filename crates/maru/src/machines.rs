//! What machines (and a curious browser) ask of the server itself: `/healthz`, `/readyz`,
//! `/metrics`, `/openapi.json`, and a short notice at `/`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, StatusCode, header};
use maru_door::{Face, RouteSet, Routes};
use maru_hall::Hall;
use maru_store::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

/// The face for machines.
#[derive(Debug)]
pub(crate) struct Machines {
    hall: Hall,
    /// Filled by every part while it is put together.
    registry: Arc<Registry>,
    openapi: String,
    stopping: CancellationToken,
}

impl Machines {
    pub(crate) fn new(
        hall: Hall,
        registry: Arc<Registry>,
        openapi: String,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self { hall, registry, openapi, stopping })
    }

    /// Whether new work should be sent here: the store takes commits, and the server stays.
    async fn ready(self: Arc<Self>) -> Response {
        if self.stopping.is_cancelled() {
            return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
        }
        match self.hall.healthy().await {
            Ok(()) => (StatusCode::OK, "ready\n").into_response(),
            Err(error) => {
                tracing::warn!(%error, "not ready");
                (StatusCode::SERVICE_UNAVAILABLE, "the store takes no commits\n").into_response()
            }
        }
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
            .get("/", async || page())
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
