//! `POST /message`.

use serde::{Deserialize, Serialize};

use super::keyboard::Keyboard;

/// What a partner is sent: these three members, and never a fourth (bots with a strict schema answer
/// 400 to one).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) user_key: &'a str,
    #[serde(rename = "type")]
    pub(crate) kind: ContentKind,
    pub(crate) content: &'a str,
}

/// What a user sent. The document lists the first two; the platform sent the others too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ContentKind {
    /// A text; the label of a button that was tapped.
    Text,
    /// A picture: `content` is its address.
    Photo,
    /// A video, likewise.
    Video,
    /// A voice message, likewise.
    Audio,
}

/// What a partner answers, in its proper form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// One bubble.
    pub(crate) message: Message,
    /// The keyboard that goes with it. None means a text keyboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keyboard: Option<Keyboard>,
}

/// One bubble. At least one of its parts is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// The text, of at most [`TEXT_CHARS_MAX`](crate::limits::TEXT_CHARS_MAX) characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// A picture, below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) photo: Option<Photo>,
    /// A web link at the bottom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_button: Option<MessageButton>,
}

impl Message {
    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Photo {
    /// Where it is: an `http` or `https` URL.
    pub(crate) url: String,
    /// Its width in pixels.
    pub(crate) width: u32,
    /// Its height in pixels.
    pub(crate) height: u32,
}

/// A web link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageButton {
    /// What is written on it.
    pub(crate) label: String,
    /// Where it leads: an `http` or `https` URL.
    pub(crate) url: String,
}
