//! Who votes together, and on what.

use axum::http::StatusCode;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn the_five_endpoints_answer_as_the_platform_expects() {
    let house = House::open();
    let keyboard = house.call("GET", "/keyboard", String::new()).await;
    let home = json!({"type": "buttons", "buttons": ["#점심 선택", "#결과 보기", "#설정"]});
    assert_eq!(keyboard, (StatusCode::OK, home));
    let success = (StatusCode::OK, json!({"code": 0, "message": "SUCCESS"}));
    assert_eq!(house.call("POST", "/friend", json!({"user_key": "k"}).to_string()).await, success);
    assert_eq!(house.call("DELETE", "/friend/k", String::new()).await, success);
    assert_eq!(house.call("DELETE", "/chat_room/k", String::new()).await, success);
    let answer = house.say("k", "#처음으로").await;
    assert_eq!(answer.buttons, ["#점심 선택", "#결과 보기", "#설정"]);
}

#[tokio::test]
async fn two_people_of_one_group_see_each_others_votes() {
    let house = House::open();
    let code = house.new_group("ara").await;
    house.new_group("stranger").await;
    house.say("stranger", "국수집").await;
    assert!(house.say("bom", "#그룹 참여").await.buttons.is_empty(), "a code is typed");
    assert!(house.say("bom", &format!(" {} ", code.to_lowercase())).await.text.contains(&code));
    house.say("ara", "백반집").await;
    house.say("bom", "백반집").await;
    let results = house.say("ara", "#결과 보기").await;
    assert_eq!(results.lines()[..2], ["오늘의 점심: 2명 중 2명이 골랐습니다.", "1위 백반집 2표"]);
}

#[tokio::test]
async fn whoever_leaves_takes_their_vote_along() {
    let house = House::open();
    let code = house.new_group("ara").await;
    for user in ["bom", "dal"] {
        house.say(user, &code).await;
        house.say(user, "국수집").await;
    }
    // One goes to another group, and the other blocks the bot.
    let other = house.new_group("garam").await;
    house.say("bom", &other).await;
    house.call("DELETE", "/friend/dal", String::new()).await;
    let left = house.say("ara", "#결과 보기").await;
    assert_eq!(left.lines()[..2], ["오늘의 점심: 1명 중 0명이 골랐습니다.", "국수집 0표"]);
    let joined = house.say("bom", "#결과 보기").await;
    assert_eq!(joined.lines()[..2], ["오늘의 점심: 2명 중 0명이 골랐습니다.", "국수집 0표"]);

    // It takes two steps, and the last one closes the door.
    assert_eq!(house.say("ara", "#그룹 나가기").await.buttons, ["#네, 나갈게요", "#설정"]);
    house.say("ara", "#네, 나갈게요").await;
    assert_eq!(house.say("ara", &code).await.buttons, ["#그룹 만들기", "#그룹 참여"]);
}

#[tokio::test]
async fn an_unknown_name_can_be_added_by_a_button_and_removed_by_another() {
    let house = House::open();
    let code = house.new_group("ara").await;
    house.say("bom", &code).await;
    assert!(house.say("ara", "#식당 추가").await.buttons.is_empty(), "a name is typed");
    let offer = house.say("ara", "만둣집").await;
    assert_eq!(offer.buttons[0], "#추가 만둣집");
    house.say("ara", &offer.buttons[0]).await;
    house.say("bom", "만둣집").await;
    assert_eq!(house.say("ara", "#결과 보기").await.lines()[1], "1위 만둣집 1표");

    let removals = house.say("ara", "#식당 삭제").await.buttons;
    assert!(removals.contains(&"#삭제 만둣집".to_owned()), "{removals:?}");
    assert_eq!(house.say("ara", "#삭제 만둣집").await.text, "식당을 삭제했습니다: 만둣집 (1표)");
    let results = house.say("bom", "#결과 보기").await;
    assert_eq!(results.lines()[..2], ["오늘의 점심: 2명 중 0명이 골랐습니다.", "국수집 0표"]);
    // An old button still says what it means.
    assert_eq!(house.say("bom", "만둣집").await.buttons[0], "#추가 만둣집");
}

#[tokio::test]
async fn a_group_has_twenty_restaurants_and_all_fit_into_an_answer() {
    let house = House::open();
    house.new_group("ara").await;
    for number in 0..18 {
        house.say("ara", &format!("#추가 {number:02}{}", "밥".repeat(18))).await;
    }
    let full = house.say("ara", "#추가 하나 더").await;
    assert_eq!(full.text, "식당은 20곳까지 추가할 수 있습니다.");
    assert_eq!(house.say("ara", "#점심 선택").await.buttons.len(), 22);
    assert_eq!(house.say("ara", "#결과 보기").await.lines().len(), 21);
}
