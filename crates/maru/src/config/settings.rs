//! The settings as the program uses them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use maru_accounts::{Secret, resolve_reference};
use maru_bot_framework::ConnectorLimits;
use maru_door::RequestLog;
use maru_egress::Rule;
use maru_hall::Settings as HallSettings;
use maru_pages::Settings as PagesSettings;

use crate::engines::urls::{BlobsUrl, StoreUrl};

/// Everything that is set. What each setting means stands in [`SETTINGS`](super::SETTINGS).
#[derive(Clone, Debug)]
pub struct Config {
    /// `listen`
    pub listen: SocketAddr,
    /// `web_chat_listen`
    pub web_chat_listen: Option<SocketAddr>,
    /// `data`
    pub data: PathBuf,
    /// `public_url`, without a slash at its end.
    pub public_url: Option<String>,
    /// `callback_url`, without a slash at its end.
    pub callback_url: Option<String>,
    /// `trusted_proxies`
    pub trusted_proxies: Vec<String>,
    /// `stop_grace_secs`
    pub stop_grace: Duration,
    /// `instance_key`: the key or a reference to it.
    pub instance_key: Option<Secret>,
    /// `[tls]`
    pub tls: Tls,
    /// `[log]`
    pub log: Log,
    /// `[http]`
    pub http: Http,
    /// `node.name`
    pub node_name: Option<String>,
    /// `[store]`
    pub store: Store,
    /// `[hints]`
    pub hints: Hints,
    /// `[blobs]`
    pub blobs: Blobs,
    /// `[egress]`
    pub egress: Egress,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[hall]` and `[retention]`
    pub hall: HallSettings,
    /// `[bot_framework]`
    pub bot_framework: ConnectorLimits,
    /// `[pages]`
    pub pages: PagesSettings,
}

/// The `[tls]` section.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// `tls.certificate`
    pub certificate: Option<PathBuf>,
    /// `tls.key`
    pub key: Option<PathBuf>,
}

/// The `[log]` section.
#[derive(Clone, Debug)]
pub struct Log {
    /// `log.format`
    pub format: LogFormat,
    /// `log.level`
    pub level: String,
    /// `log.requests`
    pub requests: RequestLog,
}

/// The `[http]` section.
#[derive(Clone, Debug)]
pub struct Http {
    /// `http.connections_max`
    pub connections_max: usize,
    /// `http.header_timeout_ms`
    pub header_timeout: Duration,
    /// `http.header_bytes_max`
    pub header_bytes_max: usize,
}

/// The `[store]` section.
#[derive(Clone, Debug)]
pub struct Store {
    /// `store.url`: the URL or a reference to it.
    pub url: Option<Secret>,
    /// `store.migrate`
    pub migrate: bool,
    /// `store.pool_max`
    pub pool_max: usize,
    /// `store.readers`
    pub readers: usize,
    /// `store.batch_max`
    pub batch_max: usize,
    /// `store.batch_bytes_max`
    pub batch_bytes_max: usize,
    /// `store.queue_max`
    pub queue_max: usize,
    /// `store.heads_max`
    pub heads_max: usize,
}

/// The `[hints]` section.
#[derive(Clone, Debug)]
pub struct Hints {
    /// `hints.url`: the URLs or a reference to them.
    pub url: Option<Secret>,
    /// `hints.prefix`
    pub prefix: String,
}

/// The `[blobs]` section.
#[derive(Clone, Debug)]
pub struct Blobs {
    /// `blobs.url`
    pub url: BlobsUrl,
    /// `blobs.options`: `NAME=VALUE`, where the value may be a reference.
    pub options: Vec<Secret>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The `[egress]` section.
#[derive(Clone, Debug)]
pub struct Egress {
    /// `egress.allow`
    pub allow: Vec<Rule>,
    /// `egress.allow_private`
    pub allow_private: bool,
    /// `egress.connect_timeout_ms`
    pub connect_timeout: Duration,
    /// `egress.body_max`
    pub body_max: usize,
    /// `egress.per_host_max`
    pub per_host_max: usize,
    /// `egress.extra_roots`
    pub extra_roots: Vec<PathBuf>,
}

/// The `[alerts]` section.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// `alerts.command`: the program, and what it is called with.
    pub command: Vec<String>,
    /// `alerts.url`: the URL or a reference to it.
    pub url: Option<Secret>,
    /// `alerts.authorization`: the header's value or a reference to it.
    pub authorization: Option<Secret>,
    /// `alerts.body`
    pub body: Option<String>,
    /// `alerts.timeout_ms`
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            web_chat_listen: None,
            data: PathBuf::from("./maru-data"),
            public_url: None,
            callback_url: None,
            trusted_proxies: Vec::new(),
            stop_grace: Duration::from_secs(10),
            instance_key: None,
            tls: Tls::default(),
            log: Log {
                format: LogFormat::Auto,
                level: "info".to_owned(),
                requests: RequestLog::Info,
            },
            http: Http {
                connections_max: 20_000,
                header_timeout: Duration::from_secs(10),
                header_bytes_max: 32 * 1024,
            },
            node_name: None,
            store: Store {
                url: None,
                migrate: true,
                pool_max: 8,
                readers: 4,
                batch_max: 256,
                batch_bytes_max: 1 << 20,
                queue_max: 4_096,
                heads_max: 65_536,
            },
            hints: Hints { url: None, prefix: "maru".to_owned() },
            blobs: Blobs { url: BlobsUrl::Folder(None), options: Vec::new() },
            egress: Egress {
                allow: Vec::new(),
                allow_private: false,
                connect_timeout: Duration::from_secs(5),
                body_max: 1024 * 1024,
                per_host_max: 128,
                extra_roots: Vec::new(),
            },
            alerts: Alerts {
                command: Vec::new(),
                url: None,
                authorization: None,
                body: None,
                timeout: Duration::from_secs(10),
            },
            hall: HallSettings::default(),
            bot_framework: ConnectorLimits::default(),
            pages: PagesSettings::default(),
        }
    }
}

impl Config {
    /// What contradicts itself although each setting alone is sound: the setting and the problem.
    pub fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => {
                found.push(("tls.key", "must be given with tls.certificate".to_owned()));
            }
            (None, Some(_)) => {
                found.push(("tls.certificate", "must be given with tls.key".to_owned()));
            }
            _ => {}
        }
        found
    }

    /// What is allowed, and yet mostly not meant.
    pub fn cautions(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.is_loopback() && self.tls.certificate.is_none() && self.trusted_proxies.is_empty()
        {
            found.push(format!(
                "{} is open to others without TLS: secrets and messages travel in the clear. Set [tls], or put \
                 a proxy in front and name it in trusted_proxies",
                self.listen
            ));
        }
        if let Some(address) = self.web_chat_listen
            && !address.ip().is_loopback()
        {
            found.push(format!(
                "{address} serves the web chat without TLS: what customers and agents write travels in the \
                 clear, unless a proxy stands in front"
            ));
        }
        if self.listen.port() == 0 && self.public_url.is_none() {
            found.push(
                "port 0 is another one at each start: bots that were told the old address cannot call back"
                    .to_owned(),
            );
        }
        // A reference that leads nowhere is told of when it is followed.
        let shared = self.store_url().is_ok_and(|url| matches!(url, StoreUrl::Postgres(_)));
        if self.hints.url.is_some() && !shared {
            found.push(
                "hints.url is of no use: the store is SQLite, which is one process's own"
                    .to_owned(),
            );
        }
        if shared && self.blobs.url == BlobsUrl::Folder(None) {
            found.push(
                "files are kept in this node's own data folder, where no other node that shares the store \
                 finds them: set blobs.url, unless there is one node alone"
                    .to_owned(),
            );
        }
        found
    }

    /// Where everything is kept, with the reference followed.
    ///
    /// # Errors
    /// Where the reference leads to nothing, or to no URL of a store.
    pub fn store_url(&self) -> Result<StoreUrl, String> {
        let Some(url) = &self.store.url else { return Ok(StoreUrl::Sqlite) };
        let url = resolve_reference(url.expose()).map_err(|error| error.to_string())?;
        StoreUrl::read(url.expose())
    }

    /// This node's name.
    pub fn node_name(&self) -> String {
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.node_name.clone().unwrap_or_else(host)
    }

    /// Whether Maru itself is bound to this machine alone, so that calls to it are no detour
    /// around a firewall.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback()
    }
}
