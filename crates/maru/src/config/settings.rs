//! The settings as the program uses them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use maru_bot_framework::ConnectorLimits;
use maru_door::RequestLog;
use maru_egress::Rule;
use maru_hall::Settings as HallSettings;

/// Everything that is set. What each setting means stands in [`SETTINGS`](super::SETTINGS).
#[derive(Clone, Debug)]
pub struct Config {
    /// `listen`
    pub listen: SocketAddr,
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
    pub instance_key: Option<String>,
    /// `[tls]`
    pub tls: Tls,
    /// `[log]`
    pub log: Log,
    /// `[http]`
    pub http: Http,
    /// `[store]`
    pub store: Store,
    /// `[egress]`
    pub egress: Egress,
    /// `[hall]` and `[retention]`
    pub hall: HallSettings,
    /// `[bot_framework]`
    pub bot_framework: ConnectorLimits,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
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
            store: Store {
                readers: 4,
                batch_max: 256,
                batch_bytes_max: 1 << 20,
                queue_max: 4_096,
                heads_max: 65_536,
            },
            egress: Egress {
                allow: Vec::new(),
                allow_private: false,
                connect_timeout: Duration::from_secs(5),
                body_max: 1024 * 1024,
                per_host_max: 128,
                extra_roots: Vec::new(),
            },
            hall: HallSettings::default(),
            bot_framework: ConnectorLimits::default(),
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
        if self.listen.port() == 0 && self.public_url.is_none() {
            found.push(
                "port 0 is another one at each start: bots that were told the old address cannot call back"
                    .to_owned(),
            );
        }
        found
    }

    /// Whether Maru itself is bound to this machine alone, so that calls to it are no detour
    /// around a firewall.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback()
    }
}
