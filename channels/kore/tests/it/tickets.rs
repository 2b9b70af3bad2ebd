//! The address of a socket: good once, for thirty seconds, for one's own user.

use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

use crate::house::House;

/// Opens a socket, and gives the status of the handshake and the body of a refusal.
async fn open(url: &str) -> (u16, String) {
    match connect_async(url).await {
        Ok((_, answer)) => (answer.status().as_u16(), String::new()),
        Err(Error::Http(answer)) => {
            let body = answer.body().clone().unwrap_or_default();
            (answer.status().as_u16(), String::from_utf8(body).unwrap())
        }
        Err(error) => panic!("{error}"),
    }
}

const REFUSED: &str = r#"{"errors":[{"msg":"invalid or expired sid","code":403}]}"#;

#[tokio::test]
async fn an_address_is_good_once() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let (one, other) = (house.start(&token).await, house.start(&token).await);
    assert_ne!(one, other);
    assert_eq!(open(&one).await.0, 101);
    assert_eq!(open(&one).await, (403, REFUSED.to_owned()));
    assert_eq!(open(&format!("{one}&isReconnect=true")).await, (403, REFUSED.to_owned()));
    assert_eq!(open(&format!("{other}&isReconnect=true")).await.0, 101);
}

#[tokio::test]
async fn of_many_who_try_at_once_one_gets_in() {
    let house = House::new().await;
    let url = house.start(&house.grant("kim").await).await;
    let tries = futures_util::future::join_all((0..8).map(|_| open(&url))).await;
    let mut statuses: Vec<u16> = tries.into_iter().map(|(status, _)| status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [101, 403, 403, 403, 403, 403, 403, 403]);
}

#[tokio::test]
async fn an_address_lasts_half_a_minute() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let (early, late) = (house.start(&token).await, house.start(&token).await);
    house.clock.by_secs(29);
    assert_eq!(open(&early).await.0, 101);
    house.clock.by_secs(2);
    assert_eq!(open(&late).await, (403, REFUSED.to_owned()));
}

#[tokio::test]
async fn what_is_made_up_and_what_was_revoked_are_refused_alike() {
    let house = House::new().await;
    let url = house.start(&house.grant("kim").await).await;
    let (start, sid) = url.split_once("sid=").unwrap();
    for bad in ["", "x", sid.split_at(1).1, &format!("{sid}0"), &"0".repeat(32), "../../x", "%00"] {
        assert_eq!(open(&format!("{start}sid={bad}")).await, (403, REFUSED.to_owned()), "{bad}");
    }
    assert_eq!(open(&format!("{start}botId=x")).await, (403, REFUSED.to_owned()));
    let (env, key) = (house.ground.env.clone(), house.ground.accounts.instance_key());
    house.change(|settings| drop(maru_kore::rotate(settings, 0, &env, key).unwrap())).await;
    assert_eq!(open(&url).await, (403, REFUSED.to_owned()));
}

/// The address is made of how the caller reached the server.
#[tokio::test]
async fn an_address_has_the_callers_own_host() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let body = json!({"botInfo": house.bot_info()}).to_string();
    let request = format!(
        "POST /api/rtm/start HTTP/1.1\r\nHost: chat.example:8443\r\nAuthorization: bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = maru_testkit::raw(house.at, request.as_bytes()).await;
    assert!(answer.contains("{\"url\":\"ws://chat.example:8443/rtm/bot?sid="), "{answer}");
}
