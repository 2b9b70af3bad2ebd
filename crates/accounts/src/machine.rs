//! Secrets that are given to machines.

use std::fmt;

use maru_activity::Timestamp;
use maru_activity::env::Env;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Secret, hex};

const ID_LENGTH: usize = 12;
const RANDOM_LENGTH: usize = 43;

/// A secret for a machine: `<id>.<random>`, 12 and 43 characters of base62. The random part is
/// worth 256 bits, so a plain hash of it can be kept: there is nothing to guess, and slow hashes
/// are for what people choose.
#[derive(Clone, Copy, Debug)]
pub struct MachineSecret;

impl MachineSecret {
    /// Makes a new one: the text, to be shown once, and the record, to be kept.
    pub fn issue(env: &Env) -> (IssuedSecret, SecretRecord) {
        let id = env.base62(ID_LENGTH);
        let text = Secret::new(format!("{id}.{}", env.base62(RANDOM_LENGTH)));
        let record =
            SecretRecord { id: id.clone(), hash: hash(text.expose()), created_at: env.now() };
        (IssuedSecret { id, text }, record)
    }
}

/// A secret that was just made. This is the only time its text is known.
#[derive(Clone)]
pub struct IssuedSecret {
    /// By which its record is found.
    pub id: String,
    /// The whole text, id included: what the machine shows.
    pub text: Secret,
}

impl fmt::Debug for IssuedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedSecret").field("id", &self.id).field("text", &self.text).finish()
    }
}

/// What is kept of a secret. What is read in its place and is none is not quoted: it may be the secret
/// itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct SecretRecord {
    /// By which it is found.
    pub id: String,
    /// SHA-256 of the whole text, in lower-case hexadecimal.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl SecretRecord {
    /// Whether this is the secret's text. How long it takes says nothing about the secret.
    pub fn matches(&self, text: &str) -> bool {
        // The id part is no secret, so finding out by time that it differs gives nothing away.
        secret_id(text) == Some(&self.id)
            && bool::from(hash(text).as_bytes().ct_eq(self.hash.as_bytes()))
    }
}

/// How a record is written down.
#[derive(Deserialize)]
struct Parts {
    id: String,
    hash: String,
    created_at: Timestamp,
}

impl TryFrom<Value> for SecretRecord {
    type Error = &'static str;

    fn try_from(kept: Value) -> Result<Self, &'static str> {
        let Parts { id, hash, created_at } = serde_json::from_value(kept)
            .map_err(|_| "is kept as a hash, and cannot be set as text")?;
        Ok(Self { id, hash, created_at })
    }
}

/// The id in a secret's text, by which its record is found; `None` if the text cannot be such a
/// secret.
pub fn secret_id(text: &str) -> Option<&str> {
    let (id, random) = text.split_once('.')?;
    let is_base62 = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    (is_base62(id, ID_LENGTH) && is_base62(random, RANDOM_LENGTH)).then_some(id)
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_by_its_id_and_matches_only_itself() {
        let env = Env::system();
        let (issued, record) = MachineSecret::issue(&env);
        let text = issued.text.expose();
        assert_eq!(text.len(), 12 + 1 + 43);
        assert_eq!(secret_id(text), Some(issued.id.as_str()));
        assert!(record.matches(text));

        let (other, _) = MachineSecret::issue(&env);
        assert!(!record.matches(other.text.expose()));
        let (_, other_random) = other.text.expose().split_once('.').unwrap();
        assert!(!record.matches(&format!("{}.{other_random}", issued.id)));
        for bad in ["", ".", &issued.id, &record.hash, &format!("{text}x"), &text.replace('.', "")]
        {
            assert!(!record.matches(bad), "{bad}");
            assert_eq!(secret_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn neither_the_record_nor_debug_holds_the_text() {
        let (issued, record) = MachineSecret::issue(&Env::system());
        let (_, random) = issued.text.expose().split_once('.').unwrap();
        let kept = serde_json::to_string(&record).unwrap();
        for shown in [format!("{issued:?}"), format!("{record:?}"), kept.clone()] {
            assert!(!shown.contains(random), "{shown}");
        }
        assert_eq!(serde_json::from_str::<SecretRecord>(&kept).unwrap(), record);
        let error = serde_json::from_value::<SecretRecord>(random.into()).unwrap_err();
        assert_eq!(error.to_string(), "is kept as a hash, and cannot be set as text");
    }
}
