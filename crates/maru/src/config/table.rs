//! The table of all settings.

use std::path::PathBuf;
use std::time::Duration;

use maru_accounts::Secret;
use maru_door::RequestLog;
use maru_pages::{ChatServer, Embedder};

use super::read::{
    base_url, check_gateway, each, exposed, gateway_body, log_format, log_format_name, log_level,
    needed, networks, optional, options, path, put, request_log, rules, secret_url, subject,
};
use super::setting::Setting;
use super::{Form, Value};
use crate::engines::urls::{self, BlobsUrl, StoreUrl};

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
        key: "web_chat_listen",
        form: Form::Text,
        doc: "A second address and port, for the web chat alone: its customary port is 6080, where pages that \
              were written for the vendor's server connect. Without TLS. Empty: none.",
        set: |c, v| {
            let address = optional(v).map(|_| v.parse("an address and port, such as 0.0.0.0:6080"));
            put(&mut c.web_chat_listen, address.transpose())
        },
        get: |c| Value::text(c.web_chat_listen.map(|at| at.to_string()).unwrap_or_default()),
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
        set: |c, v| put(&mut c.instance_key, Ok(optional(v).map(Secret::new))),
        get: |c| exposed(c.instance_key.as_ref()),
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
        key: "node.name",
        form: Form::Text,
        doc: "This node's name, in its log and its metrics (`maru_node_info`). Without it, it is the host's name.",
        set: |c, v| put(&mut c.node_name, Ok(optional(v).map(str::to_owned))),
        get: |c| Value::text(c.node_name.as_deref().unwrap_or("")),
    },
    Setting {
        key: "store.url",
        form: Form::SecretUrl,
        doc: "The store: `sqlite:`, in the data folder (so too without it), or \
              `postgres://USER:PASSWORD@HOST/DATABASE`, with several hosts as `HOST1,HOST2`. Best as a \
              reference (`env:NAME`, `file:PATH`), since it holds a password. The flag is `--store`.",
        set: |c, v| put(&mut c.store.url, secret_url(v, |url| StoreUrl::read(url).map(|_| ()))),
        get: |c| exposed(c.store.url.as_ref()),
    },
    Setting {
        key: "store.migrate",
        form: Form::Flag,
        doc: "Whether `maru serve` brings the schema up to date by itself. If not, it refuses to start on an \
              older one, and `maru migrate` is the way.",
        set: |c, v| put(&mut c.store.migrate, Ok(v.flag())),
        get: |c| Value::Flag(c.store.migrate),
    },
    Setting {
        key: "store.pool_max",
        form: Form::Number,
        doc: "PostgreSQL: how many connections this node has at most, beside two that write.",
        set: |c, v| put(&mut c.store.pool_max, v.number(2, 1_000)),
        get: |c| Value::count(c.store.pool_max),
    },
    Setting {
        key: "store.readers",
        form: Form::Number,
        doc: "SQLite: how many threads read from the database at once.",
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
        key: "hints.url",
        form: Form::SecretUrl,
        doc: "The NATS servers: `nats://HOST:PORT`, or `tls://` to insist on TLS; several with commas between. A \
              name and a password, or a token, may stand in the first. Empty: hints stay in the process, which \
              is enough for one node. The flag is `--hints`.",
        set: |c, v| put(&mut c.hints.url, secret_url(v, urls::check_hints)),
        get: |c| exposed(c.hints.url.as_ref()),
    },
    Setting {
        key: "hints.prefix",
        form: Form::Text,
        doc: "What the subjects in NATS begin with. Installations that share servers need one each.",
        set: |c, v| put(&mut c.hints.prefix, subject(v)),
        get: |c| Value::text(&c.hints.prefix),
    },
    Setting {
        key: "blobs.url",
        form: Form::Text,
        doc: "A folder, `file:///FOLDER`, or a bucket of S3 or what is compatible with it, `s3://BUCKET/PREFIX`. \
              Empty: the folder `blobs` in the data folder. The flag is `--blobs`.",
        set: |c, v| put(&mut c.blobs.url, BlobsUrl::read(v.as_text())),
        get: |c| Value::text(&c.blobs.url),
    },
    Setting {
        key: "blobs.options",
        form: Form::SecretList,
        doc: "How to reach the bucket, each as `NAME=VALUE`: `endpoint`, `region`, `access_key_id`, \
              `secret_access_key`, `allow_http` and others, named as the variables `AWS_…` are, which are \
              read too. A value may be a reference (`secret_access_key=file:/run/secrets/s3`).",
        set: |c, v| put(&mut c.blobs.options, options(v)),
        get: |c| Value::List(c.blobs.options.iter().map(|o| o.expose().to_owned()).collect()),
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
        key: "alerts.command",
        form: Form::List,
        doc: "A program to run for each alert, and what to call it with; no shell is between. It finds the alert \
              as a JSON object on its standard input, and in the variables `ALERT_EVENT` (`raised`, `settled`, \
              `test`), `ALERT_REALM`, `ALERT_CAUSE`, `ALERT_TITLE`, `ALERT_TEXT`, `ALERT_TO`, `ALERT_AT`.",
        set: |c, v| put(&mut c.alerts.command, Ok(v.items().to_vec())),
        get: |c| Value::list(&c.alerts.command),
    },
    Setting {
        key: "alerts.url",
        form: Form::SecretUrl,
        doc: "An HTTP gateway that each alert is posted to, for text messages or a chat room. `[egress]` holds \
              for it too.",
        set: |c, v| put(&mut c.alerts.url, secret_url(v, check_gateway)),
        get: |c| exposed(c.alerts.url.as_ref()),
    },
    Setting {
        key: "alerts.authorization",
        form: Form::Secret,
        doc: "The value of the header `Authorization` for the gateway: `Bearer …`. It may be a reference.",
        set: |c, v| put(&mut c.alerts.authorization, Ok(optional(v).map(Secret::new))),
        get: |c| exposed(c.alerts.authorization.as_ref()),
    },
    Setting {
        key: "alerts.body",
        form: Form::Text,
        doc: "JSON in the gateway's own form, such as `{\"to\": \"{{to}}\", \"content\": \"{{title}}\"}`. In its \
              texts `{{event}}`, `{{realm}}`, `{{cause}}`, `{{title}}`, `{{text}}`, `{{to}}` and `{{at}}` are \
              replaced. Without it the gateway is sent an object of these members.",
        set: |c, v| put(&mut c.alerts.body, gateway_body(v)),
        get: |c| Value::text(c.alerts.body.as_deref().unwrap_or("")),
    },
    Setting {
        key: "alerts.timeout_ms",
        form: Form::Number,
        doc: "How long the program may run and the gateway may take, in milliseconds. Each is tried three times.",
        set: |c, v| put(&mut c.alerts.timeout, v.number(100, 300_000).map(Duration::from_millis)),
        get: |c| Value::milliseconds(c.alerts.timeout),
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
              under overload. On a shared store 5 at most.",
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
    Setting {
        key: "pages.chat_servers",
        form: Form::List,
        doc: "Servers beside this one to which the page may be pointed by the `url` in its address, such as \
              `chat.example.com` or `chat.example.com:6080`. It connects to no other.",
        set: |c, v| put(&mut c.pages.chat_servers, each(v, ChatServer::parse)),
        get: |c| Value::list(&c.pages.chat_servers),
    },
    Setting {
        key: "pages.embedders",
        form: Form::List,
        doc: "Sites that may show the page in a frame, such as `https://shop.example.com` or \
              `https://*.example.com`; `*` for all. Without any, this site alone may.",
        set: |c, v| put(&mut c.pages.embedders, each(v, Embedder::parse)),
        get: |c| Value::list(&c.pages.embedders),
    },
];
