//! The table of all settings.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use maru_door::{PublicUrl, RequestLog, TrustedProxies};
use maru_egress::Rule;

use super::{Config, Form, LogFormat, Value};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name: `egress.allow` is `allow` in the section `[egress]`.
    pub key: &'static str,
    /// The form of its value.
    pub form: Form,
    /// What it means, in Markdown.
    pub doc: &'static str,
    /// Takes a value of that form.
    pub(super) set: fn(&mut Config, &Value) -> Result<(), String>,
    /// Gives the value as it would be written.
    pub(super) get: fn(&Config) -> Value,
}

/// A section of the file.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its name; empty for what stands before the first section.
    pub name: &'static str,
    /// What it is about, in Markdown.
    pub doc: &'static str,
}

impl Setting {
    /// The section it stands in.
    pub fn section(&self) -> &'static str {
        self.key.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Its name within its section.
    pub fn name(&self) -> &'static str {
        self.key.rsplit_once('.').map_or(self.key, |(_, name)| name)
    }

    /// The variable that sets it: `MARU_EGRESS__ALLOW`.
    pub fn variable(&self) -> String {
        format!("{}{}", super::ENV_PREFIX, self.key.replace('.', "__").to_uppercase())
    }

    /// Its value, as TOML writes it.
    pub fn value(&self, config: &Config) -> Value {
        (self.get)(config)
    }
}

/// The sections, in the order in which they are written.
pub const SECTIONS: &[Section] = &[
    Section { name: "", doc: "What the server is, and where." },
    Section { name: "tls", doc: "HTTPS, when Maru itself ends it. Behind a proxy leave it out." },
    Section {
        name: "log",
        doc: "What is told to whoever watches. Secrets and message texts never are.",
    },
    Section { name: "http", doc: "Connections and what comes in by them, for every face alike." },
    Section { name: "store", doc: "The embedded store. Its defaults suit most machines." },
    Section {
        name: "egress",
        doc: "Where Maru may call: the only way out, for bots' endpoints and all else. Public addresses are \
              allowed; this machine itself only while `listen` is a loopback address; anything else needs a rule.",
    },
    Section { name: "hall", doc: "Conversations, and how much of them is kept at hand." },
    Section { name: "retention", doc: "How long what was said is kept." },
    Section {
        name: "bot_framework",
        doc: "How much Bot Framework bots may send at once. How they are called is set for each bot \
              (`maru bot set ID delivery.attempt_timeout_ms=15000`).",
    },
];

/// All settings, section by section.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        form: Form::Text,
        doc: "The address and port to serve on. Port 0 lets the system choose one.",
        set: |c, v| put(&mut c.listen, v.parse("an address and port, such as 127.0.0.1:8080")),
        get: |c| Value::text(c.listen),
    },
    Setting {
        key: "data",
        form: Form::Text,
        doc: "The folder that everything is kept in. One server at a time holds it.",
        set: |c, v| put(&mut c.data, needed(v).map(PathBuf::from)),
        get: |c| Value::text(c.data.display()),
    },
    Setting {
        key: "public_url",
        form: Form::Text,
        doc: "The URL under which clients reach this server, such as `https://chat.example.org`. Links and \
              stream addresses begin with it. Without it they begin with whatever the client called.",
        set: |c, v| put(&mut c.public_url, base_url(v)),
        get: |c| Value::text(c.public_url.as_deref().unwrap_or("")),
    },
    Setting {
        key: "callback_url",
        form: Form::Text,
        doc: "The URL under which bots reach this server, where that is another one than `public_url`: a \
              name inside the network, for instance. Without it bots are told `public_url`, else the address \
              that is listened on.",
        set: |c, v| put(&mut c.callback_url, base_url(v)),
        get: |c| Value::text(c.callback_url.as_deref().unwrap_or("")),
    },
    Setting {
        key: "trusted_proxies",
        form: Form::List,
        doc: "Addresses or networks of reverse proxies, such as `10.0.0.5` or `10.0.0.0/8`. Their \
              X-Forwarded headers are believed, and nobody else's.",
        set: |c, v| put(&mut c.trusted_proxies, networks(v)),
        get: |c| Value::list(&c.trusted_proxies),
    },
    Setting {
        key: "stop_grace_secs",
        form: Form::Number,
        doc: "How long open turns may go on once the server was told to stop, in seconds.",
        set: |c, v| put(&mut c.stop_grace, v.number(0, 3_600).map(Duration::from_secs)),
        get: |c| Value::seconds(c.stop_grace),
    },
    Setting {
        key: "instance_key",
        form: Form::Secret,
        doc: "The key that seals what must be read back: 32 random bytes as base64, best as a reference \
              (`env:NAME`, `file:PATH`). Without it, it is made at the first start and kept in \
              `instance.key` in the data folder.",
        set: |c, v| put(&mut c.instance_key, Ok(optional(v).map(str::to_owned))),
        get: |c| Value::text(c.instance_key.as_deref().unwrap_or("")),
    },
    Setting {
        key: "tls.certificate",
        form: Form::Text,
        doc: "The certificate chain, a PEM file. With it and `tls.key` the server speaks HTTPS.",
        set: |c, v| put(&mut c.tls.certificate, Ok(optional(v).map(PathBuf::from))),
        get: |c| path(c.tls.certificate.as_deref()),
    },
    Setting {
        key: "tls.key",
        form: Form::Text,
        doc: "The certificate's private key, a PEM file.",
        set: |c, v| put(&mut c.tls.key, Ok(optional(v).map(PathBuf::from))),
        get: |c| path(c.tls.key.as_deref()),
    },
    Setting {
        key: "log.format",
        form: Form::Text,
        doc: "`text` for people, `json` for machines, `auto` for text on a terminal and JSON elsewhere.",
        set: |c, v| put(&mut c.log.format, log_format(v)),
        get: |c| Value::text(log_format_name(c.log.format)),
    },
    Setting {
        key: "log.level",
        form: Form::Text,
        doc: "`error`, `warn`, `info`, `debug` or `trace`; or directives for parts of the program, such as \
              `info,maru_hall=debug`.",
        set: |c, v| put(&mut c.log.level, log_level(v)),
        get: |c| Value::text(&c.log.level),
    },
    Setting {
        key: "log.requests",
        form: Form::Text,
        doc: "At which level each request gets its line: `info` or `debug`.",
        set: |c, v| put(&mut c.log.requests, request_log(v)),
        get: |c| Value::text(if c.log.requests == RequestLog::Info { "info" } else { "debug" }),
    },
    Setting {
        key: "http.connections_max",
        form: Form::Number,
        doc: "How many connections are served at once, WebSockets among them; more wait to be accepted.",
        set: |c, v| put(&mut c.http.connections_max, v.number(1, 10_000_000)),
        get: |c| Value::count(c.http.connections_max),
    },
    Setting {
        key: "http.header_timeout_ms",
        form: Form::Number,
        doc: "How long a request's head may take to come, in milliseconds; so also how long an idle connection \
              is kept.",
        set: |c, v| {
            put(&mut c.http.header_timeout, v.number(100, 600_000).map(Duration::from_millis))
        },
        get: |c| Value::milliseconds(c.http.header_timeout),
    },
    Setting {
        key: "http.header_bytes_max",
        form: Form::Number,
        doc: "The longest head of a request, in bytes.",
        set: |c, v| put(&mut c.http.header_bytes_max, v.number(8_192, 1 << 20)),
        get: |c| Value::count(c.http.header_bytes_max),
    },
    Setting {
        key: "store.readers",
        form: Form::Number,
        doc: "How many threads read from the database at once.",
        set: |c, v| put(&mut c.store.readers, v.number(1, 256)),
        get: |c| Value::count(c.store.readers),
    },
    Setting {
        key: "store.batch_max",
        form: Form::Number,
        doc: "How many commits may share a transaction, and so a sync of the disk.",
        set: |c, v| put(&mut c.store.batch_max, v.number(1, 10_000)),
        get: |c| Value::count(c.store.batch_max),
    },
    Setting {
        key: "store.batch_bytes_max",
        form: Form::Number,
        doc: "How many bytes of bodies may share a transaction, if more than one commit does.",
        set: |c, v| put(&mut c.store.batch_bytes_max, v.number(1, 1 << 30)),
        get: |c| Value::count(c.store.batch_bytes_max),
    },
    Setting {
        key: "store.queue_max",
        form: Form::Number,
        doc: "How many commits may wait for the writer before callers wait to hand theirs over.",
        set: |c, v| put(&mut c.store.queue_max, v.number(1, 1_000_000)),
        get: |c| Value::count(c.store.queue_max),
    },
    Setting {
        key: "store.heads_max",
        form: Form::Number,
        doc: "Of how many conversations it is kept in memory where they stand.",
        set: |c, v| put(&mut c.store.heads_max, v.number(1, 100_000_000)),
        get: |c| Value::count(c.store.heads_max),
    },
    Setting {
        key: "egress.allow",
        form: Form::List,
        doc: "What may be called besides public addresses: names (`bot.corp.example`, `*.corp.example`), \
              addresses (`10.1.2.3`) or networks (`10.0.0.0/8`), each with a port or without (`localhost:3978`).",
        set: |c, v| put(&mut c.egress.allow, rules(v)),
        get: |c| Value::list(&c.egress.allow),
    },
    Setting {
        key: "egress.allow_private",
        form: Form::Flag,
        doc: "Whether all private networks may be called (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7).",
        set: |c, v| put(&mut c.egress.allow_private, Ok(v.flag())),
        get: |c| Value::Flag(c.egress.allow_private),
    },
    Setting {
        key: "egress.connect_timeout_ms",
        form: Form::Number,
        doc: "How long looking up a name, connecting and agreeing on TLS may take together, in milliseconds.",
        set: |c, v| {
            put(&mut c.egress.connect_timeout, v.number(1, 300_000).map(Duration::from_millis))
        },
        get: |c| Value::milliseconds(c.egress.connect_timeout),
    },
    Setting {
        key: "egress.body_max",
        form: Form::Number,
        doc: "The most bytes of an answer that are read.",
        set: |c, v| put(&mut c.egress.body_max, v.number(1_024, 1 << 30)),
        get: |c| Value::count(c.egress.body_max),
    },
    Setting {
        key: "egress.per_host_max",
        form: Form::Number,
        doc: "The most calls under way to one host and port.",
        set: |c, v| put(&mut c.egress.per_host_max, v.number(1, 100_000)),
        get: |c| Value::count(c.egress.per_host_max),
    },
    Setting {
        key: "egress.extra_roots",
        form: Form::List,
        doc: "PEM files of certificate authorities that are trusted besides the system's.",
        set: |c, v| {
            put(&mut c.egress.extra_roots, Ok(v.items().iter().map(PathBuf::from).collect()))
        },
        get: |c| Value::list(&c.egress.extra_roots.iter().map(|p| p.display()).collect::<Vec<_>>()),
    },
    Setting {
        key: "hall.nobody_notice",
        form: Form::Text,
        doc: "What the customer is told when nobody answers the conversation. Empty: nothing.",
        set: |c, v| put(&mut c.hall.nobody_notice, Ok(v.as_text().to_owned())),
        get: |c| Value::text(&c.hall.nobody_notice),
    },
    Setting {
        key: "hall.conversations_max",
        form: Form::Number,
        doc: "How many conversations are kept at hand in memory. All others are read when they are needed.",
        set: |c, v| put(&mut c.hall.conversations_max, v.number(100, 100_000_000)),
        get: |c| Value::Number(c.hall.conversations_max),
    },
    Setting {
        key: "hall.page_max",
        form: Form::Number,
        doc: "How many entries one read gives at most.",
        set: |c, v| put(&mut c.hall.page_max, v.number(1, 10_000)),
        get: |c| Value::count(c.hall.page_max),
    },
    Setting {
        key: "hall.waiting_max",
        form: Form::Number,
        doc: "How many conversations may wait in memory for one bot whose attempts are all taken; the others \
              wait in the store.",
        set: |c, v| put(&mut c.hall.waiting_max, v.number(1, 1_000_000)),
        get: |c| Value::count(c.hall.waiting_max),
    },
    Setting {
        key: "hall.pickup_after_secs",
        form: Form::Number,
        doc: "After how many seconds a delivery that nobody took in hand is picked up: after a crash, or \
              under overload.",
        set: |c, v| put(&mut c.hall.pickup_after, v.number(1, 3_600).map(Duration::from_secs)),
        get: |c| Value::seconds(c.hall.pickup_after),
    },
    Setting {
        key: "retention.days",
        form: Form::Number,
        doc: "For how many days entries are kept; 0: for good. A channel may have days of its own (`keep_days`).",
        set: |c, v| {
            put(&mut c.hall.retention.days, v.number(0, 36_500).map(|d: u32| (d > 0).then_some(d)))
        },
        get: |c| Value::Number(c.hall.retention.days.unwrap_or(0).into()),
    },
    Setting {
        key: "bot_framework.activity_bytes_max",
        form: Form::Number,
        doc: "The most bytes of an activity that a bot says.",
        set: |c, v| put(&mut c.bot_framework.activity.bytes_max, v.number(1_024, 16 << 20)),
        get: |c| Value::count(c.bot_framework.activity.bytes_max),
    },
    Setting {
        key: "bot_framework.activity_depth_max",
        form: Form::Number,
        doc: "How deep the objects and arrays of such an activity may be nested.",
        set: |c, v| put(&mut c.bot_framework.activity.depth_max, v.number(8, 128)),
        get: |c| Value::count(c.bot_framework.activity.depth_max),
    },
    Setting {
        key: "bot_framework.transcript_bytes_max",
        form: Form::Number,
        doc: "The most bytes of a transcript that a bot sends at once.",
        set: |c, v| put(&mut c.bot_framework.transcript_bytes_max, v.number(1_024, 1 << 30)),
        get: |c| Value::count(c.bot_framework.transcript_bytes_max),
    },
    Setting {
        key: "bot_framework.transcript_length_max",
        form: Form::Number,
        doc: "The most activities of a transcript that a bot sends at once.",
        set: |c, v| put(&mut c.bot_framework.transcript_length_max, v.number(1, 10_000)),
        get: |c| Value::count(c.bot_framework.transcript_length_max),
    },
    Setting {
        key: "bot_framework.attachment_bytes_max",
        form: Form::Number,
        doc: "The most bytes of a file that a bot uploads.",
        set: |c, v| put(&mut c.bot_framework.attachment_bytes_max, v.number(1_024, 1 << 30)),
        get: |c| Value::count(c.bot_framework.attachment_bytes_max),
    },
];

/// The whole configuration as a file would have it, with secrets blacked out.
pub fn print(config: &Config) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        if !section.name.is_empty() {
            let _ = writeln!(text, "\n[{}]", section.name);
        }
        for setting in SETTINGS.iter().filter(|setting| setting.section() == section.name) {
            let value = match setting.value(config) {
                Value::Text(secret) if setting.form == Form::Secret => {
                    Value::Text(redacted(&secret))
                }
                value => value,
            };
            let _ = writeln!(text, "{} = {value}", setting.name());
        }
    }
    text
}

/// Where a secret is kept is no secret; the secret is.
fn redacted(secret: &str) -> String {
    if secret.is_empty() || secret.starts_with("env:") || secret.starts_with("file:") {
        secret.to_owned()
    } else {
        "(not shown)".to_owned()
    }
}

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn needed(value: &Value) -> Result<&str, String> {
    optional(value).ok_or_else(|| "must not be empty".to_owned())
}

fn optional(value: &Value) -> Option<&str> {
    Some(value.as_text()).filter(|text| !text.is_empty())
}

fn path(path: Option<&Path>) -> Value {
    path.map_or(Value::Text(String::new()), |path| Value::text(path.display()))
}

fn base_url(value: &Value) -> Result<Option<String>, String> {
    let Some(text) = optional(value) else { return Ok(None) };
    let url = PublicUrl::parse(text).map_err(|error| error.to_string())?;
    Ok(Some(url.as_str().to_owned()))
}

fn networks(value: &Value) -> Result<Vec<String>, String> {
    TrustedProxies::parse(value.items()).map_err(|error| error.to_string())?;
    Ok(value.items().to_vec())
}

fn rules(value: &Value) -> Result<Vec<Rule>, String> {
    value.items().iter().map(|text| text.parse().map_err(|e| format!("{text:?}: {e}"))).collect()
}

fn log_format(value: &Value) -> Result<LogFormat, String> {
    match value.as_text() {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("{other:?} is not one of auto, text, json")),
    }
}

fn log_format_name(format: LogFormat) -> &'static str {
    match format {
        LogFormat::Auto => "auto",
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    }
}

fn request_log(value: &Value) -> Result<RequestLog, String> {
    match value.as_text() {
        "info" => Ok(RequestLog::Info),
        "debug" => Ok(RequestLog::Debug),
        other => Err(format!("{other:?} is not one of info, debug")),
    }
}

fn log_level(value: &Value) -> Result<String, String> {
    let text = value.as_text();
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no log level")),
    }
}
