//! The five seconds. The test holds the clock: nothing here depends on how fast the machine is.

use std::sync::Arc;
use std::time::Duration;

use maru_testkit::StandingTime;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::advance;

use crate::house::{Got, House};
use crate::partner::{MESSAGE, Reply};

async fn pass(millis: u64) {
    advance(Duration::from_millis(millis)).await;
}

async fn house() -> House {
    House::open(json!({"no_answer_text": "no answer"})).await
}

/// What a user gets from a partner that answers after so many milliseconds.
async fn answered_after(millis: u64, reply: Reply) -> Vec<Got> {
    let house = house().await;
    let conversation = house.enter("u1").await;
    let _standing = StandingTime::begin();
    let told = Arc::new(Notify::new());
    house.partner.then(MESSAGE, reply.when(&told));
    let time = async {
        house.partner.wait_for(MESSAGE, 1).await;
        pass(millis).await;
        told.notify_one();
    };
    let (got, ()) = tokio::join!(house.say(&conversation, "hi"), time);
    got
}

#[tokio::test]
async fn an_answer_after_4_9_seconds_is_taken_and_one_after_5_1_is_not() {
    assert_eq!(answered_after(4_900, Reply::text("late")).await, [Got::said("late", &[])]);
    assert_eq!(answered_after(5_100, Reply::text("late")).await, [Got::told("no answer", &[])]);
}

#[tokio::test]
async fn the_five_seconds_are_for_the_whole_answer() {
    for reply in [Reply::stalled(), Reply::dripping()] {
        let house = house().await;
        let conversation = house.enter("u1").await;
        let _standing = StandingTime::begin();
        house.partner.then(MESSAGE, reply);
        let time = async {
            house.partner.wait_for(MESSAGE, 1).await;
            for _ in 0..51 {
                pass(100).await;
            }
        };
        let (got, ()) = tokio::join!(house.say(&conversation, "hi"), time);
        assert_eq!(got, [Got::told("no answer", &[])]);
        let report = &house.reports()[0];
        assert_eq!(report.code, Some(maru_plus_friend::Code::RequestTimeout));
        assert_eq!(house.health().await.failures_in_a_row, 1);
    }
}

/// One user's many taps wait for each other, and each is answered for before the hall gives it up.
#[tokio::test]
async fn taps_that_wait_too_long_for_each_other_are_answered_for() {
    let house = house().await;
    house.change_bot(|record| record.delivery.attempt_timeout_ms = 5_500).await;
    let mut conversations = Vec::new();
    for _ in 0..5 {
        conversations.push(house.enter("u1").await);
    }
    let _standing = StandingTime::begin();
    house.partner.otherwise(MESSAGE, Reply::stalled());
    let taps = futures_util::future::join_all(
        conversations.iter().map(|conversation| house.say(conversation, "tap")),
    );
    let time = async {
        // Most wait in vain for the first; one that came later makes a call of its own.
        for call in 1.. {
            house.partner.wait_for(MESSAGE, call).await;
            pass(5_010).await;
        }
    };
    let got = tokio::select! {
        got = taps => got,
        () = time => unreachable!("time does not end"),
    };
    assert!(got.iter().all(|got| *got == [Got::told("no answer", &[])]), "{got:?}");
}

/// A partner that was given less than its time has not failed.
#[tokio::test]
async fn what_is_said_at_once_shares_the_halls_time() {
    let house = house().await;
    let conversation = house.enter("u1").await;
    let _standing = StandingTime::begin();
    let told = Arc::new(Notify::new());
    for text in ["one", "two"] {
        house.partner.then(MESSAGE, Reply::text(text).when(&told));
    }
    house.partner.then(MESSAGE, Reply::stalled());
    let file =
        |name: &str| json!({"contentType": "video/mp4", "contentUrl": format!("https://x/{name}")});
    let activity = json!({"type": "message", "from": {"id": "u1"}, "text": "look",
        "attachments": [file("a"), file("b")]});
    let time = async {
        for call in 1..=2 {
            house.partner.wait_for(MESSAGE, call).await;
            pass(4_900).await;
            told.notify_one();
        }
        house.partner.wait_for(MESSAGE, 3).await;
        pass(4_710).await;
    };
    let saying = house.node.post(&conversation, activity, maru_hall::Meta::default());
    let (got, ()) = tokio::join!(saying, time);
    let expected = [Got::said("one", &[]), Got::said("two", &[]), Got::told("no answer", &[])];
    assert_eq!(got, expected);
    assert_eq!(house.health().await.failures_in_a_row, 0);
}
