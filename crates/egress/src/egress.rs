//! The calls themselves.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use prometheus_client::registry::Registry;
use reqwest::{Client, Request, Response};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::call::{Sent, WatchedBody};
use crate::hosts::Hosts;
use crate::metrics::{Metrics, Record};
use crate::resolve::Guard;
use crate::{Answer, Call, Failure, Lookup, Policy, SetupError, SystemLookup, tls};

/// How long an unused connection is kept. Node and uvicorn, which most bots run on, close theirs after
/// 5 s; a request that crosses such a close on its way may or may not have been handled, so Maru
/// closes first.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// A deadline this far away is none.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the connection decides and a caller does not.
const NOT_THE_CALLERS: [HeaderName; 10] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// How an [`Egress`] is made.
#[derive(Debug)]
pub struct Options<'a> {
    /// Where calls may go. Only public addresses by default.
    pub policy: Policy,
    /// The time to resolve the name, connect and agree on TLS. 5 s by default.
    pub connect_timeout: Duration,
    /// The most bytes of an answer's body, unless the call says otherwise. 1 MiB by default.
    pub body_max: usize,
    /// The most calls in flight to one host and port. 128 by default.
    pub per_host_max: usize,
    /// PEM files of certificate authorities that are trusted besides the system's.
    pub extra_roots: Vec<PathBuf>,
    /// Where names are looked up. The operating system by default.
    pub lookup: Arc<dyn Lookup>,
    /// Where the metrics are registered.
    pub registry: &'a mut Registry,
}

impl<'a> Options<'a> {
    /// The defaults.
    pub fn new(registry: &'a mut Registry) -> Self {
        Self {
            policy: Policy::default(),
            connect_timeout: Duration::from_secs(5),
            body_max: 1024 * 1024,
            per_host_max: 128,
            extra_roots: Vec::new(),
            lookup: Arc::new(SystemLookup::default()),
            registry,
        }
    }
}

/// The only way out. Clones share everything.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
}

struct Shared {
    policy: Policy,
    body_max: usize,
    hosts: Arc<Hosts>,
    metrics: Metrics,
    clients: Clients,
}

/// A client for every port that a rule names, and one for all others: a resolver is told the name but
/// not the port, so each client's resolver holds the policy of its port.
struct Clients {
    by_port: Vec<(u16, Client)>,
    other: Client,
}

impl Egress {
    /// Makes the clients and registers the metrics. Connects to nothing.
    ///
    /// # Errors
    /// When a file of extra certificate authorities cannot be read or TLS refuses them.
    pub fn new(options: Options<'_>) -> Result<Self, SetupError> {
        let Options { policy, lookup, registry, body_max, .. } = options;
        let tls = tls::config(&options.extra_roots)?;
        let idle_max = options.per_host_max;
        let client = |port: Option<u16>| {
            let guard = Guard::new(lookup.clone(), policy.at_port(port));
            client(guard, tls.clone(), options.connect_timeout, idle_max)
        };
        let mut ports: Vec<u16> = policy.allow.iter().filter_map(crate::Rule::port).collect();
        ports.sort_unstable();
        ports.dedup();
        let by_port = ports
            .into_iter()
            .map(|port| client(Some(port)).map(|client| (port, client)))
            .collect::<Result<_, _>>()?;
        let clients = Clients { by_port, other: client(None)? };
        let hosts = Arc::new(Hosts::new(options.per_host_max));
        let metrics = Metrics::register(registry);
        Ok(Self { shared: Arc::new(Shared { policy, body_max, hosts, metrics, clients }) })
    }

    /// Says whether the policy would let a call to this URL begin: for refusing a configuration early.
    /// Names are not resolved here, so a call can still be refused.
    ///
    /// # Errors
    /// [`Failure::BadUrl`] or [`Failure::NotAllowed`].
    pub fn check(&self, url: &str) -> Result<(), Failure> {
        let url = parse(url)?;
        self.shared.policy.admit(&url)
    }

    /// Makes the call and reads the whole answer. Nothing is repeated, but for a request that a reused
    /// connection closed on before taking it.
    ///
    /// # Errors
    /// Every [`Failure`]; an answer of any status is none.
    pub async fn call(&self, call: Call) -> Result<Answer, Failure> {
        let shared = &*self.shared;
        let url = parse(&call.url);
        let host = url.as_ref().map_or_else(|_| Arc::from("-"), host_and_port);
        let record = Record::start(&shared.metrics, call.purpose, host.clone());
        let result = match url {
            Ok(url) => shared.call(call, url, &host).await,
            Err(failure) => Err(failure),
        };
        record.finish(&result);
        result
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}

impl Shared {
    async fn call(&self, call: Call, url: Url, host: &Arc<str>) -> Result<Answer, Failure> {
        self.policy.admit(&url)?;
        let now = Instant::now();
        let end = now.checked_add(call.deadline).unwrap_or_else(|| now + FAR);
        let limit = call.body_max.unwrap_or(self.body_max);
        let client = self.clients.at(&url);
        let (request, sent) = request(call, url);

        let _visit = timeout_at(end, self.hosts.enter(host)).await.map_err(|_| Failure::Busy)?;
        let mut response = timeout_at(end, client.execute(request))
            .await
            .map_err(|_| Failure::TimedOut { sent: sent.get() })?
            .map_err(|error| Failure::of_send(&error, sent.get()))?;
        let body = timeout_at(end, read(&mut response, limit))
            .await
            .map_err(|_| Failure::TimedOut { sent: true })??;
        let status = response.status();
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
    }
}

impl Clients {
    fn at(&self, url: &Url) -> &Client {
        let port = url.port_or_known_default().unwrap_or_default();
        let own = self.by_port.iter().find(|(own, _)| *own == port);
        own.map_or(&self.other, |(_, client)| client)
    }
}

/// Says by name what must be off, even if another crate turns reqwest's features on.
fn client(
    guard: Guard,
    tls: ClientConfig,
    connect_timeout: Duration,
    idle_max: usize,
) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("Maru/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .no_hickory_dns()
        .dns_resolver(guard)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(idle_max)
        .build()
}

fn parse(url: &str) -> Result<Url, Failure> {
    Url::parse(url).map_err(|_| Failure::BadUrl)
}

/// What calls are counted by: two schemes on one port do not happen.
fn host_and_port(url: &Url) -> Arc<str> {
    let host = url.host_str().unwrap_or("-");
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}").into()
}

fn request(call: Call, url: Url) -> (Request, Sent) {
    let Call { method, headers, body, .. } = call;
    let sent = Sent::default();
    let mut request = Request::new(method, url);
    *request.headers_mut() = without_the_connections(headers);
    *request.body_mut() = Some(reqwest::Body::wrap(WatchedBody::new(body, sent.clone())));
    (request, sent)
}

fn without_the_connections(mut headers: HeaderMap) -> HeaderMap {
    for name in &NOT_THE_CALLERS {
        headers.remove(name);
    }
    headers
}

/// Reads the body and stops as soon as it is known to be longer than `limit`.
async fn read(response: &mut Response, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::TooLarge { limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    let mut first = Bytes::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of_body(&error))? {
        if chunk.len() > limit - first.len() - whole.len() {
            return Err(too_large());
        }
        if first.is_empty() && whole.is_empty() {
            first = chunk;
        } else {
            // Only an answer in several pieces is copied together.
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&chunk);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
