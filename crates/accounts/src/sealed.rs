//! Secrets that records keep, and that must be read back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maru_activity::Timestamp;
use maru_activity::env::Env;
use serde::{Deserialize, Serialize};

use crate::{InstanceKey, Secret};

const ID_LENGTH: usize = 12;

/// A secret as a record keeps it: sealed with the instance key. It opens for the purpose that it was
/// sealed for, and under its own id: put in the place of another it is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedSecret {
    /// By which it is known.
    pub id: String,
    /// The secret, sealed, as base64 text.
    pub sealed: String,
    /// When it was made, or brought along.
    pub created_at: Timestamp,
}

impl SealedSecret {
    /// Seals a secret. `purpose` says what it is for: `kore/client-secret`.
    pub fn seal(plain: &Secret, purpose: &str, env: &Env, key: &InstanceKey) -> Self {
        let id = env.base62(ID_LENGTH);
        let sealed = key.seal(env, &format!("{purpose}/{id}"), plain.expose().as_bytes());
        Self { id, sealed: STANDARD.encode(sealed), created_at: env.now() }
    }

    /// The secret itself; `None` if it was sealed with another instance key or for something else, or is
    /// damaged.
    pub fn open(&self, purpose: &str, key: &InstanceKey) -> Option<Secret> {
        let sealed = STANDARD.decode(&self.sealed).ok()?;
        let plain = key.unseal(&format!("{purpose}/{}", self.id), &sealed).ok()?;
        Some(Secret::new(std::str::from_utf8(&plain).ok()?))
    }

    /// Whether this is the secret.
    pub fn is(&self, plain: &Secret, purpose: &str, key: &InstanceKey) -> bool {
        self.open(purpose, key).is_some_and(|known| known.expose() == plain.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_own_place_alone() {
        let (env, key) =
            (Env::system(), InstanceKey::from_text(&STANDARD.encode([7; 32])).unwrap());
        let seal = |text: &str| SealedSecret::seal(&Secret::new(text), "a", &env, &key);
        let (one, other) = (seal("the one"), seal("the other"));
        assert!(one.is(&Secret::new("the one"), "a", &key));
        assert!(!one.is(&Secret::new("the other"), "a", &key));
        assert!(one.open("b", &key).is_none(), "it was sealed for something else");
        let swapped = SealedSecret { sealed: other.sealed, ..one.clone() };
        assert!(swapped.open("a", &key).is_none(), "it stands under another's id");
        let another = InstanceKey::from_text(&STANDARD.encode([8; 32])).unwrap();
        assert!(one.open("a", &another).is_none());
        assert!(!serde_json::to_string(&one).unwrap().contains("the one"));
    }
}
