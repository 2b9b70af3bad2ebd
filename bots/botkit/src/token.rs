//! The tokens by which Maru and a BotKit server know each other: JWTs signed with the app's secret
//! (`kore-rtm.md` §5.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use maru_accounts::Secret;
use maru_activity::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Algorithm;

/// How long a token that Maru shows is good. Nothing in it but the app's id is looked at.
const GOOD_FOR_SECS: i64 = 3_600;

/// How far the server's clock may be behind.
const LEEWAY_SECS: f64 = 60.0;

/// Above this a time is in milliseconds.
const MILLISECONDS_FROM: f64 = 1e11;

/// The longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 4 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    app_id: &'a str,
    exp: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Presented {
    app_id: String,
    /// BotKit writes seconds with a fraction.
    exp: Option<f64>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The token that Maru shows to the server. `None`: the secret makes none.
pub(crate) fn sign(
    app_id: &str,
    secret: &Secret,
    algorithm: Algorithm,
    now: Timestamp,
) -> Option<String> {
    let header = format!(r#"{{"typ":"JWT","alg":"{}"}}"#, algorithm.as_str());
    let claims = Shown { app_id, exp: now.as_secs().saturating_add(GOOD_FOR_SECS) };
    let claims = serde_json::to_vec(&claims).ok()?;
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, algorithm.jwt()).ok()?;
    Some(format!("{message}.{signature}"))
}

/// Whether this token was made by who holds the secret, for this app, and has not expired. The
/// algorithm is the configured one, never the token's own choice.
pub(crate) fn is_good(
    token: &str,
    app_id: &str,
    secret: &Secret,
    algorithm: Algorithm,
    now: Timestamp,
) -> bool {
    if token.len() > TOKEN_MAX {
        return false;
    }
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    let Some((header, payload)) = message.split_once('.') else { return false };
    let Some(Header { alg }) = decoded(header) else { return false };
    if alg != algorithm.as_str() {
        return false;
    }
    let key = DecodingKey::from_secret(secret.expose().as_bytes());
    let signed = crypto::verify(signature, message.as_bytes(), &key, algorithm.jwt());
    if !matches!(signed, Ok(true)) {
        return false;
    }
    let Some(Presented { app_id: presented, exp }) = decoded(payload) else { return false };
    let now = now.as_secs() as f64;
    let expired = exp.is_some_and(|exp| {
        let exp = if exp > MILLISECONDS_FROM { exp / 1_000.0 } else { exp };
        exp + LEEWAY_SECS < now
    });
    presented == app_id && !expired
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn presented(algorithm: Algorithm, header: &str, claims: &str, secret: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", encode(header), encode(claims));
        let key = EncodingKey::from_secret(secret.as_bytes());
        let signature = crypto::sign(message.as_bytes(), &key, algorithm.jwt()).unwrap();
        format!("{message}.{signature}")
    }

    fn taken(token: &str) -> bool {
        is_good(token, "app", &Secret::new("s"), Algorithm::Hs256, NOW)
    }

    #[test]
    fn what_is_shown_is_taken_by_who_holds_the_same_secret() {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let token = sign("app", &Secret::new("s"), algorithm, NOW).unwrap();
            let good = |app: &str, secret: &str, now| {
                is_good(&token, app, &Secret::new(secret), algorithm, now)
            };
            assert!(good("app", "s", NOW));
            assert!(!good("app", "t", NOW) && !good("other", "s", NOW));
            assert!(!good("app", "s", Timestamp::from_secs(NOW.as_secs() + 4_000)));
        }
    }

    #[test]
    fn expiry_may_be_a_float_in_seconds_or_milliseconds_or_absent() {
        let header = r#"{"typ":"JWT","alg":"HS256"}"#;
        for (exp, good) in [
            (r#","exp":1700000060.123"#, true),
            (r#","exp":1700000060123"#, true),
            ("", true),
            (r#","exp":1699999950.5"#, true),
            (r#","exp":1699999930.5"#, false),
            (r#","exp":1699999930500"#, false),
            (r#","exp":"soon""#, false),
        ] {
            let claims = format!(r#"{{"appId":"app"{exp}}}"#);
            let token = presented(Algorithm::Hs256, header, &claims, "s");
            assert_eq!(taken(&token), good, "{exp}");
        }
    }

    #[test]
    fn neither_none_nor_another_algorithm_nor_anothers_signature_is_taken() {
        let claims = r#"{"appId":"app"}"#;
        let hs512 = r#"{"alg":"HS512"}"#;
        assert!(!taken(&presented(Algorithm::Hs512, hs512, claims, "s")));
        assert!(!taken(&presented(Algorithm::Hs256, hs512, claims, "s")));
        assert!(!taken(&presented(Algorithm::Hs256, r#"{"alg":"none"}"#, claims, "s")));
        let good = presented(Algorithm::Hs256, r#"{"alg":"HS256"}"#, claims, "s");
        assert!(taken(&good));
        let (message, _) = good.rsplit_once('.').unwrap();
        for bad in ["", ".", "..", "a.b.c", &format!("{message}."), &"a.b.".repeat(2_000)] {
            assert!(!taken(bad), "{bad}");
        }
    }
}
