use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: i64 = 1_700_000_000;

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

fn secret() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef")
}

fn rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\r\n{}\r\n-----END {label}-----\r\n", lines.join("\r\n"))
}

/// Public keys as an owner may write them: in the form of certificates, and in RSA's own.
fn pems(key: &RsaKeyPair) -> [String; 2] {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
    let public = key.public_key();
    let spki: PublicKeyX509Der<'_> = public.as_der().unwrap();
    [pem("PUBLIC KEY", spki.as_ref()), pem("RSA PUBLIC KEY", public.as_ref())]
}

fn message(alg: &str, claims: &Value) -> String {
    let header = json!({"alg": alg, "typ": "JWT"});
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(&header), encode(claims))
}

fn rs(alg: &str, encoding: &'static dyn RsaEncoding, key: &RsaKeyPair) -> String {
    let message = message(alg, &json!({"sub": "kim"}));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims(claims: &Value) -> Result<Claims, Refusal> {
    let token = sign(Algorithm::Hs256, &secret(), claims).unwrap();
    Assertion::parse(&token).map(|assertion| assertion.claims)
}

fn checked(said: &Value) -> Result<(), Refusal> {
    claims(said)?.check(now())
}

#[test]
fn a_signature_counts_by_the_algorithms_and_keys_of_the_app_alone() {
    use Algorithm::{Hs256, Hs512, Rs256, Rs512};
    let key = rsa();
    let [spki, pkcs1] = pems(&key);
    let secrets = [("s1".to_owned(), Secret::new("another one")), ("s2".to_owned(), secret())];
    let hs = |algorithm| sign(algorithm, &secret(), &json!({"sub": "kim"})).unwrap();
    for pem in [&spki, &pkcs1] {
        let keys = [PublicKey::of_pem(&pems(&rsa())[0]).unwrap(), PublicKey::of_pem(pem).unwrap()];
        let verified = |token: &str, algorithms: &[Algorithm]| {
            Assertion::parse(token).unwrap().verify(algorithms, &secrets, &keys)
        };
        for (token, algorithm, by) in [
            (hs(Hs256), Hs256, "s2"),
            (hs(Hs512), Hs512, "s2"),
            (rs("RS256", &RSA_PKCS1_SHA256, &key), Rs256, keys[1].id.as_str()),
            (rs("RS512", &RSA_PKCS1_SHA512, &key), Rs512, keys[1].id.as_str()),
        ] {
            assert_eq!(verified(&token, &[algorithm]).as_deref(), Ok(by));
            assert_eq!(verified(&token, &[Hs256, Hs512, Rs256, Rs512]).as_deref(), Ok(by));
            for other in [Hs256, Hs512, Rs256, Rs512].into_iter().filter(|one| *one != algorithm) {
                assert_eq!(verified(&token, &[other]), Err(Refusal::Algorithm), "{algorithm:?}");
            }
            let (message, signature) = token.rsplit_once('.').unwrap();
            let cut = format!("{message}.{}", signature.split_at(signature.len() / 8 * 4).0);
            assert_eq!(verified(&cut, &[algorithm]), Err(Refusal::Signature));
        }
        // The public key as if it were a secret: the oldest of all tricks.
        for material in [pem.as_bytes(), &keys[1].der, key.public_key().as_ref()] {
            let message = message("HS256", &json!({"sub": "kim"}));
            let forged =
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, material), message.as_bytes());
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(forged));
            assert_eq!(verified(&forged, &[Rs256, Rs512]), Err(Refusal::Algorithm));
            assert_eq!(verified(&forged, &[Rs256, Hs256]), Err(Refusal::Signature));
        }
        assert_eq!(
            verified(&rs("RS256", &RSA_PKCS1_SHA256, &rsa()), &[Rs256]),
            Err(Refusal::Signature)
        );
    }
}

#[test]
fn a_public_key_is_pem_of_a_large_rsa_key() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let [spki, pkcs1] = pems(&rsa());
    assert!(PublicKey::of_pem(&format!("a comment\n{spki}")).is_ok());
    assert!(PublicKey::of_pem(&pkcs1.replace("\r\n", "\n")).is_ok());
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let ec = pem("PUBLIC KEY", ec.public_key().as_ref());
    let private = spki.replace("PUBLIC", "PRIVATE");
    for bad in ["", "PUBLIC KEY", spki.split_at(200).0, &private, &ec, &spki.replace('A', "!")] {
        assert!(PublicKey::of_pem(bad).is_err(), "{bad}");
    }
}

#[test]
fn times_are_seconds_milliseconds_or_fractions_of_either() {
    for (exp, good) in [
        (json!(NOW - 60), true),
        (json!(NOW - 61), false),
        (json!((NOW - 60) * 1_000), true),
        (json!((NOW - 61) * 1_000), false),
        (json!(NOW as f64 - 59.5), true),
        (json!(NOW as f64 - 60.5), false),
        (json!(1_611_813_786.883), false),
        (json!(1e300), true),
        (json!(-1), false),
        (json!(0), false),
        (json!(null), true),
    ] {
        let outcome = if good { Ok(()) } else { Err(Refusal::Expired) };
        assert_eq!(checked(&json!({"sub": "kim", "exp": exp})), outcome, "{exp}");
    }
    for exp in [json!("1700000000"), json!(true), json!([]), json!({})] {
        assert_eq!(checked(&json!({"sub": "kim", "exp": exp})), Err(Refusal::Malformed), "{exp}");
    }
    for (nbf, outcome) in [(NOW + 60, Ok(())), (NOW + 61, Err(Refusal::NotYet))] {
        assert_eq!(checked(&json!({"sub": "kim", "nbf": nbf})), outcome);
    }
    assert_eq!(checked(&json!({"sub": "kim", "iat": NOW + 86_400})), Ok(()), "clocks differ");
}

#[test]
fn one_with_an_id_lives_an_hour_at_most_and_is_remembered_for_longer() {
    let hour = NOW + 3_600;
    for (said, outcome) in [
        (json!({"sub": "k", "jti": "1", "exp": hour}), Ok(())),
        (json!({"sub": "k", "jti": "1", "exp": hour + 1}), Err(Refusal::TooLong)),
        (json!({"sub": "k", "jti": "1", "iat": NOW + 10, "exp": hour + 10}), Ok(())),
        (json!({"sub": "k", "jti": "1", "iat": NOW * 1_000, "exp": hour}), Ok(())),
        (json!({"sub": "k", "jti": "1", "iat": NOW - 1, "exp": hour}), Err(Refusal::TooLong)),
        (json!({"sub": "k", "jti": 1}), Err(Refusal::TooLong)),
        (json!({"sub": "k", "jti": ""}), Ok(())),
        (json!({"sub": "k", "jti": null, "exp": hour * 2}), Ok(())),
    ] {
        assert_eq!(checked(&said), outcome, "{said}");
    }
    let claims = claims(&json!({"sub": "k", "jti": "1", "exp": hour})).unwrap();
    let until = claims.remembered_until();
    assert!(claims.check(until).is_err(), "refused by its time once it is forgotten");
    let far = Claims { expires_at: Some(1e300), ..claims };
    assert_eq!(far.remembered_until(), Timestamp::from_micros(i64::MAX));
}

#[test]
fn claims_are_read_whatever_type_an_issuer_gives_them() {
    let read = claims(&json!({
        "iss": "not this", "kore_iss": "cs-1", "sub": "not this", "kore_sub": "kim",
        "jti": 7, "isAnonymous": "true", "fName": "Minsu", "lName": null, "userIdentity": "kim@x",
    }));
    assert_eq!(
        read,
        Ok(Claims {
            issuer: "cs-1".to_owned(),
            subject: "kim".to_owned(),
            id: Some("7".to_owned()),
            anonymous: true,
            first_name: Some("Minsu".to_owned()),
            user_identity: Some("kim@x".to_owned()),
            ..Claims::default()
        })
    );
    let read = claims(&json!({"appId": "cs-2", "isAnonymous": "false", "sub": {"a": 1}})).unwrap();
    assert_eq!((read.issuer.as_str(), read.subject.as_str(), read.anonymous), ("cs-2", "", false));
    assert_eq!(checked(&json!({"sub": "x".repeat(256)})), Ok(()));
    assert_eq!(checked(&json!({"sub": "x".repeat(257)})), Err(Refusal::Subject));
    assert_eq!(claims(&json!([])), Err(Refusal::Malformed));
}

#[test]
fn what_is_no_jwt_is_refused() {
    let good = sign(Algorithm::Hs256, &secret(), &json!({"sub": "kim"})).unwrap();
    let with_header = |header: &str| {
        let (_, rest) = good.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    };
    assert!(Assertion::parse(&good).is_ok());
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{good}="),
        format!("{good}.x"),
        format!(" {good}"),
        "A".repeat(64 * 1_024),
        with_header("{}"),
        with_header(r#"{"alg":["HS256"]}"#),
        with_header(r#"{"alg":"HS256","crit":["exp"]}"#),
        with_header(r#"{"alg":"HS256","alg":"none"}"#),
        with_header(&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
    ] {
        assert_eq!(Assertion::parse(&bad).err(), Some(Refusal::Malformed), "{bad:.60}");
    }
    assert_eq!(Assertion::parse("a.b.c.d.e").err(), Some(Refusal::Encrypted));
}

proptest! {
    #[test]
    fn no_text_breaks_it_and_no_changed_token_is_taken(text in ".{0,200}", at in 0..200_usize) {
        if let Ok(assertion) = Assertion::parse(&text) {
            let secrets = [("s".to_owned(), secret())];
            prop_assert!(assertion.verify(&[Algorithm::Hs256], &secrets, &[]).is_err());
        }
        let good = sign(Algorithm::Hs256, &secret(), &json!({"sub": "kim", "jti": 7})).unwrap();
        let mut bytes = good.into_bytes();
        let at = at % bytes.len();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        if let Ok(assertion) = Assertion::parse(&changed) {
            let secrets = [("s".to_owned(), secret())];
            prop_assert!(assertion.verify(&[Algorithm::Hs256], &secrets, &[]).is_err(), "{}", changed);
        }
    }
}
