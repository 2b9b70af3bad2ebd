//! What is kept of a user: their conversation, and what they were offered to press.
//!
//! A press comes as an utterance of its label, so what the label stands for is looked up here. A
//! skill's button carries the offer's number besides, since cards side by side often have buttons of
//! one label.

use maru_activity::ConversationId;
use maru_content::Offers;
use serde::{Deserialize, Serialize};

/// The scope of users; the key names the channel and the user.
pub(crate) const SCOPE: &str = "kakao/user";

/// What is kept of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The conversation.
    pub(crate) conversation: ConversationId,
    /// What was offered.
    #[serde(default)]
    pub(crate) offers: Offers,
}

impl Kept {
    /// Of a conversation that was just begun.
    pub(crate) fn new(conversation: ConversationId) -> Self {
        Self { conversation, offers: Offers::default() }
    }
}
