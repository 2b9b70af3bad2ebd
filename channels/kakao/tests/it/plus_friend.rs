//! Maru as the partner's server of Plus Friend.

use maru_activity::ActivityId;
use maru_hall::PostOp;
use maru_testkit::{Reply, ScriptedBot};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use crate::house::House;

const WAITING: &str = "답변 확인";

fn list(answers: &[Value]) -> String {
    Value::from(answers.to_vec()).to_string()
}

fn say(text: &str) -> Value {
    json!({"type": "message", "text": text})
}

#[tokio::test]
async fn the_calls_of_the_seed_are_answered() {
    let home = ["#점심 선택", "#결과 보기", "#설정"];
    let house = House::with(json!({"home_keyboard": home}), json!({})).await;
    let keyboard = house.partner("GET", "/keyboard", "").await;
    assert_eq!(keyboard.status, 200);
    assert_eq!(keyboard.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(keyboard.json(), json!({"type": "buttons", "buttons": home}));
    let body = r##"{"user_key":"encryptedUserKey","type":"text","content":"차량번호등록"}"##;
    let answer = house.partner("POST", "/message", body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let expected = r#"{"message":{"text":"You said 차량번호등록"},"keyboard":{"type":"text"}}"#;
    assert_eq!(answer.text(), expected);
    let heard = house.last_heard();
    assert_eq!(heard["from"], json!({"id": "encryptedUserKey", "role": "user"}));
    assert_eq!(house.heard("conversationUpdate").len(), 1);
    // A keyboard to write with, where none is configured.
    let plain = House::new().await;
    assert_eq!(plain.partner("GET", "/keyboard", "").await.text(), r#"{"type":"text"}"#);
}

#[tokio::test]
async fn several_bubbles_are_one_with_the_first_picture_and_the_first_link() {
    let house = House::new().await;
    let card = json!({
        "contentType": "application/vnd.microsoft.card.hero",
        "content": {
            "title": "Kimbap", "text": "9,000",
            "images": [{"url": "https://x.example/k.png"}],
            "buttons": [
                {"type": "openUrl", "title": "Menu", "value": "https://x.example/menu"},
                {"type": "imBack", "title": "주문", "value": "order kimbap"},
            ],
        },
    });
    let answer = house
        .says(&list(&[
            say("First"),
            json!({"type": "typing"}),
            json!({"type": "message", "text": "Second", "attachments": [card]}),
            json!({"type": "message", "text": "Third", "suggestedActions": {"actions": [
                {"type": "imBack", "title": "네", "value": "네"},
            ]}}),
        ]))
        .await;
    assert_eq!(
        answer,
        json!({
            "message": {
                "text": "First\n\nSecond\n\nKimbap\n9,000\n\nThird",
                "photo": {"url": "https://x.example/k.png", "width": 720, "height": 630},
                "message_button": {"label": "Menu", "url": "https://x.example/menu"},
            },
            "keyboard": {"type": "buttons", "buttons": ["네", "주문"]},
        })
    );
    house.says("주문").await;
    let heard = house.last_heard();
    assert_eq!((&heard["text"], &heard["_shown"]), (&json!("order kimbap"), &json!("주문")));
}

#[tokio::test]
async fn a_press_means_what_was_offered_in_nfc_and_nfd_and_by_its_number() {
    let house = House::new().await;
    let actions: Vec<Value> = (0..102)
        .map(|n| json!({"type": "postBack", "title": format!("메뉴 {n}"), "value": {"menu": n}}))
        .collect();
    let offer =
        json!({"type": "message", "text": "Choose", "suggestedActions": {"actions": actions}});
    let answer = house.says(&list(&[offer])).await;
    assert_eq!(answer["keyboard"]["buttons"].as_array().unwrap().len(), 100);
    assert_eq!(answer["message"]["text"], "Choose\n\n101. 메뉴 100\n102. 메뉴 101");
    let nfd: String = "메뉴 7".nfd().collect();
    for (said, menu) in [("메뉴 7", 7), (&nfd, 7), ("102", 101), ("메뉴 100", 100)] {
        // Each answer to a press offers nothing, so the numbers are those of the last list.
        let offer =
            json!({"type": "message", "text": "Choose", "suggestedActions": {"actions": actions}});
        house.says(&list(&[offer])).await;
        house.says(said).await;
        let heard = house.last_heard();
        assert_eq!(heard["value"], json!({"menu": menu}), "{said}");
        assert_eq!(heard["text"], json!({"menu": menu}).to_string());
    }
    // What was not offered is what it says.
    house.says("메뉴 999").await;
    assert_eq!(house.last_heard()["text"], "메뉴 999");
    // Long Korean text is cut between syllables in both forms.
    let nfd: String = "가나다".repeat(300).nfd().collect();
    let answer = house.says(&list(&[say(&nfd)])).await;
    let whole: String = answer["message"]["text"].as_str().unwrap().nfc().collect();
    assert!("가나다".repeat(300).starts_with(whole.strip_suffix('…').unwrap()));
}

#[tokio::test]
async fn a_slow_bot_is_asked_again_by_a_button() {
    let house = House::new().await;
    let gate = house.keep_waiting().await;
    let answer = house.says("wait").await;
    assert_eq!(answer["keyboard"]["buttons"], json!([WAITING]));
    assert!(answer["message"]["text"].as_str().unwrap().contains("준비"));
    // Still nothing.
    assert_eq!(house.says(WAITING).await["keyboard"]["buttons"], json!([WAITING]));
    drop(gate);
    let answer = house.says(WAITING).await;
    assert_eq!(answer["message"]["text"], "At last");
    assert_eq!(house.heard("message").len(), 1, "asking again is no message");
    // What came late goes in front of the answer to the next word, once.
    let gate = house.keep_waiting().await;
    house.says("wait").await;
    drop(gate);
    house.bot_said(2).await;
    assert_eq!(house.says("hello").await["message"]["text"], "At last\n\nYou said hello");
    assert_eq!(house.says("again").await["message"]["text"], "You said again");
}

#[tokio::test]
async fn what_the_bot_changed_meanwhile_is_said_as_it_stands() {
    let house = House::new().await;
    house.says("hello").await;
    let gate = house.keep_waiting().await;
    let changing = async {
        while house.last_heard()["text"] != "wait" {
            tokio::task::yield_now().await;
        }
        for text in ["before", "gone", "left"] {
            house.bot_says(&say(text)).await;
        }
        house.bot_does(PostOp::Update(ActivityId::Pos(3)), &say("after")).await;
        house.bot_does(PostOp::Delete(ActivityId::Pos(4)), &json!({"type": "messageDelete"})).await;
        drop(gate);
    };
    let (answer, ()) = tokio::join!(house.says("wait"), changing);
    assert_eq!(answer["message"]["text"], "after\n\nleft\n\nAt last");
}

#[tokio::test]
async fn two_taps_in_flight_are_answered_once_each() {
    let house = House::new().await;
    house.says("hello").await;
    let (one, other) = tokio::join!(house.says("one"), house.says("two"));
    let mut said = [one["message"]["text"].clone(), other["message"]["text"].clone()];
    said.sort_by_key(ToString::to_string);
    assert_eq!(said, ["You said one", "You said two"]);
}

#[tokio::test]
async fn a_bot_that_fails_is_excused() {
    let house = House::new().await;
    let answer = house.says("fail").await;
    assert!(answer["message"]["text"].as_str().unwrap().contains("다시"), "{answer}");
    assert_eq!(answer["keyboard"], json!({"type": "text"}));
}

#[tokio::test]
async fn friends_and_rooms_come_and_go() {
    let house = House::new().await;
    let success = r#"{"code":0,"message":"SUCCESS"}"#;
    let key = "Czs7H_QxuB00";
    let body = json!({"user_key": key}).to_string();
    for (method, path, body) in [
        ("POST", "/friend".to_owned(), body.as_str()),
        ("POST", "/friend".to_owned(), &body),
        ("DELETE", format!("/friend/{key}"), ""),
        ("DELETE", "/friend".to_owned(), &body),
        ("DELETE", format!("/chat_room/{key}"), ""),
        // Someone that nobody knows any more, or never did.
        ("DELETE", format!("/chat_room/{key}"), ""),
        ("DELETE", "/friend/never".to_owned(), ""),
    ] {
        let answer = house.partner(method, &path, body).await;
        assert_eq!((answer.status, &*answer.text()), (200, success), "{method} {path}");
    }
    house.says("hello").await;
    let actions: Vec<Value> =
        house.heard("contactRelationUpdate").iter().map(|heard| heard["action"].clone()).collect();
    assert_eq!(actions, ["add", "remove", "remove"]);
    assert_eq!(house.heard("endOfConversation").len(), 1);
    // Once when the friend was added, once for the new conversation.
    assert_eq!(house.heard("conversationUpdate").len(), 2);
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_in_the_protocols_own_words() {
    let house = House::new().await;
    let bad_request = (400, json!({"code": 100, "message": "bad request"}));
    let long = format!(r#"{{"user_key":"u","content":"{}"}}"#, "x".repeat(70_000));
    for body in ["", "no json", "[]", "{}", r#"{"user_key":""}"#, r#"{"user_key":{}}"#, &long] {
        let answer = house.partner("POST", "/message", body).await;
        assert_eq!((answer.status, answer.json()), bad_request, "{body:.40}");
    }
    // Once it is known who speaks, there is always something to read.
    for body in [
        r#"{"user_key":"u","type":"text","content":"  "}"#,
        r#"{"user_key":"u","type":"hologram","content":"x"}"#,
        r#"{"user_key":"u"}"#,
    ] {
        let answer = house.partner("POST", "/message", body).await;
        assert_eq!(answer.status, 200, "{body}");
        assert!(answer.json()["message"]["text"].is_string(), "{body}");
    }
    let marked = "\u{feff}{\"user_key\":7,\"type\":\"text\",\"content\":\"bom\"}";
    assert_eq!(house.partner("POST", "/message", marked).await.status, 200);
    assert_eq!(house.last_heard()["text"], "bom");
    assert_eq!(house.partner("POST", "/keyboard", "").await.status, 405);
    assert_eq!(house.partner("POST", "/friend", "{}").await.status, 400);
    let wrong_url = (400, json!({"code": 202, "message": "wrong bot url"}));
    let answer = house.partner("GET", "/nothing", "").await;
    assert_eq!((answer.status, answer.json()), wrong_url);
    let answer = house.call("GET", "/kakao/plus-friend/nobody/keyboard", &[], "").await;
    assert_eq!((answer.status, answer.json()), wrong_url);
}

#[tokio::test]
async fn only_who_is_listed_may_call_and_a_trusted_proxy_speaks_for_others() {
    let house = House::with(json!({"callers": ["kakao", "198.51.100.0/24"]}), json!({})).await;
    let path = format!("/kakao/plus-friend/{}/keyboard", house.friend);
    for (forwarded, status) in [
        (None, 400),
        (Some("110.76.143.234"), 200),
        (Some("110.76.143.237"), 400),
        (Some("110.76.143.236, 203.0.113.9"), 400),
        (Some("203.0.113.9, 110.76.143.236"), 200),
        (Some("198.51.100.7"), 200),
    ] {
        let headers: Vec<(&str, &str)> =
            forwarded.map(|by| ("x-forwarded-for", by)).into_iter().collect();
        let answer = house.call("GET", &path, &headers, "").await;
        assert_eq!(answer.status, status, "{forwarded:?}");
    }
}

#[tokio::test]
async fn photos_are_kept_before_their_links_die() {
    let kakao = ScriptedBot::start().await;
    let origin = kakao.url().strip_suffix("/api/messages").unwrap().to_owned();
    let house = House::with(json!({"media_hosts": [origin]}), json!({})).await;
    let photo = |url: &str| json!({"user_key": "u", "type": "photo", "content": url}).to_string();
    kakao.then(Reply::status(200).with_body("image/jpeg", "jpeg's bytes"));
    let url = format!("{origin}/dn/number.jpg?x=1");
    assert_eq!(house.partner("POST", "/message", &photo(&url)).await.status, 200);
    let attachment = house.last_heard()["attachments"][0].clone();
    assert_eq!(
        (&attachment["contentType"], &attachment["name"]),
        (&json!("image/jpeg"), &json!("number.jpg"))
    );
    let blob = attachment["contentUrl"].as_str().unwrap().strip_prefix("blob:").unwrap().to_owned();
    let file = house.call("GET", &format!("/kakao/files/{blob}"), &[], "").await;
    assert_eq!((file.status, file.text()), (200, "jpeg's bytes".to_owned()));
    assert_eq!(house.call("GET", "/kakao/files/nothing", &[], "").await.status, 404);
    // What is no picture stays where it is, and so does what is elsewhere.
    kakao.then(Reply::status(200).with_body("text/html", "<html>"));
    house.partner("POST", "/message", &photo(&url)).await;
    assert_eq!(house.last_heard()["attachments"][0]["contentUrl"], url);
    let heard = kakao.heard().len();
    let elsewhere = "http://127.0.0.1:1/x.jpg";
    house.partner("POST", "/message", &photo(elsewhere)).await;
    assert_eq!(house.last_heard()["attachments"][0]["contentUrl"], elsewhere);
    assert_eq!(kakao.heard().len(), heard);
}

#[test]
fn settings_that_cannot_hold_are_refused_by_name() {
    use maru_kakao::plus_friend::{check_settings, new_settings};
    let env = maru_activity::env::Env::system();
    assert_eq!(check_settings(&new_settings(&env)), Ok(()));
    for (name, value) in [
        ("id", json!("short")),
        ("budget_ms", json!(5_000)),
        ("callers", json!(["nowhere"])),
        ("home_keyboard", json!([""])),
        ("waiting_button", json!(" ")),
        ("media_hosts", json!(["https://x.example/path"])),
        ("media_bytes_max", json!(1)),
        ("unknown", json!(1)),
    ] {
        let mut settings = new_settings(&env);
        settings.insert(name.to_owned(), value);
        assert_eq!(check_settings(&settings).unwrap_err().setting, name);
    }
}

#[tokio::test]
async fn an_erased_user_has_left_nothing_and_begins_anew() {
    let house = House::new().await;
    house.says("hello").await;
    let conversation = house.conversation().await;
    let kept = || house.hall.states(&conversation.realm, "kakao/user", None, 9);
    assert_eq!(kept().await.unwrap().items.len(), 1);
    let user = house.last_heard()["from"]["id"].as_str().unwrap().to_owned();
    let whom = maru_hall::Whom::Participant(conversation.channel.clone(), user);
    house.hall.erase(&conversation.realm, &whom).await.unwrap();
    assert!(kept().await.unwrap().items.is_empty());
    house.says("hello").await;
    let all = house.hall.conversations(&conversation.realm, None, None, 9).await.unwrap();
    assert_eq!(all.items.len(), 2);
}
