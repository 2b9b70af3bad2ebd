use serde_json::json;

use crate::client::Request;
use crate::house::{House, Talk};

#[tokio::test]
async fn enhanced_authentication_keeps_some_ids_for_tokens() {
    let house = House::with(json!({"enhanced_authentication":true})).await;
    let generate = |user: &str| {
        let request = Request::post("/v3/directline/tokens/generate").bearer(house.secret());
        house.send(request.json(&json!({"user":{"id":user}})))
    };
    assert_eq!(generate("kim").await.refusal(), (400, "BadArgument".to_owned()));
    let answer = generate("dl_kim").await;
    let bound = Talk::of(&house, &answer);
    bound.say("mine").await;
    assert_eq!(bound.wait_for(1).await[0]["from"]["id"], "dl_kim");

    let free = house.token(&json!({})).await;
    let as_other = json!({"type":"message","from":{"id":"dl_kim"}});
    assert_eq!(free.post(&as_other).await.refusal(), (400, "BadArgument".to_owned()));
    free.say("u1 may").await;
}

#[tokio::test]
async fn a_browser_is_heard_from_trusted_origins_alone() {
    let house = House::with(json!({"trusted_origins":["https://own.example"]})).await;
    // The site's own list wins over the call's.
    let talk = house.token(&json!({"trustedOrigins":["https://call.example"]})).await;
    let start = |origin: Option<&str>| {
        let request = Request::post("/v3/directline/conversations").bearer(&talk.token);
        house.send(match origin {
            None => request,
            Some(origin) => request.header("Origin", origin),
        })
    };
    for refused in ["https://call.example", "https://own.example.evil.example", "null"] {
        let answer = start(Some(refused)).await;
        assert_eq!(answer.refusal(), (403, "BadArgument".to_owned()), "{refused}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(start(Some("https://own.example")).await.status, 201);
    assert_eq!(start(None).await.status, 200);
}

#[tokio::test]
async fn without_a_list_of_its_own_a_site_binds_the_calls_into_the_token_and_its_ticket() {
    let house = House::new().await;
    let talk = house.token(&json!({"trustedOrigins":["https://call.example"]})).await;
    let start = |origin: &str| {
        let request = Request::post("/v3/directline/conversations").bearer(&talk.token);
        house.send(request.header("Origin", origin))
    };
    assert_eq!(start("https://evil.example").await.status, 403);
    let answer = start("https://call.example").await;
    assert_eq!(answer.status, 201);
    let url = Talk::of(&house, &answer).stream_url.unwrap();
    let stream = Request::get(&format!("/v3/{}", url.split_once("/v3/").unwrap().1));
    let refused = house.send(stream.clone().header("Origin", "https://evil.example")).await;
    assert_eq!(refused.refusal(), (403, "BadArgument".to_owned()));
    // From a trusted one only the handshake itself is missing.
    let asked = house.send(stream.header("Origin", "https://call.example")).await;
    assert_eq!(asked.refusal(), (400, "BadArgument".to_owned()));
}
