//! What is said later: by callback, by events, or with the next word.

use maru_testkit::{Reply, ScriptedBot};
use serde_json::{Value, json};

use crate::house::{House, a_while, texts};
use crate::skill::payload;

fn origin(kakao: &ScriptedBot) -> String {
    kakao.url().strip_suffix("/api/messages").unwrap().to_owned()
}

fn success() -> Reply {
    Reply::json(&json!({"taskId": "t", "status": "SUCCESS", "timestamp": 1}))
}

fn with_callback(utterance: &str, url: &str) -> Value {
    let mut payload = payload(utterance);
    payload["userRequest"]["callbackUrl"] = url.into();
    payload
}

#[tokio::test]
async fn a_late_answer_is_called_back_with_once() {
    let kakao = ScriptedBot::start().await;
    kakao.otherwise(success());
    let house = House::with(json!({}), json!({"callback_hosts": [origin(&kakao)]})).await;
    let url = format!("{}/v1/bots/b/callback/token", origin(&kakao));
    // What is in time needs no callback.
    assert_eq!(texts(&house.asked(&with_callback("hello", &url)).await), ["You said hello"]);
    let gate = house.keep_waiting().await;
    let answer = house.asked(&with_callback("wait", &url)).await;
    assert_eq!((&answer["version"], &answer["useCallback"]), (&json!("2.0"), &json!(true)));
    assert!(answer.get("template").is_none() && answer["data"]["text"].is_string());
    assert!(
        !house.last_heard().to_string().contains("callback/token"),
        "the bot is told where to call"
    );
    drop(gate);
    let heard = kakao.wait_for(1).await;
    assert_eq!(heard[0].target, "/v1/bots/b/callback/token");
    assert_eq!(texts(&heard[0].body), ["At last"]);
    // It was given, so it is not given again.
    assert_eq!(texts(&house.asked(&payload("next")).await), ["You said next"]);
    assert_eq!(kakao.heard().len(), 1);
}

#[tokio::test]
async fn a_callback_that_fails_leaves_the_answer_for_the_next_word() {
    let kakao = ScriptedBot::start().await;
    kakao.otherwise(Reply::json(&json!({"taskId": "t", "status": "FAIL", "message": "expired"})));
    let house = House::with(json!({}), json!({"callback_hosts": [origin(&kakao)]})).await;
    let url = format!("{}/cb", origin(&kakao));
    let gate = house.keep_waiting().await;
    house.asked(&with_callback("wait", &url)).await;
    drop(gate);
    kakao.wait_for(1).await;
    let given = maru_testkit::eventually("the answer", async || {
        let answer = house.asked(&payload("답변 확인")).await;
        let texts = texts(&answer).join("\n");
        texts.contains("At last").then_some(())
    });
    given.await;
}

#[tokio::test]
async fn nobody_elses_address_is_called_back() {
    let kakao = ScriptedBot::start().await;
    let house = House::new().await;
    let gate = house.keep_waiting().await;
    let answer = house.asked(&with_callback("wait", &format!("{}/cb", origin(&kakao)))).await;
    assert!(answer.get("useCallback").is_none());
    assert_eq!(answer["template"]["quickReplies"][0]["label"], "답변 확인");
    drop(gate);
    house.bot_said(1).await;
    a_while().await;
    assert!(kakao.heard().is_empty());
    assert_eq!(texts(&house.asked(&payload("next")).await), ["At last", "You said next"]);
}

fn events(kakao: &ScriptedBot) -> Value {
    json!({"event_url": origin(kakao), "event_bot_id": "5e4e", "event_name": "later", "budget_ms": 600})
}

#[tokio::test]
async fn what_the_bot_says_later_is_pushed_as_an_event() {
    let kakao = ScriptedBot::start().await;
    kakao.otherwise(success());
    let house = House::with(json!({}), events(&kakao)).await;
    house.asked(&payload("hello")).await;
    let choose = json!({"type": "message", "text": "Which?", "suggestedActions": {"actions": [
        {"type": "imBack", "title": "Tea", "value": "tea please"},
    ]}});
    house.bot_says(&choose).await;
    let heard = kakao.wait_for(1).await;
    assert_eq!(heard[0].target, "/v2/bots/5e4e/talk");
    assert_eq!(heard[0].headers["authorization"], "KakaoAK rest-key");
    assert_eq!(
        heard[0].body,
        json!({
            "event": {"name": "later", "data": {"text": "Which?\n\n1. Tea"}},
            "user": [{"type": "botUserKey", "id": "f1e2d3c4b5"}],
        })
    );
    let answer = house.asked(&payload("1")).await;
    assert_eq!(texts(&answer), ["You said tea please"], "nothing is given twice");
    assert_eq!(kakao.heard().len(), 1);
}

#[tokio::test]
async fn an_event_that_fails_leaves_the_words_for_the_next_call() {
    let kakao = ScriptedBot::start().await;
    kakao.otherwise(Reply::status(401));
    let house = House::with(json!({}), events(&kakao)).await;
    house.asked(&payload("hello")).await;
    house.bot_says(&json!({"type": "message", "text": "Later"})).await;
    kakao.wait_for(1).await;
    a_while().await;
    let answer = house.asked(&payload("next")).await;
    assert_eq!(texts(&answer), ["Later", "You said next"]);
}

#[tokio::test]
async fn secure_images_are_fetched() {
    let kakao = ScriptedBot::start().await;
    kakao.otherwise(Reply::status(200).with_body("image/png", "png's bytes"));
    let house = House::with(json!({}), json!({"media_hosts": [origin(&kakao)]})).await;
    let mut call = payload("");
    let list = format!("List({0}/a.png, {0}/b.png)", origin(&kakao));
    let image = json!({"privacyAgreement": "Y", "imageQuantity": "2", "secureUrls": list});
    call["action"]["params"] = json!({"secureimage": image.to_string()});
    house.asked(&call).await;
    let attachments = house.last_heard()["attachments"].clone();
    let attachments = attachments.as_array().unwrap();
    assert_eq!(attachments.len(), 2);
    assert!(attachments.iter().all(|a| a["contentUrl"].as_str().unwrap().starts_with("blob:")));
}
