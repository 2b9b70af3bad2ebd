//! Secrets that records keep, and that must be read back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maru_activity::Timestamp;
use maru_activity::env::Env;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{InstanceKey, Secret};

const ID_LENGTH: usize = 12;

/// A secret as a record keeps it: sealed with the instance key. It opens for the purpose that it was
/// sealed for, and under its own id: put in the place of another it is worth nothing.
///
/// What is read in its place and is none is not quoted: it may be the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
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

/// How a sealed secret is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    id: String,
    sealed: String,
    created_at: Timestamp,
}

impl TryFrom<Value> for SealedSecret {
    type Error = &'static str;

    fn try_from(kept: Value) -> Result<Self, &'static str> {
        let Parts { id, sealed, created_at } = serde_json::from_value(kept)
            .map_err(|_| "is kept sealed, and cannot be set as text")?;
        Ok(Self { id, sealed, created_at })
    }
}

/// Reads a list of what is kept of secrets, for `#[serde(deserialize_with = …)]`: as little is quoted of what
/// stands in its place as of what stands in one secret's.
///
/// # Errors
/// Those of `T`, and one if it is no list.
pub fn kept_secrets<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    match Value::deserialize(deserializer)? {
        list @ Value::Array(_) => serde_json::from_value(list).map_err(D::Error::custom),
        _ => Err(D::Error::custom("is a list of kept secrets, and cannot be set as text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let kept = serde_json::to_string(&one).unwrap();
        assert!(!kept.contains("the one"));
        assert_eq!(serde_json::from_str::<SealedSecret>(&kept).unwrap(), one);
    }

    #[test]
    fn what_is_no_sealed_secret_is_not_quoted() {
        let at = "2026-11-21T00:00:00Z";
        for wrong in [
            json!("plain"),
            json!(4711),
            json!(["plain"]),
            json!({"plain": 1}),
            json!({"id": "plain", "sealed": 4711, "created_at": at}),
            json!({"id": "a", "sealed": "x", "created_at": "plain"}),
            json!({"id": "a", "sealed": "x", "created_at": at, "plain": 4711}),
        ] {
            let error = serde_json::from_value::<SealedSecret>(wrong).unwrap_err();
            assert_eq!(error.to_string(), "is kept sealed, and cannot be set as text");
        }
    }
}
