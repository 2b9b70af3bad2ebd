//! Where assertions come from, and the small endpoints that the SDKs want answered.

use serde_json::{Value, json};

use crate::house::{House, refusal};

/// Exchanges a JWT for who the user is.
async fn user_of(house: &House, jwt: &str) -> Value {
    let body = json!({"assertion": jwt});
    let answer = house.post("/api/oAuth/token/jwtgrant", None, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn jwt(answer: &maru_testkit::Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["jwt"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_development_issuer_signs_for_whoever_knows_the_secret() {
    let house = House::with(json!({"development_issuer": true})).await;
    let (id, secret) = (&house.app.client_id, house.app.client_secret.expose());
    // Web sends a form with an empty audience, the others JSON; the samples' address ends with a slash.
    let form = format!(
        "clientId={id}&clientSecret={secret}&identity=kim%40example.org&aud=&isAnonymous=false"
    );
    for path in ["/api/users/sts", "/api/users/sts/", "/api/1.1/users/sts"] {
        let user = user_of(&house, &jwt(&house.post_form(path, None, &form).await)).await;
        assert_eq!(user["userInfo"]["identity"], format!("{id}/kim@example.org"));
    }
    let body = json!({
        "clientId": id, "clientSecret": secret, "identity": "kim@example.org",
        "aud": "https://idproxy.kore.com/authorize", "isAnonymous": false,
    });
    jwt(&house.post("/api/users/sts", None, &body).await);
    // Newer pages name the user alone.
    let user = user_of(
        &house,
        &jwt(&house.post("/api/users/sts", None, &json!({"identity": "lee"})).await),
    )
    .await;
    assert_eq!(user["userInfo"]["identity"], format!("{id}/lee"));
    // Whoever has a token already needs no more than that.
    let token = house.grant("kim").await;
    let user =
        user_of(&house, &jwt(&house.post("/api/users/sts", Some(&token), &json!({})).await)).await;
    assert_eq!(user["userInfo"]["identity"], format!("{id}/kim"));
    let answer = house.post("/api/1.1/users/jwttoken", Some(&token), &json!({})).await;
    user_of(&house, &jwt(&answer)).await;
    assert_eq!(
        (&answer.json()["botName"], &answer.json()["streamId"]),
        (&json!("Bot"), &json!(house.app.bot_id))
    );

    let wrong = json!({"clientId": id, "clientSecret": "guess", "identity": "kim"});
    assert_eq!(refusal(&house.post("/api/users/sts", None, &wrong).await), (401, json!(401)));
    let long = json!({"clientId": id, "identity": "x".repeat(257)});
    assert_eq!(refusal(&house.post("/api/users/sts", None, &long).await), (401, json!(401)));
}

#[tokio::test]
async fn an_issuer_that_is_off_is_not_there() {
    let house = House::new().await;
    let (id, secret) = (&house.app.client_id, house.app.client_secret.expose());
    let token = house.grant("kim").await;
    let body = json!({"clientId": id, "clientSecret": secret, "identity": "kim"});
    for (bearer, body) in [(None, &body), (Some(token.as_str()), &json!({})), (None, &json!({}))] {
        for path in ["/api/users/sts", "/api/users/jwttoken"] {
            let answer = house.post(path, bearer, body).await;
            assert_eq!(refusal(&answer), (404, json!(404)), "{path}");
        }
    }
}

#[tokio::test]
async fn an_api_key_brings_users_that_nobody_vouches_for() {
    let house = House::new().await;
    let path = "/api/platform/websdk";
    let mut key = String::new();
    house
        .change(|settings| {
            let issued = maru_kore::renew_api_key(settings, &house.ground.env);
            key = issued.text.expose().to_owned();
        })
        .await;
    let answer = house.post_form(path, None, &format!("apiKey={key}&ity=kim")).await;
    let body = answer.json();
    let bot = json!({"name": "Bot", "_id": house.app.bot_id});
    assert_eq!((&body["botInfo"], &body["ity"]), (&bot, &json!("kim")), "{}", answer.text());
    let said = user_of(&house, &jwt(&answer)).await;
    // A page's word takes the place of nobody for whom the app's owner signed.
    let known = user_of(&house, &house.assertion("kim")).await;
    assert_ne!(said["userInfo"]["userId"], known["userInfo"]["userId"]);
    let again = house.post(path, None, &json!({"apiKey": key, "ity": "kim"})).await;
    let again = user_of(&house, &jwt(&again)).await;
    assert_eq!(again["userInfo"]["userId"], said["userInfo"]["userId"]);

    let nameless =
        house.post_form("/api/1.1/platform/websdk", None, &format!("apiKey={key}")).await;
    let nameless = user_of(&house, &jwt(&nameless)).await;
    assert_ne!(nameless["userInfo"]["userId"], said["userInfo"]["userId"]);
    for bad in ["", "YOUR_API_KEY", &format!("{key}x"), house.app.client_secret.expose()] {
        let answer = house.post(path, None, &json!({"apiKey": bad})).await;
        assert_eq!(refusal(&answer), (401, json!(401)), "{bad}");
    }
}

#[tokio::test]
async fn a_theme_is_always_active() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let paths = ["/api/websdkthemes", "/api/1.1/websdkthemes"];
    let path = |start: &str| format!("{start}/{}/activetheme", house.app.bot_id);
    for start in paths {
        let answer = house.get(&path(start), Some(&token)).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"activeTheme": true, "refId": "default"}))
        );
    }
    let theme = json!({"refId": "ours", "v3": {"general": {"bot_icon": "icon-1"}}, "generalAttributes": {}});
    house.change(|settings| drop(settings.insert("theme".to_owned(), theme.clone()))).await;
    let mut whole = theme.clone();
    whole["activeTheme"] = json!(true);
    assert_eq!(house.get(&path(paths[0]), Some(&token)).await.json(), whole);
    assert_eq!(refusal(&house.get(&path(paths[0]), None).await), (401, json!("TOKEN_EXPIRED")));
    let other = "/api/websdkthemes/st-00000000-0000-5000-8000-000000000000/activetheme";
    assert_eq!(refusal(&house.get(other, Some(&token)).await), (404, json!(404)));
}

#[tokio::test]
async fn push_is_accepted_from_users_and_webhook_mode_learns_of_its_bot() {
    let house = House::with(json!({})).await;
    let token = house.grant("kim").await;
    let body = json!({"osType": "android", "deviceId": "d"});
    for end in ["subscribe", "unsubscribe"] {
        let path = format!("/api/users/u-1/sdknotifications/{end}");
        assert_eq!(house.post(&path, Some(&token), &body).await.status, 200);
        let authorization = format!("bearer {token}");
        let headers = [("authorization", authorization.as_str())];
        assert_eq!(house.call("DELETE", &path, &headers, "").await.status, 200);
        assert_eq!(refusal(&house.post(&path, None, &body).await), (401, json!("TOKEN_EXPIRED")));
    }
    let icon = "https://example.org/kit.png";
    let bots = json!([{"id": house.app.bot_id, "name": "Kit", "icon": icon}]);
    house.change(|settings| drop(settings.insert("bots".to_owned(), bots))).await;
    let path = format!("/api/botmeta/{}", house.app.bot_id);
    let answer = house.get(&path, Some(&house.assertion("kim"))).await;
    assert_eq!(answer.json(), json!({"_id": house.app.bot_id, "name": "Kit", "icon": icon}));
    let answer = house.get(&path, Some(&token)).await;
    assert_eq!(refusal(&answer), (401, json!(401)), "webhook mode knows assertions alone");
}
