//! The layer around every face.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use maru_activity::env::Env;
use tokio::time::Instant;
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::address::peer_ip;
use super::base_url::{self, BadHost};
use super::{Caller, PublicUrl, TrustedProxies};
use crate::metrics::{self, Route};
use crate::{Kind, Metrics, Wire};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a trusted proxy, in bytes.
const REQUEST_ID_MAX: usize = 64;

/// At which level each request is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestLog {
    /// As information.
    #[default]
    Info,
    /// For diagnosis only.
    Debug,
}

/// What is needed to tell who calls, and to note it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Time and randomness, for request ids.
    pub env: Env,
    /// Whose `X-Forwarded-For`, `-Proto`, `-Host` and `X-Request-Id` are believed.
    pub trusted_proxies: TrustedProxies,
    /// The server's URL, if it is configured. Else it is made of what the caller asked for.
    pub public_url: Option<PublicUrl>,
    /// At which level each request is logged.
    pub log: RequestLog,
    /// What is counted.
    pub metrics: Metrics,
}

impl Context {
    /// Without proxies and without a URL.
    pub fn new(env: Env, metrics: Metrics) -> Self {
        Self {
            env,
            trusted_proxies: TrustedProxies::default(),
            public_url: None,
            log: RequestLog::default(),
            metrics,
        }
    }

    /// Puts the context around every route of a router: routes that are added later are without.
    ///
    /// Each request gets a [`Caller`], a log line and its numbers; a panic becomes a 500; a request
    /// without a sound host is answered 400. The log and the numbers know a route's pattern only,
    /// since paths and queries hold capabilities.
    pub fn around(self: Arc<Self>, router: Router) -> Router {
        router.layer(ContextLayer(self))
    }

    fn caller(&self, request: &Request) -> (Caller, Result<(), BadHost>) {
        let headers = request.headers();
        let wire = request.extensions().get::<Wire>().copied();
        let peer = peer_ip(wire.and_then(|wire| wire.peer));
        let is_proxied = self.trusted_proxies.contains(peer);
        let mut secure = wire.is_some_and(|wire| wire.secure);
        let asked = base_url::host(request.uri(), headers, request.version());
        let mut host = asked.unwrap_or_default();
        if is_proxied {
            let (said_host, said_secure) = base_url::forwarded(headers);
            host = said_host.or(host);
            secure = said_secure.unwrap_or(secure);
        }
        let base_url = match &self.public_url {
            Some(url) => url.shared(),
            None => base_url::of_host(host, secure),
        };
        let given = is_proxied.then(|| given_id(headers)).flatten();
        let caller = Caller {
            request_id: given.map_or_else(|| self.fresh_id(), Arc::from),
            peer: self.trusted_proxies.client(peer, headers),
            base_url,
        };
        (caller, asked.map(|_| ()))
    }

    fn fresh_id(&self) -> Arc<str> {
        self.env.uuid().to_string().into()
    }

    fn note(
        &self,
        route: Route,
        method: &Method,
        status: StatusCode,
        caller: &Caller,
        took: Duration,
    ) {
        let duration_ms = took.as_secs_f64() * 1_000.0;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "maru::request",
                    method = metrics::name(method),
                    route = route.as_str(),
                    status = status.as_u16(),
                    duration_ms,
                    request.id = &*caller.request_id,
                    "{} {} {}", metrics::name(method), route.as_str(), status.as_u16()
                )
            };
        }
        match self.log {
            RequestLog::Info => line!(info),
            RequestLog::Debug => line!(debug),
        }
        self.metrics.request(route, method, status, took);
    }
}

/// The id that a proxy gave a request, if it can stand in a log.
fn given_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    ((1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(is_plain)).then_some(id)
}

/// Puts a [`Context`] around a service.
#[derive(Clone, Debug)]
pub struct ContextLayer(pub Arc<Context>);

impl<S> Layer<S> for ContextLayer {
    type Service = InContext<S>;

    fn layer(&self, inner: S) -> InContext<S> {
        InContext { inner, context: Arc::clone(&self.0) }
    }
}

/// A service with a [`Context`] around it.
#[derive(Clone, Debug)]
pub struct InContext<S> {
    inner: S,
    context: Arc<Context>,
}

impl<S> Service<Request> for InContext<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let started = Instant::now();
        let context = Arc::clone(&self.context);
        let method = request.method().clone();
        let route = Route(request.extensions().get::<MatchedPath>().cloned());
        let (caller, host) = context.caller(&request);
        let inner = match host {
            Err(BadHost) => None,
            Ok(()) => {
                request.extensions_mut().insert(caller.clone());
                let span = tracing::debug_span!("request", request.id = &*caller.request_id);
                Some(AssertUnwindSafe(self.inner.call(request).instrument(span)).catch_unwind())
            }
        };
        Box::pin(async move {
            let mut response = match inner {
                None => plain(Kind::Invalid, "the request names no host, or no sound one\n"),
                Some(inner) => match inner.await {
                    Ok(Ok(response)) => response,
                    // What it said is in the process's own panic message; it may hold anything.
                    Err(_) => {
                        context.metrics.panics.inc();
                        tracing::error!(
                            route = route.as_str(),
                            request.id = &*caller.request_id,
                            "a handler panicked"
                        );
                        plain(Kind::Internal, "internal error\n")
                    }
                },
            };
            let headers = response.headers_mut();
            headers
                .entry(header::X_CONTENT_TYPE_OPTIONS)
                .or_insert(HeaderValue::from_static("nosniff"));
            if let Ok(id) = HeaderValue::from_str(&caller.request_id) {
                headers.insert(REQUEST_ID, id);
            }
            context.note(route, &method, response.status(), &caller, started.elapsed());
            Ok(response)
        })
    }
}

fn plain(kind: Kind, text: &'static str) -> Response {
    (kind.status(), text).into_response()
}
