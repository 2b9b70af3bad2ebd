//! The protocols' clocks, in the test's hands: nothing here depends on how fast the machine is.

use std::time::Duration;

use maru_testkit::{Reply, ScriptedBot, StandingTime};
use serde_json::{Value, json};
use tokio::task::yield_now;
use tokio::time::advance;

use crate::house::{House, texts};
use crate::skill::payload;

/// What a user is told by a bot that answers after so many milliseconds.
async fn told_after(millis: u64) -> String {
    let house = House::with(json!({"budget_ms": 4_000}), json!({})).await;
    house.says("hello").await;
    let gate = house.keep_waiting().await;
    let _standing = StandingTime::begin();
    let time = async {
        while house.last_heard()["text"] != "wait" {
            yield_now().await;
        }
        advance(Duration::from_millis(millis)).await;
        drop(gate);
        while house.bots_words().await < 2 {
            yield_now().await;
        }
        // Whether more comes is not waited for beyond the budget.
        advance(Duration::from_millis(300)).await;
    };
    let (answer, ()) = tokio::join!(house.says("wait"), time);
    answer["message"]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_bot_has_four_of_the_five_seconds() {
    assert_eq!(told_after(3_900).await, "At last");
    assert!(told_after(4_100).await.contains("준비"));
}

#[tokio::test]
async fn what_came_late_is_handed_out_at_9_59_and_not_at_10_01() {
    for (secs, given) in [(9 * 60 + 59, "At last\n\nYou said next"), (10 * 60 + 1, "You said next")]
    {
        let house = House::new().await;
        let gate = house.keep_waiting().await;
        house.says("wait").await;
        drop(gate);
        house.bot_said(1).await;
        house.clock.advance(Duration::from_secs(secs));
        assert_eq!(house.says("next").await["message"]["text"], given);
    }
}

/// What Kakao is called back with, and what the user's next word is answered with, when the bot speaks
/// so many seconds after it was asked.
async fn called_back_after(secs: u64) -> (Value, Value) {
    let kakao = ScriptedBot::start().await;
    kakao.otherwise(Reply::json(&json!({"taskId": "t", "status": "SUCCESS", "timestamp": 1})));
    let origin = kakao.url().strip_suffix("/api/messages").unwrap().to_owned();
    let house = House::with(json!({}), json!({"callback_hosts": [origin], "budget_ms": 500})).await;
    let mut asked = payload("[]");
    asked["userRequest"]["callbackUrl"] = format!("{origin}/callback").into();
    assert_eq!(house.asked(&asked).await["useCallback"], true);
    tokio::time::pause();
    advance(Duration::from_secs(secs)).await;
    tokio::time::resume();
    let words = json!({"type": "message", "text": "At last"});
    let speaks = house.bot_says(&words);
    let called = if secs < 50 {
        speaks.await;
        kakao.wait_for(1).await
    } else {
        let called = kakao.wait_for(1).await;
        speaks.await;
        called
    };
    let next = house.asked(&payload("next")).await;
    assert_eq!(kakao.heard().len(), 1, "it is called back once");
    (called[0].body.clone(), next)
}

#[tokio::test]
async fn within_the_minute_the_answer_is_called_back_with_or_patience_asked_for() {
    let (called, next) = called_back_after(40).await;
    assert_eq!((texts(&called), texts(&next)), (vec!["At last"], vec!["You said next"]));
    let (called, next) = called_back_after(51).await;
    assert!(texts(&called)[0].contains("준비"), "{called}");
    assert_eq!(texts(&next), ["At last", "You said next"]);
}
