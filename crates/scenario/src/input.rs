//! What a scenario is told.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits::CONTENT_BYTES_MAX;
use crate::text;

/// What happened to a user's scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The user said something.
    Message(UserMessage),
    /// Begin at the entry node, or go on at the named one.
    Init {
        /// The node to go to; the entry node if there is none.
        node: Option<String>,
    },
    /// What came of the webhook that the last step asked for.
    WebhookResult {
        /// The id that [`Effect::Webhook`](crate::Effect::Webhook) named.
        id: String,
        /// What came of it.
        outcome: WebhookOutcome,
    },
    /// The user comes back from a human.
    HandoffEnded {
        /// Whether a human took it at all.
        served: bool,
    },
}

/// What a user said.
#[derive(Clone, Debug, PartialEq)]
pub struct UserMessage {
    /// What kind of thing it is.
    pub kind: ContentKind,
    /// The text, or the address of the medium. More than
    /// [`CONTENT_BYTES_MAX`] is cut.
    pub content: String,
    /// Put into the session's variables before anything else; null deletes.
    pub variables: Map<String, Value>,
}

impl UserMessage {
    /// A text, and nothing else.
    pub fn text(content: impl Into<String>) -> Self {
        Self { kind: ContentKind::Text, content: content.into(), variables: Map::new() }
    }
}

/// The kinds of things that a user can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentKind {
    /// Words.
    Text,
    /// The address of a picture.
    Photo,
    /// The address of a film.
    Video,
    /// The address of a sound.
    Audio,
}

impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KINDS.iter().find(|(_, kind)| kind == self).map_or("", |(word, _)| word))
    }
}

/// The words for them in a scenario file.
pub(crate) const KINDS: &[(&str, ContentKind)] = &[
    ("text", ContentKind::Text),
    ("photo", ContentKind::Photo),
    ("video", ContentKind::Video),
    ("audio", ContentKind::Audio),
];

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(0b1111);
    /// Words alone.
    pub const TEXT: Self = Self(1 << ContentKind::Text as u8);
    /// Words and pictures.
    pub const TEXT_AND_PHOTO: Self = Self::TEXT.and(Self(1 << ContentKind::Photo as u8));

    /// A set of these.
    pub fn of(kinds: impl IntoIterator<Item = ContentKind>) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u8))
    }

    /// Whether the kind is in it.
    pub const fn has(self, kind: ContentKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What came of calling a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body. More than [`ANSWER_BYTES_MAX`](crate::limits::ANSWER_BYTES_MAX) counts as a
        /// failure.
        body: Vec<u8>,
    },
    /// It did not answer in time.
    TimedOut,
    /// It could not be reached, was not allowed, or broke off.
    Failed,
}

/// What the user said, as conditions and slots compare it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) kind: ContentKind,
    pub(crate) content: String,
    /// The value of the choice that was made with it.
    pub(crate) choice: Option<String>,
    /// The words as they are compared; nothing for a medium, whose address means nothing.
    pub(crate) folded: String,
}

impl Heard {
    pub(crate) fn new(kind: ContentKind, content: &str) -> Self {
        let content = text::cut_bytes(content, CONTENT_BYTES_MAX).to_owned();
        let folded = match kind {
            ContentKind::Text => text::fold(&content),
            _ => String::new(),
        };
        Self { kind, content, choice: None, folded }
    }

    /// Nothing: a turn that the user's words did not begin.
    pub(crate) fn nothing() -> Self {
        Self::new(ContentKind::Text, "")
    }
}
