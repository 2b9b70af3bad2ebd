use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::house::{House, Talk};

async fn refresh(house: &House, token: &str) -> Answer {
    house.send(Request::post("/v3/directline/tokens/refresh").bearer(token)).await
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_token_is_renewed_while_it_is_good_and_never_after() {
    let house = House::new().await;
    let talk = house.talk().await;
    house.clock.by_secs(1_700);
    let renewed = refresh(&house, &talk.token).await;
    assert_eq!((renewed.status, &renewed.json()["conversationId"]), (200, &json!(talk.id)));
    let renewed = Talk::of(&house, &renewed);
    house.clock.by_secs(200);
    assert_eq!(talk.post(&json!({"type":"message"})).await.refusal(), refusal(403, "TokenExpired"));
    assert_eq!(refresh(&house, &talk.token).await.refusal(), refusal(403, "TokenExpired"));
    // The new one speaks for the same user in the same conversation.
    renewed.say("still here").await;
    assert_eq!(renewed.wait_for(1).await[0]["from"]["id"], "u1");
}

#[tokio::test]
async fn a_client_can_read_its_user_out_of_the_token() {
    let house = House::new().await;
    let talk =
        house.token(&json!({"User":{"Id":"kim"},"TrustedOrigins":["https://a.example"]})).await;
    let claims = talk.token.split('.').nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["user"], &claims["conv"]), (&json!("kim"), &json!(talk.id)));
    assert_eq!((&claims["site"], &claims["bot"]), (&json!("web"), &json!("bot")));
}

#[tokio::test]
async fn a_token_opens_its_own_conversation_alone() {
    let house = House::new().await;
    let (mine, other) = (house.talk().await, house.talk().await);
    let mut foreign = house.talk().await;
    foreign.id = other.id.clone();
    assert_eq!(
        foreign.post(&json!({"type":"message"})).await.refusal(),
        refusal(403, "BadArgument")
    );
    assert_eq!(foreign.reconnect("").await.refusal(), refusal(403, "BadArgument"));
    // Whether the other one is there makes no difference.
    foreign.id = "nowhere".to_owned();
    assert_eq!(foreign.reconnect("").await.refusal(), refusal(403, "BadArgument"));
    // Nor does a token make tokens.
    let generate = Request::post("/v3/directline/tokens/generate").bearer(&mine.token);
    assert_eq!(house.send(generate).await.refusal(), refusal(403, "BadArgument"));
    assert_eq!(refresh(&house, house.secret()).await.refusal(), refusal(403, "BadArgument"));
}

#[tokio::test]
async fn a_secret_does_not_open_another_sites_conversation() {
    let house = House::new().await;
    let talk = house.talk().await;
    let other = house.add_site("other", json!({})).await;
    let mut thief = Talk::of(&house, &talk.reconnect("").await);
    other[0].text.expose().clone_into(&mut thief.token);
    let there = thief.reconnect("").await;
    thief.id = "A".repeat(22);
    let absent = thief.reconnect("").await;
    assert_eq!(there.refusal(), refusal(404, "BadArgument"));
    assert_eq!((there.status, there.json()), (absent.status, absent.json()));
}

#[tokio::test]
async fn a_rotated_secret_takes_its_tokens_along() {
    let house = House::new().await;
    let talk = house.talk().await;
    let url = talk.stream_url.clone().unwrap();
    let renewed = house.rotate(0).await;
    let generate = |secret: &str| Request::post("/v3/directline/tokens/generate").bearer(secret);
    assert_eq!(house.send(generate(house.secret())).await.refusal(), refusal(401, "Unauthorized"));
    for good in [&renewed, &house.secrets[1]] {
        assert_eq!(house.send(generate(good.text.expose())).await.status, 200);
    }
    assert_eq!(talk.post(&json!({"type":"message"})).await.refusal(), refusal(403, "BadArgument"));
    let ticket = url.split_once("/v3/").unwrap().1;
    let stream = house.send(Request::get(&format!("/v3/{ticket}"))).await;
    assert_eq!(stream.refusal(), refusal(403, "BadArgument"));
}

#[tokio::test]
async fn a_removed_sites_tokens_are_refused() {
    let house = House::new().await;
    let talk = house.talk().await;
    house.remove_site("web").await;
    assert_eq!(talk.post(&json!({"type":"message"})).await.refusal(), refusal(403, "BadArgument"));
}

#[tokio::test]
async fn what_is_no_credential_is_refused_with_401() {
    let house = House::new().await;
    let talk = house.talk().await;
    let path = talk.path("/activities");
    let (head, signature) = talk.token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    // A ticket is no token, though the same key signs it.
    let url = talk.stream_url.clone().unwrap();
    let ticket = url.split_once("&t=").unwrap().1;
    for bad in ["x", "a.b.c", &forged, ticket, &"x".repeat(9_000)] {
        let answer = house.send(Request::get(&path).bearer(bad)).await;
        assert_eq!(answer.refusal(), refusal(401, "Unauthorized"), "{bad}");
    }
    let none = house.send(Request::get(&path)).await;
    assert_eq!(none.refusal(), refusal(401, "Unauthorized"));
    let basic = Request::get(&path).header("Authorization", "Basic eDp5");
    assert_eq!(house.send(basic).await.refusal(), refusal(401, "Unauthorized"));
    let older = format!("botconnector {}", talk.token);
    let older = Request::get(&path).header("Authorization", &older);
    assert_eq!(house.send(older).await.status, 200);
}
