//! Assertions: the JWTs that an app's owner signs for its users (kore-rtm.md §2). Here they are
//! taken apart and checked, without I/O.

use std::borrow::Cow;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use maru_accounts::Secret;
use maru_activity::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids;
use crate::limits::{ASSERTION_BYTES_MAX, JTI_SPAN_SECS, SKEW_SECS, SUBJECT_BYTES_MAX};

/// Numbers above this are milliseconds: as seconds it is the year 5138. The vendor's own sample
/// issuer writes milliseconds, and others mix both in one token.
const SECONDS_MAX: f64 = 1e11;

/// How an assertion may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256, by a client secret.
    #[serde(rename = "HS256")]
    Hs256,
    /// HMAC with SHA-512, by a client secret.
    #[serde(rename = "HS512")]
    Hs512,
    /// RSA (PKCS #1 v1.5) with SHA-256, by a private key whose public half the app knows.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA (PKCS #1 v1.5) with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
}

impl Algorithm {
    /// Whether it needs a public key.
    pub fn is_asymmetric(self) -> bool {
        self.rsa().is_some()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs512 => "RS512",
        }
    }

    fn hmac(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(hmac::HMAC_SHA256),
            Self::Hs512 => Some(hmac::HMAC_SHA512),
            Self::Rs256 | Self::Rs512 => None,
        }
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            Self::Hs256 | Self::Hs512 => None,
        }
    }
}

/// Why an assertion is not taken. What is said of it stands behind
/// `error verifying the jwt: ` (kore-rtm.md §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("jwt malformed")]
    Malformed,
    #[error("encrypted assertions are not supported")]
    Encrypted,
    #[error("unknown client")]
    UnknownClient,
    #[error("invalid algorithm")]
    Algorithm,
    #[error("invalid signature")]
    Signature,
    #[error("jwt expired")]
    Expired,
    #[error("jwt not active")]
    NotYet,
    #[error("\"sub\" must be a text of 1 to 256 bytes")]
    Subject,
    #[error("if \"jti\" claim \"exp\" must be <= 1 hour(s)")]
    TooLong,
    #[error("possibly a replay")]
    Replay,
}

/// What an assertion says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Claims {
    /// The app: its client id.
    pub(crate) issuer: String,
    /// It is called by `appId`, as in the webhook channel: the assertion is a server's own, and whom
    /// it speaks for stands in each call.
    pub(crate) for_app: bool,
    /// The user.
    pub(crate) subject: String,
    /// By which the assertion is known; one that has it is good once.
    pub(crate) id: Option<String>,
    /// When it was made, in seconds since the Unix epoch.
    pub(crate) issued_at: Option<f64>,
    /// From when on it is good.
    pub(crate) not_before: Option<f64>,
    /// Until when it is good.
    pub(crate) expires_at: Option<f64>,
    /// Whether its issuer calls the user anonymous.
    pub(crate) anonymous: bool,
    /// Whether the user is who they are by their own word alone: what is signed here for others
    /// than the app's owner says so.
    pub(crate) self_declared: bool,
    /// The user's names.
    pub(crate) first_name: Option<String>,
    /// The other one.
    pub(crate) last_name: Option<String>,
    /// In the webhook channel: who the user is, which must be what the body says of them.
    pub(crate) user_identity: Option<String>,
}

/// A public key of somebody who signs.
#[derive(Debug)]
pub(crate) struct PublicKey {
    /// By which access tokens name it: a part of its digest.
    pub(crate) id: String,
    der: Vec<u8>,
}

impl PublicKey {
    /// From PEM text: `PUBLIC KEY` or `RSA PUBLIC KEY`.
    pub(crate) fn of_pem(text: &str) -> Result<Self, &'static str> {
        let no_pem = "a public key is PEM text that begins with -----BEGIN PUBLIC KEY-----";
        let (_, rest) = text.split_once("-----BEGIN ").ok_or(no_pem)?;
        let (label, rest) = rest.split_once("-----").ok_or(no_pem)?;
        if !matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY") {
            return Err(no_pem);
        }
        let (body, _) = rest.split_once("-----END ").ok_or(no_pem)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| no_pem)?;
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der)
            .map_err(|_| "a public key is an RSA key of at least 2,048 bits")?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        Ok(Self { id: ids::hex(&digest.as_ref()[..8]), der })
    }
}

/// An assertion that was taken apart, and not checked yet.
#[derive(Debug)]
pub(crate) struct Assertion<'a> {
    algorithm: String,
    /// What it says.
    pub(crate) claims: Claims,
    /// Header and payload: what is signed.
    message: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// What whoever reads it must understand; there is nothing that is understood here.
    crit: Option<Value>,
    // The vendor's samples write the names here (kore-rtm.md §2).
    #[serde(rename = "fName")]
    first_name: Option<Value>,
    #[serde(rename = "lName")]
    last_name: Option<Value>,
}

/// The claims as they come. Issuers differ in their types: `"isAnonymous":"false"` is in the
/// vendor's documents.
#[derive(Deserialize)]
struct Payload {
    iss: Option<Value>,
    kore_iss: Option<Value>,
    #[serde(rename = "appId")]
    app_id: Option<Value>,
    sub: Option<Value>,
    kore_sub: Option<Value>,
    jti: Option<Value>,
    kore_jti: Option<Value>,
    iat: Option<Value>,
    nbf: Option<Value>,
    exp: Option<Value>,
    #[serde(rename = "isAnonymous")]
    anonymous: Option<Value>,
    #[serde(rename = "selfDeclared")]
    self_declared: Option<Value>,
    #[serde(rename = "fName")]
    first_name: Option<Value>,
    #[serde(rename = "lName")]
    last_name: Option<Value>,
    #[serde(rename = "userIdentity")]
    user_identity: Option<Value>,
}

impl<'a> Assertion<'a> {
    /// Takes an assertion apart.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > ASSERTION_BYTES_MAX {
            return Err(Refusal::Malformed);
        }
        let parts: Vec<&str> = text.splitn(6, '.').collect();
        let [header, payload, signature] = parts[..] else {
            return Err(if parts.len() == 5 { Refusal::Encrypted } else { Refusal::Malformed });
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed);
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| Refusal::Malformed)?;
        if header.crit.is_some() {
            return Err(Refusal::Malformed);
        }
        let payload: Payload =
            serde_json::from_slice(&decode(payload)?).map_err(|_| Refusal::Malformed)?;
        let signature = decode(signature)?;
        let (message, _) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let algorithm = header.alg.clone();
        Ok(Self { algorithm, claims: claims_of(header, payload)?, message, signature })
    }

    /// Checks the signature, by the app's algorithms and keys alone: the token's header must name
    /// one of them, and has no other say. Gives the id of the key that made it.
    pub(crate) fn verify(
        &self,
        algorithms: &[Algorithm],
        secrets: &[(String, Secret)],
        public_keys: &[PublicKey],
    ) -> Result<String, Refusal> {
        let named = algorithms.iter().find(|algorithm| algorithm.name() == self.algorithm);
        let algorithm = *named.ok_or(Refusal::Algorithm)?;
        let message = self.message.as_bytes();
        if let Some(hash) = algorithm.hmac() {
            let made_it = |(_, secret): &&(String, Secret)| {
                let key = hmac::Key::new(hash, secret.expose().as_bytes());
                hmac::verify(&key, message, &self.signature).is_ok()
            };
            return secrets
                .iter()
                .find(made_it)
                .map(|(id, _)| id.clone())
                .ok_or(Refusal::Signature);
        }
        let parameters = algorithm.rsa().ok_or(Refusal::Algorithm)?;
        let made_it = |key: &&PublicKey| {
            ParsedPublicKey::new(parameters, &key.der)
                .is_ok_and(|key| key.verify_sig(message, &self.signature).is_ok())
        };
        public_keys.iter().find(made_it).map(|key| key.id.clone()).ok_or(Refusal::Signature)
    }
}

impl Claims {
    /// Checks what they say of time. An `iat` that lies ahead is none of our business: issuers'
    /// clocks differ.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.subject.is_empty() || self.subject.len() > SUBJECT_BYTES_MAX {
            return Err(Refusal::Subject);
        }
        let now = seconds(now);
        if self.expires_at.is_some_and(|exp| exp + SKEW_SECS < now) {
            return Err(Refusal::Expired);
        }
        if self.not_before.is_some_and(|nbf| nbf - SKEW_SECS > now) {
            return Err(Refusal::NotYet);
        }
        let span = self.expires_at.map(|exp| exp - self.issued_at.unwrap_or(now));
        if self.id.is_some() && span.is_none_or(|span| span > JTI_SPAN_SECS) {
            return Err(Refusal::TooLong);
        }
        Ok(())
    }

    /// Until when one with an `id` must be remembered: from then on it is refused anyway.
    pub(crate) fn remembered_until(&self) -> Timestamp {
        let until = self.expires_at.unwrap_or_default() + SKEW_SECS + 1.0;
        // A conversion of this kind ends at the largest number there is.
        Timestamp::from_micros((until * 1e6) as i64)
    }
}

/// Signs an assertion with HMAC: for the development issuer and the API key's bootstrap.
pub(crate) fn sign<T: Serialize>(
    algorithm: Algorithm,
    secret: &Secret,
    claims: &T,
) -> Option<String> {
    let hash = algorithm.hmac()?;
    let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, algorithm.name());
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).ok()?, &mut token);
    let key = hmac::Key::new(hash, secret.expose().as_bytes());
    let signature = hmac::sign(&key, token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
    Some(token)
}

fn claims_of(header: Header, payload: Payload) -> Result<Claims, Refusal> {
    let first = |one: Option<Value>, other: Option<Value>| text(one).or_else(|| text(other));
    let issuer = first(payload.kore_iss, payload.iss);
    let app_id = text(payload.app_id);
    Ok(Claims {
        for_app: issuer.is_none() && app_id.is_some(),
        issuer: issuer.or(app_id).unwrap_or_default(),
        subject: first(payload.kore_sub, payload.sub).unwrap_or_default(),
        id: first(payload.kore_jti, payload.jti),
        issued_at: time(payload.iat)?,
        not_before: time(payload.nbf)?,
        expires_at: time(payload.exp)?,
        anonymous: is_true(payload.anonymous.as_ref()),
        self_declared: is_true(payload.self_declared.as_ref()),
        first_name: first(payload.first_name, header.first_name),
        last_name: first(payload.last_name, header.last_name),
        user_identity: text(payload.user_identity),
    })
}

/// A boolean, or its name: the documents show `"false"`.
pub(crate) fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(is_true)) => *is_true,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// A text that is there, and not empty. Some issuers write ids as numbers.
fn text(value: Option<Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => Cow::Owned(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(""),
    };
    if text.is_empty() { None } else { Some(text.into_owned()) }
}

/// A time in seconds. `null` is none; what is there and no number is refused.
fn time(value: Option<Value>) -> Result<Option<f64>, Refusal> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(_) => None,
    };
    let number = number.filter(|number| number.is_finite()).ok_or(Refusal::Malformed)?;
    Ok(Some(if number.abs() > SECONDS_MAX { number / 1_000.0 } else { number }))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_micros() as f64 / 1e6
}

#[cfg(test)]
mod tests;
