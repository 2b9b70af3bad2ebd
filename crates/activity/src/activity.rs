//! What an activity is, as it is kept.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Draft;

/// What an activity is. Unknown types are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something said.
    Message,
    /// Someone is writing.
    Typing,
    /// Something named happened.
    Event,
    /// Someone came or went.
    ConversationUpdate,
    /// The conversation is over.
    EndOfConversation,
    /// A call that wants the bot's answer at once.
    Invoke,
    /// A developer's trace, never shown to clients.
    Trace,
    /// Someone reacted to a message.
    MessageReaction,
    /// An earlier activity was replaced; Maru itself writes this for bots of other protocols.
    MessageUpdate,
    /// An earlier activity was taken back.
    MessageDelete,
    /// Any other type, in the sender's spelling.
    Other(Box<str>),
}

impl Kind {
    /// The type's name in the Activity schema.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Message => "message",
            Self::Typing => "typing",
            Self::Event => "event",
            Self::ConversationUpdate => "conversationUpdate",
            Self::EndOfConversation => "endOfConversation",
            Self::Invoke => "invoke",
            Self::Trace => "trace",
            Self::MessageReaction => "messageReaction",
            Self::MessageUpdate => "messageUpdate",
            Self::MessageDelete => "messageDelete",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Kind {
    fn from(name: &str) -> Self {
        match name {
            "message" => Self::Message,
            "typing" => Self::Typing,
            "event" => Self::Event,
            "conversationUpdate" => Self::ConversationUpdate,
            "endOfConversation" => Self::EndOfConversation,
            "invoke" => Self::Invoke,
            "trace" => Self::Trace,
            "messageReaction" => Self::MessageReaction,
            "messageUpdate" => Self::MessageUpdate,
            "messageDelete" => Self::MessageDelete,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// On which side of a conversation someone stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A customer.
    User,
    /// A bot.
    Bot,
    /// A human agent.
    Agent,
}

impl Role {
    /// The role's name, as the Activity schema spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bot => "bot",
            Self::Agent => "agent",
        }
    }
}

/// Who said it, in the Activity schema's `ChannelAccount` form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The id, unique within its channel.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role as the sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// How large and how deep an activity may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of JSON text. Direct Line's own limit is 262,144.
    pub bytes_max: usize,
    /// The most nested objects and arrays.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 262_144, depth_max: 64 }
    }
}

/// Why a text is no activity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is longer than the limit.
    #[error("the activity has {bytes} bytes; at most {limit} are taken")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It is no JSON object, or one that is damaged: what is wrong, and where.
    #[error("the body is not a JSON object: {0}")]
    Json(String),
    /// A member that must be there is missing or has the wrong JSON type.
    #[error("the activity's '{0}' is missing or is not a text")]
    Member(&'static str),
}

/// One thing said or done, as it is kept: a few members to hand, and the whole as JSON text.
#[derive(Clone, Debug)]
pub struct Activity {
    /// What it is.
    pub kind: Kind,
    /// Who said it.
    pub from: Account,
    /// The id of the activity it answers, as its sender wrote it.
    pub reply_to_id: Option<Box<str>>,
    /// The JSON object less the members that the server owns: the sender's bytes.
    pub body: Bytes,
}

impl Activity {
    /// Reads an activity in one go: [`Draft::parse`] and [`Draft::finish`].
    ///
    /// # Errors
    /// [`Invalid`] says what is wrong with the text.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Invalid> {
        Draft::parse(text, limits)?.finish()
    }

    /// A message with nothing but a text.
    pub fn message(from: &Account, text: &str) -> Self {
        let mut draft = Draft::new(&Kind::Message);
        draft.set_value("from", from);
        draft.set_text("text", text);
        draft.finish().expect("the type was given")
    }
}
