//! What a user is told.

use maru_activity::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::session::{Restart, Session};
use crate::text;

/// What a user is told in answer to one thing they did. As JSON it has the five members that every
/// ChatFlow client reads, always, and after them what is new.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Turn {
    /// The node where the user is now.
    pub id: String,
    /// What that node waits for.
    pub action: Action,
    /// The last bubble: the one that asks.
    pub message: Bubble,
    /// How the user answers.
    pub keyboard: Keyboard,
    /// Every slot that has a value.
    pub slot: Map<String, Value>,
    /// All bubbles, in order.
    pub messages: Vec<Bubble>,
    /// The session.
    pub session: SessionInfo,
}

/// What a node waits for. Nodes that wait for nothing a client knows are `custom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Free text.
    Intent,
    /// A choice.
    Select,
    /// A value.
    Slot,
    /// Nothing but that a link may be followed.
    Link,
    /// Something of its own.
    Custom,
}

/// One thing said. Its text is plain text, whatever stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bubble {
    /// The text; empty if there is only a picture.
    pub text: String,
    /// A picture.
    pub image: Option<Image>,
    /// A link button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its address.
    pub url: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// A link button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What stands on it.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// How a user answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Keyboard {
    /// By typing.
    #[default]
    Text,
    /// By pressing one of these; what is pressed comes back as text.
    Buttons {
        /// The labels.
        buttons: Vec<String>,
    },
}

/// A session, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// When it began.
    #[serde(serialize_with = "iso")]
    pub started_at: Timestamp,
    /// When the user last said something.
    #[serde(serialize_with = "iso")]
    pub last_message_at: Timestamp,
    /// From when on it is over, if it ever is.
    #[serde(serialize_with = "iso_or_null")]
    pub expires_at: Option<Timestamp>,
    /// How many turns there were, this one included.
    pub turn: u64,
    /// Why this turn began again, if it did.
    pub restarted: Option<Restart>,
    /// Where the user was before that.
    pub previous_id: Option<String>,
    /// The version of the scenario.
    pub scenario_version: u64,
}

impl SessionInfo {
    /// A session between two turns.
    pub fn of(session: &Session) -> Self {
        Self::new(session, None, None)
    }

    pub(crate) fn new(
        session: &Session,
        restarted: Option<Restart>,
        previous_id: Option<String>,
    ) -> Self {
        Self {
            started_at: session.started_at,
            last_message_at: session.last_message_at,
            expires_at: session.expires_at(),
            turn: session.turn,
            restarted,
            previous_id,
            scenario_version: session.scenario_version,
        }
    }
}

impl Turn {
    /// Everything said in one bubble, for a caller that can show only one: the texts one below the
    /// other, at most `chars_max` characters of them, the first picture and the first link.
    pub fn joined(&self, chars_max: usize) -> Bubble {
        let texts: Vec<&str> =
            self.messages.iter().map(|b| b.text.as_str()).filter(|text| !text.is_empty()).collect();
        Bubble {
            text: text::cut(&texts.join("\n\n"), chars_max).to_owned(),
            image: self.messages.iter().find_map(|bubble| bubble.image.clone()),
            link: self.messages.iter().find_map(|bubble| bubble.link.clone()),
        }
    }
}

fn iso<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn iso_or_null<S: Serializer>(time: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => iso(time, s),
        None => s.serialize_none(),
    }
}
