//! Signing keys, and the tokens they make.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use maru_activity::env::Env;
use maru_activity::{RealmId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::verifier::Times;
use crate::{Error, InstanceKey, Leeway, TokenError};

/// The scope of a realm's signing keys; the key in the store is the `kid`.
pub(crate) const SCOPE: &str = "accounts/signing-key";

/// HS256 wants a key at least as long as its hash (RFC 7518, section 3.2).
const KEY_LENGTH: usize = 32;

/// The length of a `kid`: 131 random bits, so that no two realms ever share one.
const KID_LENGTH: usize = 22;

/// A realm's signing key, ready for use.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) realm: RealmId,
    pub(crate) created_at: Timestamp,
    /// The first part of every token that this key makes. A token is accepted only if it begins
    /// with the very text, so nothing that a header could ask for is ever read.
    pub(crate) header: Box<str>,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    /// The key's bytes as base64.
    #[serde(borrow)]
    key: Cow<'a, str>,
    created_at: Timestamp,
}

/// The claims that are ours.
#[derive(Deserialize)]
struct Registered<'a> {
    #[serde(borrow)]
    aud: Cow<'a, str>,
    exp: i64,
    nbf: Option<i64>,
}

#[derive(Serialize)]
struct Claims<'a, T> {
    aud: &'a str,
    #[serde(flatten)]
    more: &'a T,
}

impl SigningKey {
    /// A new key with its sealed record.
    pub(crate) fn make(
        realm: &RealmId,
        created_at: Timestamp,
        instance: &InstanceKey,
        env: &Env,
    ) -> (Self, Vec<u8>) {
        let kid = env.base62(KID_LENGTH);
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        env.random.fill(bytes.as_mut_slice());
        let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        let record = Zeroizing::new(
            serde_json::to_vec(&Record { key: Cow::Borrowed(&text), created_at })
                .expect("a record of text and a number is always JSON"),
        );
        let sealed = instance.seal(env, &purpose(realm, &kid), &record);
        (Self::new(realm.clone(), kid, created_at, bytes.as_slice()), sealed)
    }

    /// A key from its sealed record.
    pub(crate) fn open(
        realm: &RealmId,
        kid: &str,
        sealed: &[u8],
        instance: &InstanceKey,
    ) -> Result<Self, Error> {
        let record = instance
            .unseal(&purpose(realm, kid), sealed)
            .map_err(|_| Error::Sealed { realm: realm.clone(), kid: kid.to_owned() })?;
        // What serde says about it could quote the key.
        let damaged = || Error::Damaged {
            scope: SCOPE,
            key: kid.to_owned(),
            why: "it is not a signing key".to_owned(),
        };
        let record: Record<'_> = serde_json::from_slice(&record).map_err(|_| damaged())?;
        let bytes = Zeroizing::new(STANDARD.decode(record.key.as_bytes()).map_err(|_| damaged())?);
        if bytes.len() != KEY_LENGTH {
            return Err(damaged());
        }
        Ok(Self::new(realm.clone(), kid.to_owned(), record.created_at, &bytes))
    }

    fn new(realm: RealmId, kid: String, created_at: Timestamp, bytes: &[u8]) -> Self {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#);
        Self {
            kid,
            realm,
            created_at,
            header: URL_SAFE_NO_PAD.encode(header).into(),
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
        }
    }

    /// Orders by age: the last one signs.
    pub(crate) fn by_age(&self, other: &Self) -> Ordering {
        (self.created_at, &self.kid).cmp(&(other.created_at, &other.kid))
    }

    /// A token with these claims.
    pub(crate) fn sign<T: Serialize>(&self, audience: &str, claims: &T) -> Result<String, Error> {
        let unsuited = |error: &dyn fmt::Display| Error::Claims(error.to_string());
        let claims = serde_json::to_vec(&Claims { aud: audience, more: claims })
            .map_err(|error| unsuited(&error))?;
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 48);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = crypto::sign(token.as_bytes(), &self.encoding, Algorithm::HS256)
            .map_err(|error| unsuited(&error))?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    /// The claims of a token whose header is this key's.
    pub(crate) fn verify<T: DeserializeOwned>(
        &self,
        token: &Parts<'_>,
        audience: &str,
        now: Timestamp,
        leeway: Leeway,
    ) -> Result<(T, Times), TokenError> {
        match crypto::verify(
            token.signature,
            token.message.as_bytes(),
            &self.decoding,
            Algorithm::HS256,
        ) {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err(TokenError::BadSignature),
        }
        let payload = URL_SAFE_NO_PAD.decode(token.payload).map_err(|_| TokenError::Malformed)?;
        let claims: Registered<'_> =
            serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)?;
        if claims.aud != audience {
            return Err(TokenError::WrongAudience);
        }
        let times = Times {
            nbf: claims.nbf.map(|nbf| Timestamp::from_secs(nbf).before(leeway.nbf)),
            exp: Timestamp::from_secs(claims.exp).after(leeway.exp),
        };
        times.check(now)?;
        let claims = serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)?;
        Ok((claims, times))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// What a sealed key is for: a record that is moved to another realm or another `kid` does not
/// open.
fn purpose(realm: &RealmId, kid: &str) -> String {
    format!("{SCOPE}/{realm}/{kid}")
}

/// A token taken apart.
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// Header and payload: what is signed.
    message: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > crate::TOKEN_MAX {
            return Err(TokenError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        Ok(Self { header, payload, signature, message })
    }
}
