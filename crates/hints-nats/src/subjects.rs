//! Under which subjects hints travel.
//!
//! `maru.<prefix>.h.<realm>.<conversation>` carries what is about one conversation, and
//! `maru.<prefix>.all` what is for every node. A subject's tokens are parted by dots and may hold no
//! white space and none of `* >`
//! (<https://docs.nats.io/nats-concepts/subjects#characters-allowed-and-recommended-for-subject-names>),
//! so everything else than `a-z A-Z 0-9 _ -` is written as `=` and two hex digits a byte.

use std::fmt::Write as _;
use std::sync::Arc;

use maru_activity::{ConversationId, RealmId};

/// The longest subject that is used. A server refuses whole lines over 4,096 bytes by default.
const SUBJECT_MAX: usize = 1_024;

/// The subjects of one installation.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    base: Arc<str>,
}

impl Subjects {
    /// Those of the installation of this name.
    pub(crate) fn new(prefix: &str) -> Self {
        let mut base = String::from("maru.");
        push_token(&mut base, prefix);
        Self { base: base.into() }
    }

    /// A conversation's subject. `None` if its id is too long to be carried.
    pub(crate) fn conversation(
        &self,
        realm: &RealmId,
        conversation: &ConversationId,
    ) -> Option<String> {
        let mut subject = String::with_capacity(self.base.len() + 64);
        subject.push_str(&self.base);
        subject.push_str(".h.");
        push_token(&mut subject, realm.as_str());
        subject.push('.');
        push_token(&mut subject, conversation.as_str());
        (subject.len() <= SUBJECT_MAX).then_some(subject)
    }

    /// Every node's subject.
    pub(crate) fn all(&self) -> String {
        format!("{}.all", self.base)
    }
}

/// Writes a text as one token. Different texts make different tokens, and none is empty.
fn push_token(subject: &mut String, text: &str) {
    if text.is_empty() {
        subject.push('=');
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            subject.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(subject, "={byte:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_text_make_one_token_each_and_no_two_the_same() {
        let subjects = Subjects::new("site 1");
        let of = |realm: &str, id: &str| subjects.conversation(&realm.into(), &id.into());
        assert_eq!(of("default", "Ab_9-").as_deref(), Some("maru.site=201.h.default.Ab_9-"));
        assert_eq!(of("a.b", "*").as_deref(), Some("maru.site=201.h.a=2eb.=2a"));
        assert_eq!(of("", "가>").as_deref(), Some("maru.site=201.h.=.=ea=b0=80=3e"));
        assert_ne!(of("a", "b=2e"), of("a", "b."));
        assert_ne!(of("a", ""), of("a", "="));
        assert_eq!(of("a", &"x".repeat(2_000)), None);
        assert_eq!(subjects.all(), "maru.site=201.all");
    }
}
