//! The numbers of the served faces. A route is named by its pattern, never by a path.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use axum::extract::MatchedPath;
use http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The numbers of the served faces. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<TimeLabels, Histogram, fn() -> Histogram>,
    pub(crate) panics: Counter,
    pub(crate) connections: Gauge,
    pub(crate) sockets: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: Route,
    method: &'static str,
    status_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TimeLabels {
    route: Route,
}

/// The pattern of the route that matched, if one did.
#[derive(Clone)]
pub(crate) struct Route(pub(crate) Option<MatchedPath>);

impl Route {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
            }),
            panics: Counter::default(),
            connections: Gauge::default(),
            sockets: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Registers them all.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "http_requests",
            "Requests by route, method and class of status",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "http_request",
            "Time from a request's head to its answer's head, by route",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register("http_panics", "Requests whose handler panicked", metrics.panics.clone());
        registry.register(
            "http_connections_open",
            "Connections that are open, WebSockets among them",
            metrics.connections.clone(),
        );
        registry.register("sockets_open", "WebSockets that are open", metrics.sockets.clone());
        metrics
    }

    pub(crate) fn request(
        &self,
        route: Route,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        self.seconds
            .get_or_create(&TimeLabels { route: route.clone() })
            .observe(took.as_secs_f64());
        let labels = RequestLabels { route, method: name(method), status_class: class(status) };
        self.requests.get_or_create(&labels).inc();
    }
}

/// The method as a label. Anyone can make up methods, so only the known ones have names.
pub(crate) fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

/// Counts one more for as long as it lives.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    /// One more in this gauge.
    pub fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
