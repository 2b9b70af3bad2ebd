//! Whatever is typed.

use axum::http::StatusCode;
use serde_json::json;
use unicode_normalization::UnicodeNormalization as _;

use crate::house::House;

const HOME: [&str; 3] = ["#점심 선택", "#결과 보기", "#설정"];

#[tokio::test]
async fn hangul_is_the_same_in_syllables_and_in_letters() {
    let house = House::open();
    house.new_group("ara").await;
    let letters = |text: &str| text.nfd().collect::<String>();
    assert_ne!(letters("만둣집"), "만둣집");
    assert_eq!(house.say("ara", &letters("#설정")).await, house.say("ara", "#설정").await);
    house.say("ara", &letters("#추가 만둣집 Café")).await;
    let again = house.say("ara", "#추가 만둣집 café").await;
    assert_eq!(again.text, "이미 있는 식당입니다: 만둣집 café");
    let choice = house.say("ara", "#점심 선택").await;
    assert!(choice.buttons.contains(&"만둣집 Café".to_owned()), "{choice:?}");
    for typed in
        [letters("만둣집 CAFÉ"), "만둣집 café".to_owned(), " 만둣집\u{200b}  Café\n".into()]
    {
        assert!(house.say("ara", &typed).await.text.starts_with("오늘의 선택: 만둣집 Café"));
    }
}

#[tokio::test]
async fn any_text_is_answered_with_a_way_on() {
    let house = House::open();
    house.new_group("member").await;
    let long = "가".repeat(1_300);
    let odd = [
        "",
        " ",
        "\n\t",
        "\u{0}",
        "\u{3164}",
        "#",
        "##",
        "#없는 명령",
        "#추가",
        "#추가 ",
        "#삭제 없는 집",
        "안녕하세요",
        "100% 'OR 1=1; --",
        "{\"text\":1}",
        "<b>밥</b>",
        "👨‍🍳🍚",
        "AAAAAAAA",
        &long,
    ];
    for text in odd {
        // A member may be offered a button of their own, and whoever is in no group is led to one.
        house.say("member", text).await;
        house.say("guest", text).await;
    }
    for text in ["", "\u{3164}", "#", "#없는 명령", &long] {
        assert_eq!(house.say("member", text).await.buttons, HOME, "{text:?}");
    }
    for text in ["#점심 선택", "#결과 보기", "#설정", "국수집", "AAAAAAAA", "#네, 나갈게요"]
    {
        let guest = house.say("guest", text).await;
        assert_eq!(guest.buttons, ["#그룹 만들기", "#그룹 참여"], "{text:?}");
    }
    let choice = house.say("member", "#점심 선택").await;
    assert_eq!(choice.buttons.len(), 5, "nothing of it became a restaurant: {choice:?}");
}

#[tokio::test]
async fn a_name_is_short_and_is_no_command() {
    let house = House::open();
    house.new_group("ara").await;
    for name in ["#설정", &"밥".repeat(21)] {
        let answer = house.say("ara", &format!("#추가 {name}")).await;
        assert!(answer.text.starts_with("식당 이름은 스무 글자까지"), "{answer:?}");
    }
    house.say("ara", &format!("#추가 {}", "밥".repeat(20))).await;
    assert_eq!(house.say("ara", "#점심 선택").await.buttons.len(), 6);
}

#[tokio::test]
async fn what_is_no_text_is_answered_with_one() {
    let house = House::open();
    for kind in ["photo", "video", "audio", "", "sticker"] {
        let message = json!({"user_key": "k", "type": kind, "content": "https://media.example/1"});
        assert_eq!(house.message(&message).await.buttons, HOME);
    }
    assert_eq!(house.message(&json!({"user_key": "k"})).await.buttons, HOME);
}

#[tokio::test]
async fn what_no_platform_sends_is_refused() {
    let house = House::open();
    let long_key = json!({"user_key": "k".repeat(65), "type": "text", "content": "x"}).to_string();
    let no_key = json!({"user_key": "", "type": "text", "content": "x"}).to_string();
    for body in ["", "{", "[]", "{\"type\":\"text\"}", &long_key, &no_key] {
        let (status, answer) = house.call("POST", "/message", body.to_owned()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(100)), "{body}");
    }
    let huge = json!({"user_key": "k", "type": "text", "content": "x".repeat(40_000)}).to_string();
    assert_eq!(house.call("POST", "/message", huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}
