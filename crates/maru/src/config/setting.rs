//! What a setting and a section are, and how all are printed.

use std::fmt::Write as _;

use super::{Config, Form, SETTINGS, Value};

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
    Section { name: "node", doc: "This process, where several serve as one." },
    Section {
        name: "store",
        doc: "Where everything is kept: in SQLite in the data folder, which is one process's own, or in \
              PostgreSQL, which several may share.",
    },
    Section {
        name: "hints",
        doc: "How the nodes that share a store wake each other. Without hints everything is seen all the \
              same, within a second.",
    },
    Section {
        name: "blobs",
        doc: "Where files are kept that were sent. Nodes that share a store must share this place.",
    },
    Section {
        name: "egress",
        doc: "Where Maru may call: the only way out, for bots' endpoints and all else. Public addresses are \
              allowed; this machine itself only while `listen` is a loopback address; anything else needs a rule.",
    },
    Section {
        name: "alerts",
        doc: "How the operator is told of trouble, besides the log: that a bot cannot be reached, for instance. \
              Of one cause once an hour, and once when it is over. `maru alerts test` tries it.",
    },
    Section { name: "hall", doc: "Conversations, and how much of them is kept at hand." },
    Section { name: "retention", doc: "How long what was said is kept." },
    Section {
        name: "bot_framework",
        doc: "How much Bot Framework bots may send at once. How they are called is set for each bot \
              (`maru bot set ID delivery.attempt_timeout_ms=15000`).",
    },
    Section { name: "pages", doc: "The customers' chat page, `/webchat.html`." },
];

/// The whole configuration as a file would have it, with secrets blacked out.
pub fn print(config: &Config) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        if !section.name.is_empty() {
            let _ = writeln!(text, "\n[{}]", section.name);
        }
        for setting in SETTINGS.iter().filter(|setting| setting.section() == section.name) {
            let value = setting.form.printable(setting.value(config));
            let _ = writeln!(text, "{} = {value}", setting.name());
        }
    }
    text
}
