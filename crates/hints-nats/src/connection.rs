//! The connection to the server, or to one of several.

use std::fmt;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use maru_activity::env::Env;
use percent_encoding::percent_decode_str;
use url::Url;

/// How often the server is asked whether it is there. Two questions without an answer, and it is
/// taken for gone.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many messages of one subscription may wait to be read. More are dropped.
const WAITING_MAX: usize = 256;

/// How to reach the other nodes.
#[derive(Clone)]
pub struct Options {
    /// The servers, with commas between: `nats://host:4222`, or `tls://` to insist on TLS. A name
    /// and a password, or a token alone, may stand in the first (`nats://name:password@host`).
    pub url: String,
    /// The name of the installation. Several may share a server: their nodes do not hear each other.
    pub prefix: String,
    /// This node's own name; no other node has it.
    pub node: String,
    /// The clock.
    pub env: Env,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Options")
            .field("prefix", &self.prefix)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// A URL that cannot be used. It is not told: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It is not a URL, or not one of a NATS server.
    #[error("the URL of the hints must be nats://HOST[:PORT] or tls://HOST[:PORT]")]
    NotNats,
    /// What the client library says of it.
    #[error("the URL of the hints cannot be used: {0}")]
    Refused(String),
}

/// Opens the connection. It is made in the background, and made again whenever it breaks.
pub(crate) async fn open(options: &Options) -> Result<Client, BadUrl> {
    let mut servers = Vec::new();
    let mut credentials = None;
    for part in options.url.split(',') {
        let mut url = Url::parse(part.trim()).map_err(|_| BadUrl::NotNats)?;
        if !matches!(url.scheme(), "nats" | "tls") || url.host_str().is_none_or(str::is_empty) {
            return Err(BadUrl::NotNats);
        }
        if credentials.is_none() {
            credentials = credentials_of(&url);
        }
        // What is kept as an address is written to logs by the client library.
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| BadUrl::NotNats)?;
        servers.push(ServerAddr::from_url(url).map_err(|e| BadUrl::Refused(e.to_string()))?);
    }
    let connect = ConnectOptions::new()
        .name(format!("maru {}", options.node))
        .no_echo()
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_EVERY)
        .subscription_capacity(WAITING_MAX)
        .event_callback(async |event| match event {
            Event::Connected => tracing::info!("hints reach the other nodes"),
            Event::Disconnected => {
                tracing::warn!(
                    "hints do not reach the other nodes; everything is seen a little later"
                );
            }
            other => tracing::debug!(event = %other, "hints"),
        });
    let connect = match credentials {
        None => connect,
        Some(Credentials::Token(token)) => connect.token(token),
        Some(Credentials::Password(name, password)) => connect.user_and_password(name, password),
    };
    connect.connect(servers).await.map_err(|error| BadUrl::Refused(error.to_string()))
}

enum Credentials {
    Token(String),
    Password(String, String),
}

fn credentials_of(url: &Url) -> Option<Credentials> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (url.username(), url.password()) {
        ("", None) => None,
        (token, None) => Some(Credentials::Token(decoded(token))),
        (name, Some(password)) => Some(Credentials::Password(decoded(name), decoded(password))),
    }
}
