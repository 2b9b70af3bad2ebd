//! Ids as BotKit and Kore have them. All follow from what is known, so none is stored.

use std::fmt;

use maru_activity::{ActivityId, ConversationId};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

/// The longest request id that is looked at, in bytes.
const REQUEST_ID_MAX: usize = 160;

/// What BotKit knows as `requestId`: the turn that something is said in, `{conversation}.{place}`. It
/// is good for late answers too, and says nothing about who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TurnId {
    pub(crate) conversation: ConversationId,
    pub(crate) place: ActivityId,
}

impl TurnId {
    /// The turn that the activity of this whole id began. `None` for a signal, which has no place.
    pub(crate) fn of(conversation: &ConversationId, activity: &str) -> Option<Self> {
        let place = ActivityId::parse(conversation.as_str(), activity)?;
        Some(Self { conversation: conversation.clone(), place })
    }

    /// Reads what [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > REQUEST_ID_MAX {
            return None;
        }
        let (conversation, place) = text.rsplit_once('.')?;
        Self::of(&ConversationId::from(conversation), &format!("{conversation}|{place}"))
    }

    /// The activity that began the turn, if a customer can see it: what an answer may name.
    pub(crate) fn reply_to(&self) -> Option<String> {
        match self.place {
            ActivityId::Pos(_) => Some(self.place.in_conversation(self.conversation.as_str())),
            ActivityId::Hidden(_) => None,
        }
    }
}

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.conversation, self.place)
    }
}

/// How the user of a conversation is named to BotKit (`channel.from`). BotKit code keys what it keeps
/// by it, such as an agent's session, and asks for the history by it; so it names the conversation.
pub(crate) fn user_of(conversation: &ConversationId) -> String {
    format!("{USER}{conversation}")
}

/// The conversation that [`user_of`] named.
pub(crate) fn conversation_of(user: &str) -> Option<ConversationId> {
    let id = user.strip_prefix(USER)?;
    (!id.is_empty() && id.len() <= REQUEST_ID_MAX).then(|| ConversationId::from(id))
}

const USER: &str = "u-";

/// An id in the form of a UUID of version 5, which follows from these parts.
pub(crate) fn derived(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length in front: no two lists of parts read the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    shaped(prefix, bytes)
}

/// An id in the form of a UUID of version 5 with these bytes: the form that BotKit insists on.
pub(crate) fn shaped(prefix: &str, bytes: [u8; 16]) -> String {
    format!("{prefix}{}", Builder::from_sha1_bytes(bytes).into_uuid())
}

/// Whether BotKit takes this for a bot's id: `st-` and a UUID of version 5.
pub(crate) fn is_bot_id(id: &str) -> bool {
    let uuid = id.strip_prefix("st-").filter(|uuid| uuid.len() == 36);
    let uuid = uuid.and_then(|uuid| Uuid::try_parse(uuid).ok());
    uuid.is_some_and(|uuid| {
        uuid.get_version_num() == 5 && uuid.get_variant() == uuid::Variant::RFC4122
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_names_its_turn_and_nothing_else_does() {
        for place in [ActivityId::Pos(0), ActivityId::Pos(12_345_678), ActivityId::Hidden(3)] {
            let turn = TurnId { conversation: ConversationId::from("a.b"), place };
            assert_eq!(TurnId::parse(&turn.to_string()), Some(turn));
        }
        for none in ["", ".", "c", "c.", "c.4", "c.x000001", "c|0000001", &"c".repeat(500)] {
            assert_eq!(TurnId::parse(none), None, "{none}");
        }
    }

    #[test]
    fn bot_ids_are_of_version_5() {
        assert!(is_bot_id(&shaped("st-", [7; 16])));
        assert!(is_bot_id(&derived("st-", &["a"])));
        assert_ne!(derived("u-", &["ab", "c"]), derived("u-", &["a", "bc"]));
        for none in [
            "st-12345",
            "st-f82726cb-4cd6-4ec4-bd35-7f5542b616dc",
            "st-f82726cb-4cd6-5ec4-cd35-7f5542b616dc",
            "f82726cb-4cd6-5ec4-bd35-7f5542b616dc",
            "st-f82726cb4cd65ec4bd357f5542b616dc",
        ] {
            assert!(!is_bot_id(none), "{none}");
        }
        assert!(is_bot_id("st-f82726cb-4cd6-5ec4-bd35-7f5542b616dc"));
    }

    #[test]
    fn a_user_names_the_conversation() {
        let id = ConversationId::from("Abc");
        assert_eq!(conversation_of(&user_of(&id)), Some(id));
        assert_eq!((conversation_of("u-"), conversation_of("Abc")), (None, None));
    }
}
