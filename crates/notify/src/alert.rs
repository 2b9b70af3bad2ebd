//! What the operator is told.

use maru_activity::{RealmId, Timestamp};
use serde::Serialize;

/// A trouble, in words for an operator. It holds no secret and nothing that a customer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What the trouble is, unique within its realm and the same each time: `bot/helper/outage`.
    pub cause: String,
    /// It in a few words.
    pub title: String,
    /// What happened, and what can be done.
    pub text: String,
    /// Whom to tell, where a record names somebody: a phone number, as the gateway takes it.
    pub to: Option<String>,
}

/// What about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// There is trouble.
    Raised,
    /// It is over.
    Settled,
    /// Somebody wants to know whether alerts arrive.
    Test,
}

impl Event {
    /// The word for it: `raised`, `settled`, `test`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Settled => "settled",
            Self::Test => "test",
        }
    }
}

/// An alert as it goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) event: Event,
    pub(crate) realm: &'a RealmId,
    pub(crate) alert: &'a Alert,
    pub(crate) at: Timestamp,
}

/// The members of a message, as JSON has them, a command's variables and a gateway's placeholders.
#[derive(Debug, Serialize)]
pub(crate) struct Members<'a> {
    pub(crate) event: Event,
    pub(crate) realm: &'a str,
    pub(crate) cause: &'a str,
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) to: &'a str,
    pub(crate) at: String,
}

impl<'a> Message<'a> {
    pub(crate) fn members(&self) -> Members<'a> {
        Members {
            event: self.event,
            realm: self.realm.as_str(),
            cause: &self.alert.cause,
            title: &self.alert.title,
            text: &self.alert.text,
            to: self.alert.to.as_deref().unwrap_or_default(),
            at: self.at.to_string(),
        }
    }

    /// The message as a JSON object.
    pub(crate) fn json(&self) -> Vec<u8> {
        // Texts alone: this cannot fail.
        serde_json::to_vec(&self.members()).unwrap_or_default()
    }
}

impl Members<'_> {
    /// Each by its name.
    pub(crate) fn named(&self) -> [(&'static str, &str); 7] {
        [
            ("event", self.event.word()),
            ("realm", self.realm),
            ("cause", self.cause),
            ("title", self.title),
            ("text", self.text),
            ("to", self.to),
            ("at", &self.at),
        ]
    }
}
