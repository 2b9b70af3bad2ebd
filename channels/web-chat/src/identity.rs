//! Who a customer is: the fifth argument, a token that the site's own server has signed
//! (web-chat-desk.md A39). A JSON Web Token, HS256 and nothing else; `sub` is the `tel_number`, `exp`
//! must be there, `name` may be.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maru_accounts::Secret;
use maru_activity::{Account, Timestamp};
use serde::Deserialize;

use crate::config::Identity;
use crate::limits::{NAME_MAX, TOKEN_BYTES_MAX};

/// How much the clock of whoever signed may be ahead of ours, in seconds.
const SKEW_SECS: f64 = 60.0;

/// What stands in front of the number of somebody who has proved nothing, so that they are never taken
/// for the person whom the number belongs to.
const UNVERIFIED: &str = "unverified:";

/// A customer, and whether a trusted party vouched for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Customer {
    pub(crate) account: Account,
    pub(crate) verified: bool,
}

/// The token is missing, is none of the site's, or is somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    name: Option<String>,
}

/// Whoever calls with this number, and perhaps this token.
pub(crate) fn customer(
    tel: &str,
    token: Option<&str>,
    (identity, secrets): (Identity, &[Secret]),
    now: Timestamp,
) -> Result<Customer, Refused> {
    let claims = match (identity, token.filter(|token| !token.is_empty())) {
        (Identity::Off, _) | (Identity::Optional, None) => None,
        (Identity::Required, None) => return Err(Refused),
        (Identity::Optional | Identity::Required, Some(token)) => {
            Some(verify(token, secrets, now).filter(|claims| claims.sub == tel).ok_or(Refused)?)
        }
    };
    let name = claims.as_ref().and_then(|claims| claims.name.as_deref());
    let name: String = name.unwrap_or(tel).chars().take(NAME_MAX).collect();
    let verified = claims.is_some();
    let id = if verified { tel.to_owned() } else { format!("{UNVERIFIED}{tel}") };
    let account = Account { id, name: Some(name), role: Some("user".to_owned()) };
    Ok(Customer { account, verified })
}

fn verify(token: &str, secrets: &[Secret], now: Timestamp) -> Option<Claims> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.alg != "HS256" {
        return None;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let is_good = |secret: &Secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
    };
    if !secrets.iter().any(is_good) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds of our time are far below 2^53")]
    let now = now.as_secs() as f64;
    let begun = claims.nbf.is_none_or(|nbf| nbf <= now + SKEW_SECS);
    (claims.exp > now && begun).then_some(claims)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn token(alg: &str, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": alg, "typ": "JWT"})), part(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
    }

    fn asked(identity: Identity, token: Option<&str>) -> Result<Customer, Refused> {
        let secrets = [Secret::new("another secret, which is thirty-two"), Secret::new(SECRET)];
        customer("0101", token, (identity, &secrets), Timestamp::from_secs(1_000))
    }

    #[test]
    fn a_token_of_the_site_proves_who_calls() {
        let good = token("HS256", &json!({"sub": "0101", "exp": 1_001, "name": "홍길동"}));
        for identity in [Identity::Optional, Identity::Required] {
            let customer = asked(identity, Some(&good)).unwrap();
            assert_eq!((customer.account.id.as_str(), customer.verified), ("0101", true));
            assert_eq!(customer.account.name.as_deref(), Some("홍길동"));
        }
        let unproved = asked(Identity::Off, Some(&good)).unwrap();
        assert_eq!(unproved.account.id, "unverified:0101");
        assert_eq!(asked(Identity::Optional, None), Ok(unproved.clone()));
        assert_eq!(asked(Identity::Optional, Some("")), Ok(unproved));
        assert_eq!(asked(Identity::Required, None), Err(Refused));
    }

    #[test]
    fn any_other_token_is_refused_and_not_passed_over() {
        for claims in [
            json!({"sub": "0102", "exp": 1_001}),
            json!({"sub": "0101", "exp": 1_000}),
            json!({"sub": "0101"}),
            json!({"sub": "0101", "exp": "never"}),
            json!({"sub": "0101", "exp": 2_000, "nbf": 1_100}),
            json!({"exp": 2_000}),
        ] {
            let token = token("HS256", &claims);
            assert_eq!(asked(Identity::Optional, Some(&token)), Err(Refused), "{claims}");
        }
        let sound = json!({"sub": "0101", "exp": 2_000});
        let good = token("HS256", &sound);
        let foreign = format!("{}x", good.strip_suffix(|_: char| true).unwrap());
        let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
        for other in
            [&token("none", &sound), &token("HS512", &sound), &foreign, &unsigned, "x", "a.b.c"]
        {
            assert_eq!(asked(Identity::Required, Some(other)), Err(Refused), "{other}");
        }
    }
}
