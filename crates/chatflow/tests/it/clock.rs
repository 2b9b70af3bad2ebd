//! The five-minute rule (seed 003 §3.3), and what else the clock decides.

use maru_chatflow::{Asked, User};
use maru_scenario::{Input, UserMessage};

use crate::house::{House, told};

/// What a message is answered so many milliseconds after the last one, with the store opened anew in
/// between or not.
async fn after(millis: u64, reopen: bool) -> String {
    let mut house = House::new().await;
    let user = User::api("u1");
    assert_eq!(house.says(&user, "Order").await, "Which? = menu (new)");
    house.wait(millis);
    if reopen {
        house = house.reopen().await;
    }
    house.says(&user, "Latte").await
}

#[tokio::test]
async fn five_minutes_go_on_and_a_millisecond_more_begins_anew() {
    for reopen in [false, true] {
        assert_eq!(after(299_999, reopen).await, "Latte it is = again");
        assert_eq!(after(300_000, reopen).await, "Latte it is = again");
        assert_eq!(after(300_001, reopen).await, "Hello guest = start (timeout)");
    }
}

#[tokio::test]
async fn only_what_the_user_says_and_a_beginning_move_the_clock() {
    let house = House::new().await;
    let user = User::api("u1");
    house.says(&user, "Order").await;
    house.wait(299_000);
    let app = house.app_now().await;
    let state = house.chatflow.state(&app, &user).await.unwrap();
    assert_eq!(state.session.info.turn, 1);
    house.chatflow.patch(&app, &user, maru_scenario::Patch::default()).await.unwrap();
    house.says(&User::test("u1"), "hi").await;
    house.wait(1_001);
    assert_eq!(house.says(&user, "Latte").await, "Hello guest = start (timeout)");
    house.wait(299_000);
    house.chatflow.init(&app, &user, None).await.unwrap();
    house.wait(299_000);
    assert_eq!(house.says(&user, "Order").await, "Which? = menu");
}

#[tokio::test]
async fn whoever_talks_to_a_human_is_not_silent_and_comes_back_with_a_fresh_clock() {
    let house = House::new().await;
    let user = User::api("u1");
    assert_eq!(house.says(&user, "human").await, "A human comes = human (new)");
    house.wait(3_600_000);
    assert_eq!(house.says(&user, "are you there").await, " = human");
    house.wait(3_600_000);
    let app = house.app_now().await;
    let back = house.chatflow.come_back(&app, &user, true).await.unwrap();
    assert_eq!(told(&back), "Hello guest = start");
    house.wait(299_000);
    assert_eq!(house.says(&user, "Order").await, "Which? = menu");
    assert!(house.chatflow.come_back(&app, &user, true).await.is_err());
}

#[tokio::test]
async fn where_nobody_takes_over_the_user_comes_back_at_once() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    let input = Input::Message(UserMessage::text("human"));
    let asked = Asked { handoffs: false, ..Asked::default() };
    let answer = house.chatflow.turn(&app, &user, input, asked).await.unwrap();
    assert_eq!(told(&answer), "A human comes / Nobody is there / Hello guest = start (new)");
    assert_eq!(answer.handoff, None);
}

#[tokio::test]
async fn what_counts_is_when_a_message_came_and_not_when_it_is_handled() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    house.says(&user, "Order").await;
    house.wait(300_000);
    let came = house.hall.env().now();
    house.wait(3_600_000);
    let input = Input::Message(UserMessage::text("Latte"));
    let asked = Asked { at: Some(came), ..Asked::default() };
    let answer = house.chatflow.turn(&app, &user, input, asked).await.unwrap();
    assert_eq!(told(&answer), "Latte it is = again");
}
