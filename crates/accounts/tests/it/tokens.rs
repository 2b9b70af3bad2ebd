use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use maru_accounts::{Accounts, Error, InstanceKey, Leeway, TOKEN_MAX, TokenError, Verifier};
use maru_activity::RealmId;
use serde::{Deserialize, Serialize};

use crate::house::{House, KEY, NOW};

const AUDIENCE: &str = "https://directline.example/";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Claims {
    conv: String,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

fn claims() -> Claims {
    Claims { conv: "c1".to_owned(), exp: NOW + 1800, nbf: None }
}

fn verify(accounts: &Accounts, token: &str) -> Result<(RealmId, Claims), TokenError> {
    accounts.verify(token, AUDIENCE)
}

/// The bytes of a realm's only signing key, as only a holder of the instance key can have them.
async fn key_bytes(house: &House, realm: &str) -> (String, Vec<u8>) {
    let realm = RealmId::from(realm);
    let states = house.store.states(&realm, "accounts/signing-key", None, 2).await.unwrap().items;
    let kid = states[0].key.clone();
    let purpose = format!("accounts/signing-key/{realm}/{kid}");
    let plain = InstanceKey::from_text(KEY).unwrap().unseal(&purpose, &states[0].value).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    (kid, STANDARD.decode(record["key"].as_str().unwrap()).unwrap())
}

#[tokio::test]
async fn a_token_tells_its_realm_and_its_claims_and_is_a_jwt_like_any_other() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    accounts.create_realm("a", "A").await.unwrap();
    accounts.create_realm("b", "B").await.unwrap();
    for realm in ["a", "b"].map(RealmId::from) {
        let token = accounts.sign(&realm, AUDIENCE, &claims()).unwrap();
        assert_eq!(verify(&accounts, &token), Ok((realm.clone(), claims())));

        let (kid, key) = key_bytes(&house, realm.as_str()).await;
        assert_eq!(jsonwebtoken::decode_header(&token).unwrap().kid, Some(kid));
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        let read =
            jsonwebtoken::decode::<Claims>(&token, &DecodingKey::from_secret(&key), &validation);
        assert_eq!(read.unwrap().claims, claims());
    }
    let unknown = accounts.sign(&"c".into(), AUDIENCE, &claims());
    assert!(matches!(unknown, Err(Error::UnknownRealm(_))));
    assert!(matches!(accounts.sign(&"a".into(), AUDIENCE, &7), Err(Error::Claims(_))));
}

#[tokio::test]
async fn times_are_checked_by_the_clock_handed_in() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    accounts.create_realm("a", "A").await.unwrap();
    let sign = |claims: &Claims| accounts.sign(&"a".into(), AUDIENCE, claims).unwrap();
    let token = sign(&Claims { nbf: Some(NOW + 60), ..claims() });
    for (at, expected) in [
        (NOW + 59, Some(TokenError::NotYet)),
        (NOW + 60, None),
        (NOW + 1799, None),
        (NOW + 1800, Some(TokenError::Expired)),
        (NOW + 9999, Some(TokenError::Expired)),
    ] {
        house.clock.set(at);
        assert_eq!(verify(&accounts, &token).err(), expected, "{at}");
    }

    let (exp, nbf) = (Duration::from_secs(5), Duration::from_secs(10));
    let lenient = house.open(KEY, Leeway { exp, nbf }).await.unwrap();
    for (at, expected) in [
        (NOW + 49, Some(TokenError::NotYet)),
        (NOW + 50, None),
        (NOW + 1804, None),
        (NOW + 1805, Some(TokenError::Expired)),
    ] {
        house.clock.set(at);
        assert_eq!(verify(&lenient, &token).err(), expected, "{at}");
    }

    house.clock.set(NOW);
    // Far times neither wrap around nor let anything pass.
    assert!(verify(&accounts, &sign(&Claims { exp: i64::MAX, ..claims() })).is_ok());
    let never = sign(&Claims { nbf: Some(i64::MAX), ..claims() });
    assert_eq!(verify(&accounts, &never), Err(TokenError::NotYet));
    let long_ago = sign(&Claims { exp: i64::MIN, ..claims() });
    assert_eq!(verify(&accounts, &long_ago), Err(TokenError::Expired));
}

#[tokio::test]
async fn a_token_without_an_end_or_for_another_use_is_not_taken() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    accounts.create_realm("a", "A").await.unwrap();
    let realm = RealmId::from("a");
    let endless = accounts.sign(&realm, AUDIENCE, &serde_json::json!({"conv": "c1"})).unwrap();
    assert_eq!(verify(&accounts, &endless), Err(TokenError::Malformed));
    let text = accounts.sign(&realm, AUDIENCE, &serde_json::json!({"exp": "never"})).unwrap();
    assert_eq!(verify(&accounts, &text), Err(TokenError::Malformed));
    let ticket = accounts.sign(&realm, "ticket", &claims()).unwrap();
    assert_eq!(verify(&accounts, &ticket), Err(TokenError::WrongAudience));
    // An audience of the caller's own does not outweigh the one that was asked for.
    let smuggled = serde_json::json!({"aud": AUDIENCE, "conv": "c1", "exp": NOW + 1});
    let smuggled = accounts.sign(&realm, "ticket", &smuggled).unwrap();
    assert_eq!(verify(&accounts, &smuggled), Err(TokenError::Malformed));
}

#[tokio::test]
async fn what_we_did_not_sign_just_so_is_not_taken() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    accounts.create_realm("a", "A").await.unwrap();
    accounts.create_realm("b", "B").await.unwrap();
    let token = accounts.sign(&"a".into(), AUDIENCE, &claims()).unwrap();
    let other = accounts.sign(&"b".into(), AUDIENCE, &claims()).unwrap();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("a token has three parts")
    };
    let [other_header, _, other_signature] = other.split('.').collect::<Vec<_>>()[..] else {
        panic!("a token has three parts")
    };
    let (kid, key) = key_bytes(&house, "a").await;
    let forge = |header: &str| format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));

    let mut flipped = signature.to_owned();
    let first = if flipped.starts_with('A') { "B" } else { "A" };
    flipped.replace_range(..1, first);
    let admin =
        URL_SAFE_NO_PAD.encode(format!(r#"{{"aud":"{AUDIENCE}","conv":"c2","exp":{}}}"#, NOW + 60));
    // The signature's last character holds two bits that mean nothing: they must be zero.
    let last = signature.chars().last().unwrap();
    let (before, _) = signature.split_at(signature.len() - 1);
    let loose = format!("{before}{}", char::from_u32(last as u32 + 1).unwrap());

    use TokenError::{BadSignature, Malformed, UnknownKey};
    for (what, token, expected) in [
        ("another's signature", format!("{header}.{payload}.{other_signature}"), BadSignature),
        ("another realm's header", format!("{other_header}.{payload}.{signature}"), BadSignature),
        ("no signature", format!("{header}.{payload}."), BadSignature),
        ("a changed signature", format!("{header}.{payload}.{flipped}"), BadSignature),
        ("a loose signature", format!("{header}.{payload}.{loose}"), BadSignature),
        ("a padded signature", format!("{token}="), BadSignature),
        ("changed claims", format!("{header}.{admin}.{signature}"), BadSignature),
        ("a fourth part", format!("{token}.{signature}"), BadSignature),
        ("no claims", format!("{header}..{signature}"), BadSignature),
        (
            "alg none",
            format!("{}.", forge(&format!(r#"{{"alg":"none","kid":"{kid}"}}"#))),
            UnknownKey,
        ),
        (
            "alg none in disguise",
            format!(
                "{}.{signature}",
                forge(&format!(r#"{{"alg":"nOnE","typ":"JWT","kid":"{kid}"}}"#))
            ),
            UnknownKey,
        ),
        (
            "an unknown kid",
            format!("{}.{signature}", forge(r#"{"alg":"HS256","typ":"JWT","kid":"x"}"#)),
            UnknownKey,
        ),
        (
            "a path as kid",
            format!("{}.{signature}", forge(r#"{"alg":"HS256","kid":"../../dev/null"}"#)),
            UnknownKey,
        ),
        (
            "SQL as kid",
            format!("{}.{signature}", forge(r#"{"alg":"HS256","kid":"' OR 1=1 --"}"#)),
            UnknownKey,
        ),
        (
            "a list as kid",
            format!("{}.{signature}", forge(&format!(r#"{{"alg":"HS256","kid":["{kid}"]}}"#))),
            UnknownKey,
        ),
        ("no kid", format!("{}.{signature}", forge(r#"{"alg":"HS256","typ":"JWT"}"#)), UnknownKey),
        ("a padded header", format!("{header}=.{payload}.{signature}"), UnknownKey),
        ("a space before", format!(" {token}"), UnknownKey),
        ("nothing", String::new(), Malformed),
        ("one part", header.to_owned(), Malformed),
        ("two parts", format!("{header}.{payload}"), Malformed),
        ("64 KiB", "a.".repeat(32 * 1024), Malformed),
        (
            "64 KiB that begin well",
            format!("{header}.{}.{signature}", "A".repeat(64 * 1024)),
            Malformed,
        ),
    ] {
        assert_eq!(verify(&accounts, &token), Err(expected), "{what}: {token}");
    }

    // Signed with the right key, but with a header that asks for something else.
    for (alg, extra) in [
        (Algorithm::HS384, None),
        (Algorithm::HS512, None),
        (Algorithm::HS256, Some("https://evil.example/keys")),
    ] {
        let mut header = Header::new(alg);
        header.kid = Some(kid.clone());
        header.jku = extra.map(str::to_owned);
        let body = serde_json::json!({"aud": AUDIENCE, "conv": "c1", "exp": NOW + 60});
        let token = jsonwebtoken::encode(&header, &body, &EncodingKey::from_secret(&key)).unwrap();
        assert_eq!(verify(&accounts, &token), Err(UnknownKey), "{alg:?}");
    }
    // RS256 in the header, the HMAC under it: the classic swap of algorithms.
    let swapped = forge(&format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}"}}"#));
    let hmac = jsonwebtoken::crypto::sign(
        swapped.as_bytes(),
        &EncodingKey::from_secret(&key),
        Algorithm::HS256,
    );
    assert_eq!(verify(&accounts, &format!("{swapped}.{}", hmac.unwrap())), Err(UnknownKey));
}

#[tokio::test]
async fn the_longest_token_is_taken_and_a_longer_one_is_not() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    accounts.create_realm("a", "A").await.unwrap();
    let sign = |length: usize| {
        let claims = Claims { conv: "c".repeat(length), ..claims() };
        accounts.sign(&"a".into(), AUDIENCE, &claims).unwrap()
    };
    let longest = (5_900..6_200).map(sign).take_while(|token| token.len() <= TOKEN_MAX).count();
    assert!((1..300).contains(&longest));
    assert!(verify(&accounts, &sign(5_900 + longest - 1)).is_ok());
    assert_eq!(verify(&accounts, &sign(5_900 + longest)), Err(TokenError::Malformed));
}

#[tokio::test]
async fn a_rotated_key_verifies_until_it_is_removed() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    accounts.create_realm("a", "A").await.unwrap();
    let realm = RealmId::from("a");
    let old = accounts.sign(&realm, AUDIENCE, &claims()).unwrap();
    let old_kid = accounts.signing_keys(&realm).unwrap()[0].kid.clone();
    assert!(matches!(accounts.remove_signing_key(&realm, &old_kid).await, Err(Error::KeyInUse(_))));

    // Even though the clock went back in the meantime.
    house.clock.set(NOW - 3600);
    let new_kid = accounts.rotate_signing_key(&realm).await.unwrap();
    house.clock.set(NOW);
    let new = accounts.sign(&realm, AUDIENCE, &claims()).unwrap();
    assert_eq!(jsonwebtoken::decode_header(&new).unwrap().kid.as_ref(), Some(&new_kid));

    // Another node knows of it once it has looked.
    let other = house.accounts().await;
    for accounts in [&accounts, &other] {
        assert!(verify(accounts, &old).is_ok());
        assert!(verify(accounts, &new).is_ok());
        let signing: Vec<_> =
            accounts.signing_keys(&realm).unwrap().into_iter().filter(|key| key.signs).collect();
        assert_eq!(signing.len(), 1);
        assert_eq!(signing[0].kid, new_kid);
    }

    accounts.remove_signing_key(&realm, &old_kid).await.unwrap();
    other.reload().await.unwrap();
    for accounts in [&accounts, &other] {
        assert_eq!(verify(accounts, &old), Err(TokenError::UnknownKey));
        assert!(verify(accounts, &new).is_ok());
    }
    assert!(matches!(
        accounts.remove_signing_key(&realm, &old_kid).await,
        Err(Error::UnknownKey { .. })
    ));
}

#[tokio::test]
async fn a_remembered_token_is_good_for_as_long_as_its_times_and_its_key_say() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    let realm = accounts.create_realm("a", "A").await.unwrap().id.clone();
    let token = accounts.sign(&realm, AUDIENCE, &claims()).unwrap();
    let verifier = Verifier::<Claims>::new(Arc::clone(&accounts), AUDIENCE);
    let other = Verifier::<Claims>::new(Arc::clone(&accounts), "another");
    for _ in 0..2 {
        let verified = verifier.verify(&token).unwrap();
        assert_eq!((&verified.realm, &verified.claims), (&realm, &claims()));
        assert_eq!(other.verify(&token).unwrap_err(), TokenError::WrongAudience);
        let forged = format!("{token}x");
        assert_eq!(verifier.verify(&forged).unwrap_err(), TokenError::BadSignature);
    }
    house.clock.set(NOW + 1800);
    assert_eq!(verifier.verify(&token).unwrap_err(), TokenError::Expired);
    house.clock.set(NOW);
    assert!(verifier.verify(&token).is_ok());

    let old = accounts.signing_keys(&realm).unwrap()[0].kid.clone();
    accounts.rotate_signing_key(&realm).await.unwrap();
    assert!(verifier.verify(&token).is_ok());
    accounts.remove_signing_key(&realm, &old).await.unwrap();
    assert_eq!(verifier.verify(&token).unwrap_err(), TokenError::UnknownKey);
}
