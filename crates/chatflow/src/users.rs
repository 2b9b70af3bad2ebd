//! Whose place it is.

use maru_accounts::InstanceKey;
use maru_activity::ConversationId;

use crate::AppRecord;

/// How a user comes: the same key in two namespaces is two users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// By the REST API; the key is the `user_key` that the client gave.
    Api,
    /// By a conversation of one of Maru's channels; the key is the conversation's id.
    Channel,
    /// By the test console; the key is whatever the tester chose.
    Test,
}

impl Namespace {
    fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Channel => "channel",
            Self::Test => "test",
        }
    }
}

/// A user of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// How they come.
    pub namespace: Namespace,
    /// By which their place is kept, unique within app and namespace.
    pub key: String,
    /// What the scenario and its webhooks know them by: `{{user_key}}`.
    pub shown: String,
}

impl User {
    /// A user of the REST API.
    pub fn api(user_key: &str) -> Self {
        Self { namespace: Namespace::Api, key: user_key.to_owned(), shown: user_key.to_owned() }
    }

    /// A user in a conversation, whom webhooks know by `shown`.
    pub fn channel(conversation: &ConversationId, shown: String) -> Self {
        Self { namespace: Namespace::Channel, key: conversation.to_string(), shown }
    }

    /// A user whom a tester plays.
    pub fn test(user_key: &str) -> Self {
        Self { namespace: Namespace::Test, ..Self::api(user_key) }
    }

    /// The conversation that everything of this user belongs to; a tester has none in the log.
    pub(crate) fn conversation(&self, place: &str) -> ConversationId {
        match self.namespace {
            Namespace::Channel => ConversationId::from(self.key.as_str()),
            Namespace::Api | Namespace::Test => ConversationId::from(place),
        }
    }

    /// By what everything of this user is kept: 22 characters which tell nothing of the key, and
    /// which nobody can guess from it.
    pub(crate) fn place(&self, app: &AppRecord, key: &InstanceKey) -> String {
        let about = [&*app.id, self.namespace.word(), &*self.key];
        base62(&key.derive("chatflow/user", &about))
    }
}

/// By what a message's answer is kept, within its user's.
pub(crate) fn message_place(place: &str, message_id: &str, key: &InstanceKey) -> String {
    base62(&key.derive("chatflow/message", &[place, message_id]))
}

/// The first 128 bits in 22 characters.
fn base62(bytes: &[u8; 32]) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let head = bytes.first_chunk::<16>().copied().unwrap_or_default();
    let mut rest = u128::from_be_bytes(head);
    let digits = std::iter::repeat_with(|| {
        // A remainder of 62 is a place in the alphabet.
        let digit = ALPHABET.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
        char::from(digit)
    });
    digits.take(22).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_users_alone_and_looks_like_an_id() {
        assert_eq!(base62(&[0; 32]), "0".repeat(22));
        let (one, other) = (base62(&[255; 32]), base62(&[254; 32]));
        assert_ne!(one, other);
        assert!(one.len() == 22 && one.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
