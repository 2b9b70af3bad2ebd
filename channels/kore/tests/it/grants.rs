//! From an assertion to the address of a socket.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use maru_testkit::Answer;
use serde_json::{Value, json};

use crate::house::{House, message, refusal, sign, sign_with};

const GRANT: &str = "/api/oAuth/token/jwtgrant";

async fn grant_of(house: &House, assertion: &str) -> Answer {
    house.post(GRANT, None, &json!({"assertion": assertion, "botInfo": house.bot_info()})).await
}

fn is_uuid5(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| id.len() == 36 && id.as_bytes()[14] == b'5')
}

/// The documents' own call and answer (the seed), field by field.
#[tokio::test]
async fn an_assertion_is_granted_as_the_documents_show() {
    let house = House::new().await;
    for path in ["/api/1.1/oAuth/token/jwtgrant", GRANT, "/api//oAuth//token/jwtgrant"] {
        let body = json!({"assertion": house.assertion("admin1212@qakore.xyz"), "botInfo": house.bot_info()});
        let answer = house.post(path, None, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let (authorization, user) = (&body["authorization"], &body["userInfo"]);
        assert_eq!(authorization["token_type"], "bearer");
        for date in ["expiresDate", "issuedDate"] {
            let date = authorization[date].as_str().unwrap();
            assert!(date.len() == 24 && date.ends_with('Z'), "{date}");
        }
        assert!(is_uuid5(user["userId"].as_str().unwrap(), "u-"), "{user}");
        assert!(is_uuid5(user["orgId"].as_str().unwrap(), "o-"), "{user}");
        let account = user["accountId"].as_str().unwrap();
        assert!(account.len() == 24 && account.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(user["managedBy"], account);
        let identity = format!("{}/admin1212@qakore.xyz", house.app.client_id);
        assert_eq!(user["identity"], identity.as_str());
        assert_eq!(
            (&user["enrollType"], &user["fName"], &user["lName"]),
            (&json!("free"), &json!(""), &json!(""))
        );
    }
}

#[tokio::test]
async fn a_user_is_the_same_for_each_grant_and_another_one_is_not() {
    let house = House::new().await;
    let id = async |user: &str| {
        grant_of(&house, &house.assertion(user)).await.json()["userInfo"]["userId"].clone()
    };
    assert_eq!(id("kim").await, id("kim").await);
    assert_ne!(id("kim").await, id("lee").await);
}

#[tokio::test]
async fn names_are_taken_from_the_header_or_the_claims() {
    let house = House::new().await;
    let claims = json!({"iss": house.app.client_id, "sub": "kim", "lName": "Kim"});
    let header = json!({"alg": "HS256", "fName": "Minsu", "lName": "not this"});
    let secret = house.app.client_secret.expose().as_bytes();
    let assertion = sign_with(hmac::HMAC_SHA256, &header, secret, &claims);
    let user = grant_of(&house, &assertion).await.json()["userInfo"].clone();
    assert_eq!((&user["fName"], &user["lName"]), (&json!("Minsu"), &json!("Kim")));
}

/// iOS sends forms with brackets, to the grant and to the start alike.
#[tokio::test]
async fn a_form_says_the_same_as_json() {
    let house = House::new().await;
    let bot = format!("botInfo[chatBot]=Kit&botInfo[taskBotId]={}", house.app.bot_id);
    let more = "botInfo[customData][k]=v&botInfo[metaTags][userLevelTags][][name]=a&botInfo[metaTags][userLevelTags][][value]=b";
    let body = format!("assertion={}&{bot}&{more}", house.assertion("kim"));
    let answer = house.post_form("/api/1.1/oAuth/token/jwtgrant", None, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["authorization"]["accessToken"].as_str().unwrap().to_owned();
    let start = format!("{bot}&authorization=bearer%20{token}");
    let answer = house.post_form("/api/rtm/start?isReconnect=true", Some(&token), &start).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Every way to forge one, and every way to be late: 401, with a reason behind the one beginning.
#[tokio::test]
async fn an_assertion_that_is_not_good_is_refused_with_its_reason() {
    let house = House::new().await;
    let (now, id) = (house.now(), house.app.client_id.as_str());
    let secret = house.app.client_secret.expose();
    let good = json!({"iss": id, "sub": "kim", "exp": now + 60});
    let header =
        |alg: &str| json!({"alg": alg, "typ": "JWT", "kid": "1", "jku": "http://127.0.0.1/x"});
    let with = |claims: Value| sign(secret, &claims);
    let hs256 = |alg: &str| sign_with(hmac::HMAC_SHA256, &header(alg), secret.as_bytes(), &good);
    let unsigned = |alg: &str| {
        let token = hs256(alg);
        token.rsplit_once('.').unwrap().0.to_owned() + "."
    };
    let parts = "a.b.c.d.e".to_owned();
    let critical = json!({"alg": "HS256", "crit": ["x"]});
    for (assertion, reason) in [
        (hs256("none"), "invalid algorithm"),
        (unsigned("none"), "invalid algorithm"),
        (unsigned("HS256"), "invalid signature"),
        (hs256("HS512"), "invalid algorithm"),
        (hs256("RS256"), "invalid algorithm"),
        (hs256("hs256"), "invalid algorithm"),
        (sign("another secret altogether", &good), "invalid signature"),
        (sign("", &good), "invalid signature"),
        (sign_with(hmac::HMAC_SHA256, &critical, secret.as_bytes(), &good), "jwt malformed"),
        (
            with(json!({"iss": "cs-00000000-0000-5000-8000-000000000000", "sub": "kim"})),
            "unknown client",
        ),
        (with(json!({"sub": "kim"})), "unknown client"),
        (with(json!({"iss": id})), "\"sub\" must be a text of 1 to 256 bytes"),
        (
            with(json!({"iss": id, "sub": "x".repeat(257)})),
            "\"sub\" must be a text of 1 to 256 bytes",
        ),
        (with(json!({"iss": id, "sub": "kim", "exp": now - 61})), "jwt expired"),
        (with(json!({"iss": id, "sub": "kim", "exp": (now - 61) * 1_000})), "jwt expired"),
        (with(json!({"iss": id, "sub": "kim", "exp": "soon"})), "jwt malformed"),
        (with(json!({"iss": id, "sub": "kim", "nbf": now + 120})), "jwt not active"),
        (parts, "encrypted assertions are not supported"),
        (String::new(), "jwt malformed"),
        ("x".repeat(20_000), "jwt malformed"),
    ] {
        let answer = grant_of(&house, &assertion).await;
        assert_eq!(refusal(&answer), (401, json!(401)), "{reason}: {assertion}");
        assert_eq!(message(&answer), format!("error verifying the jwt: {reason}"), "{assertion}");
    }
}

/// Seconds, milliseconds and fractions; with no `exp` at all; an `iat` that lies ahead; `kore_…` in
/// the place of what an issuer fills in by itself.
#[tokio::test]
async fn an_assertion_as_issuers_in_the_wild_write_them_is_granted() {
    let house = House::new().await;
    let (now, id) = (house.now(), house.app.client_id.as_str());
    for claims in [
        json!({"iss": id, "sub": "kim"}),
        json!({"iss": id, "sub": 4711, "aud": "", "isAnonymous": "false"}),
        json!({"iss": id, "sub": "kim", "iat": now * 1_000, "exp": (now + 60) * 1_000}),
        json!({"iss": id, "sub": "kim", "iat": now * 1_000, "exp": now as f64 + 60.883}),
        json!({"iss": id, "sub": "kim", "iat": now + 3_000, "exp": now - 30}),
        json!({"iss": "https://issuer.example", "kore_iss": id, "sub": "x", "kore_sub": "kim"}),
        json!({"appId": id, "sub": "kim", "exp": null}),
    ] {
        let answer = grant_of(&house, &house.assertion_of(&claims)).await;
        assert_eq!(answer.status, 200, "{claims}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_assertion_with_an_id_is_good_once_and_for_an_hour_at_most() {
    let house = House::new().await;
    let (now, id) = (house.now(), house.app.client_id.as_str());
    let once = house.assertion_of(
        &json!({"iss": id, "sub": "kim", "jti": "j1", "iat": now, "exp": now + 3_600}),
    );
    assert_eq!(grant_of(&house, &once).await.status, 200);
    for claims in [
        json!({"iss": id, "sub": "kim", "jti": "j1", "iat": now, "exp": now + 3_600}),
        json!({"iss": id, "sub": "lee", "kore_jti": "j1", "iat": now, "exp": now + 30}),
    ] {
        let answer = grant_of(&house, &house.assertion_of(&claims)).await;
        assert_eq!(refusal(&answer), (401, json!(401)));
        assert_eq!(message(&answer), "error verifying the jwt: possibly a replay");
    }
    for claims in [
        json!({"iss": id, "sub": "kim", "jti": "j2", "iat": now, "exp": now + 3_601}),
        json!({"iss": id, "sub": "kim", "jti": "j2", "exp": (now + 3_700) * 1_000}),
        json!({"iss": id, "sub": "kim", "jti": "j2"}),
    ] {
        let answer = grant_of(&house, &house.assertion_of(&claims)).await;
        let said = "error verifying the jwt: if \"jti\" claim \"exp\" must be <= 1 hour(s)";
        assert_eq!(message(&answer), said, "{claims}");
    }
    // Another app may use the same id.
    let other = house.add_app("other", json!({})).await;
    let claims = json!({"iss": other.client_id, "sub": "kim", "jti": "j1", "exp": now + 60});
    assert_eq!(grant_of(&house, &sign(other.client_secret.expose(), &claims)).await.status, 200);
}

#[tokio::test]
async fn only_the_configured_algorithms_count() {
    let house = House::with(json!({"algorithms": ["HS512"]})).await;
    let claims = json!({"iss": house.app.client_id, "sub": "kim"});
    let secret = house.app.client_secret.expose().as_bytes();
    let answer = grant_of(&house, &house.assertion_of(&claims)).await;
    assert_eq!(message(&answer), "error verifying the jwt: invalid algorithm");
    let hs512 = sign_with(hmac::HMAC_SHA512, &json!({"alg": "HS512"}), secret, &claims);
    assert_eq!(grant_of(&house, &hs512).await.status, 200);
}

/// Client ids are public: an app that names another's takes nothing from it.
#[tokio::test]
async fn an_app_cannot_take_anothers_client_id() {
    let house = House::new().await;
    let thief =
        house.add_app("thief", json!({"client_id": house.app.client_id, "anonymous": true})).await;
    let token = house.grant("kim").await;
    house.start(&token).await;
    let claims = json!({"iss": house.app.client_id, "sub": "kim"});
    let stolen = grant_of(&house, &sign(thief.client_secret.expose(), &claims)).await;
    let stolen = stolen.json()["authorization"]["accessToken"].as_str().unwrap().to_owned();
    let start = json!({"botInfo": house.bot_info()});
    let answer = house.post("/api/rtm/start", Some(&stolen), &start).await;
    assert_eq!(refusal(&answer), (404, json!(404)));
}

#[tokio::test]
async fn anonymous_users_come_where_they_may_and_take_nobodys_place() {
    let house = House::new().await;
    let body = |subject: &str| json!({"assertion": {"issuer": house.app.client_id, "subject": subject}, "botInfo": house.bot_info(), "token": {}});
    let path = "/api/oAuth/token/jwtgrant/anonymous";
    let answer = house.post(path, None, &body("kim")).await;
    assert_eq!(message(&answer), "error verifying the jwt: unknown client");
    house.change(|settings| drop(settings.insert("anonymous".to_owned(), true.into()))).await;
    let answer = house.post(path, None, &body("kim")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let known = grant_of(&house, &house.assertion("kim")).await.json();
    assert_ne!(answer.json()["userInfo"]["userId"], known["userInfo"]["userId"]);
    let token = answer.json()["authorization"]["accessToken"].as_str().unwrap().to_owned();
    house.start(&token).await;
    house.change(|settings| drop(settings.insert("anonymous".to_owned(), false.into()))).await;
    let answer =
        house.post("/api/rtm/start", Some(&token), &json!({"botInfo": house.bot_info()})).await;
    assert_eq!(refusal(&answer), (401, json!("TOKEN_EXPIRED")));
}

/// Whatever is wrong with an access token, the answer is the one that makes every SDK begin anew.
#[tokio::test]
async fn a_token_that_is_not_good_any_more_says_so_in_the_one_way() {
    let house = House::with(json!({"token_ttl_secs": 3_600})).await;
    let token = house.grant("kim").await;
    let start = async |bearer: Option<&str>| {
        house.post("/api/rtm/start", bearer, &json!({"botInfo": house.bot_info()})).await
    };
    // The documents' sample has a dash in front.
    assert_eq!(start(Some(&format!("-{token}"))).await.status, 200);
    for bearer in [None, Some("nonsense"), Some(house.assertion("kim").as_str())] {
        let answer = start(bearer).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.text(), r#"{"errors":[{"msg":"token expired","code":"TOKEN_EXPIRED"}]}"#);
    }
    house.clock.by_secs(3_601);
    assert_eq!(refusal(&start(Some(&token)).await), (401, json!("TOKEN_EXPIRED")));
    let token = house.grant("kim").await;
    assert_eq!(start(Some(&token)).await.status, 200);
    // A secret that is gone takes its tokens with it; the other place's stay.
    let (env, key) = (house.ground.env.clone(), house.ground.accounts.instance_key());
    house.change(|settings| drop(maru_kore::rotate(settings, 1, &env, key).unwrap())).await;
    assert_eq!(start(Some(&token)).await.status, 200);
    house.change(|settings| drop(maru_kore::rotate(settings, 0, &env, key).unwrap())).await;
    assert_eq!(refusal(&start(Some(&token)).await), (401, json!("TOKEN_EXPIRED")));
}

#[tokio::test]
async fn a_start_gives_the_address_of_a_socket_and_knows_the_bot_by_its_id_alone() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let body = json!({"botInfo": {"chatBot": "any", "taskBotId": house.app.bot_id, "uiVersion": "v3"}, "token": {}, "language": "en"});
    for path in ["/api/rtm/start", "/api/1.1/rtm/start"] {
        let authorization = format!("bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("x-rtm-v", "1"),
        ];
        let answer = house.call("POST", path, &headers, body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        let sid = url.strip_prefix(&format!("ws://{}/rtm/bot?sid=", house.at)).unwrap();
        assert!(sid.len() == 32 && sid.bytes().all(|b| b.is_ascii_alphanumeric()), "{sid}");
    }
    let start = async |body: Value| house.post("/api/rtm/start", Some(&token), &body).await;
    // With one bot there is no question which is meant.
    assert_eq!(start(json!({})).await.status, 200);
    let other = json!({"botInfo": {"taskBotId": "st-00000000-0000-5000-8000-000000000000"}});
    assert_eq!(refusal(&start(other).await), (404, json!(404)));
    for body in [
        json!({"botInfo": "x"}),
        json!({"botInfo": {"taskBotId": 7}}),
        json!({"botInfo": {"customData": "x".repeat(9_000)}}),
    ] {
        assert_eq!(start(body.clone()).await.status / 100, 4, "{body}");
    }
}

/// An app whose owner signs with a private key: Maru knows the public one alone.
#[tokio::test]
async fn a_public_key_vouches_until_it_is_taken_away() {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
    let key = || RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pem = |key: &RsaKeyPair| {
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let body = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    };
    let (mine, other) = (key(), key());
    let house = House::with(json!({"algorithms": ["RS256"], "public_keys": [pem(&mine)]})).await;
    let assertion = |key: &RsaKeyPair| {
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = encode(json!({"iss": house.app.client_id, "sub": "kim"}));
        let message = format!("{}.{claims}", encode(json!({"alg": "RS256"})));
        let mut signature = vec![0; key.public_modulus_len()];
        let random = SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let answer = grant_of(&house, &assertion(&other)).await;
    assert_eq!(message(&answer), "error verifying the jwt: invalid signature");
    let answer = grant_of(&house, &house.assertion("kim")).await;
    assert_eq!(message(&answer), "error verifying the jwt: invalid algorithm");
    let answer = grant_of(&house, &assertion(&mine)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()["authorization"]["accessToken"].as_str().unwrap().to_owned();
    house.start(&token).await;
    let keys = json!([pem(&other)]);
    house.change(|settings| drop(settings.insert("public_keys".to_owned(), keys))).await;
    let answer = house.post("/api/rtm/start", Some(&token), &json!({})).await;
    assert_eq!(refusal(&answer), (401, json!("TOKEN_EXPIRED")));
}
