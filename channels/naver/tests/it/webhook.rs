//! What TalkTalk calls.

use maru_testkit::Reply;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use crate::house::{House, USER, a_while};

#[tokio::test]
async fn a_users_words_are_taken_at_once_and_answered_by_the_send_api() {
    let house = House::new().await;
    house.says("안녕하세요").await;
    let heard = house.talktalk.wait_for(1).await;
    assert_eq!(heard[0].target, "/chatbot/v1/event");
    assert_eq!(heard[0].headers["authorization"], "ct_wc8bd0");
    assert_eq!(
        heard[0].body,
        json!({"event": "send", "user": USER, "textContent": {"text": "You said 안녕하세요"}})
    );
    let said = house.hears(1).await;
    assert_eq!(said["from"], json!({"id": USER, "role": "user"}));
    assert_eq!(said["channelData"]["naver"]["textContent"]["inputType"], "typing");
    assert!(said["channelData"]["naver"].get("user").is_none());
    assert_eq!(house.heard("conversationUpdate").len(), 1);
}

#[tokio::test]
async fn a_press_says_its_code() {
    let house = House::new().await;
    let press = |code: &str| json!({"event": "send", "textContent": {"text": "주문", "code": code, "inputType": "button"}});
    house.happens(press("order kimbap")).await;
    let said = house.hears(1).await;
    assert_eq!((&said["text"], &said["_shown"]), (&json!("order kimbap"), &json!("주문")));
    house.happens(press(r#"{"menu":1}"#)).await;
    assert_eq!(house.hears(2).await["value"], json!({"menu": 1}));
}

#[tokio::test]
async fn what_has_no_room_in_a_code_is_known_by_its_title_or_number() {
    let house = House::new().await;
    let mut actions: Vec<Value> = (1..=10)
        .map(|n| json!({"type": "imBack", "title": format!("{n}번"), "value": "x".repeat(1_500 + n)}))
        .collect();
    actions.push(json!({"type": "imBack", "title": "열한번", "value": "eleven"}));
    let ask = json!([{"type": "message", "text": "?", "suggestedActions": {"actions": actions}}]);
    house.says(&ask.to_string()).await;
    let sent = house.sent(2).await;
    assert_eq!(sent[1]["textContent"]["text"], "11. 열한번");
    let quick = &sent[1]["textContent"]["quickReply"]["buttonList"];
    assert_eq!(quick[2], json!({"type": "TEXT", "data": {"title": "3번"}}));
    let nfd: String = "3번".nfd().collect();
    house.says(&nfd).await;
    assert_eq!(house.hears(2).await["text"], "x".repeat(1_503));
    house.says(&ask.to_string()).await;
    house.sent(5).await;
    house.says("11").await;
    assert_eq!(house.hears(4).await["text"], "eleven");
}

#[tokio::test]
async fn pictures_are_kept_before_their_links_die() {
    let house = House::new().await;
    house.talktalk.then(Reply::status(200).with_body("image/png", "png's bytes"));
    let url = format!("{}/a.png?type=x", house.origin());
    house.happens(json!({"event": "send", "imageContent": {"imageUrl": url}})).await;
    let attachment = house.hears(1).await["attachments"][0].clone();
    let blob = attachment["contentUrl"].as_str().unwrap().strip_prefix("blob:").unwrap();
    let file = house.call("GET", &format!("/naver/files/{blob}"), &[], "").await;
    assert_eq!((file.status, file.text()), (200, "png's bytes".to_owned()));
}

#[tokio::test]
async fn rooms_and_friends_come_and_go() {
    let house = House::new().await;
    let open = json!({"event": "open", "options": {"inflow": "list", "under14": false}});
    house.happens(open.clone()).await;
    house.happens(open).await;
    house.happens(json!({"event": "friend", "options": {"set": "on"}})).await;
    house.happens(json!({"event": "friend", "options": {"set": "off"}})).await;
    house.happens(json!({"event": "handover", "options": {"control": "takeThread"}})).await;
    house.happens(json!({"event": "leave"})).await;
    house.happens(json!({"event": "leave"})).await;
    house.says("hello").await;
    let names: Vec<Value> =
        house.heard("event").iter().map(|event| event["name"].clone()).collect();
    assert_eq!(names, ["open", "handover"]);
    assert_eq!(house.heard("event")[0]["value"]["inflow"], "list");
    let actions: Vec<Value> =
        house.heard("contactRelationUpdate").iter().map(|heard| heard["action"].clone()).collect();
    assert_eq!(actions, ["add", "remove"]);
    assert_eq!(house.heard("endOfConversation").len(), 1);
    assert_eq!(house.heard("conversationUpdate").len(), 2);
}

#[tokio::test]
async fn the_bots_own_echo_and_what_is_said_to_a_human_are_left_alone() {
    let house = House::new().await;
    let words = json!({"text": "hello"});
    house
        .happens(
            json!({"event": "echo", "echoedEvent": "send", "partner": "wc", "textContent": words}),
        )
        .await;
    house.happens(json!({"event": "send", "standby": true, "textContent": words})).await;
    house.happens(json!({"event": "profile", "options": {"result": "SUCCESS"}})).await;
    house.happens(json!({"event": "send", "compositeContent": {}})).await;
    assert_eq!(house.hook(&json!({"event": "persistentMenu"})).await.status, 200);
    a_while().await;
    assert!(house.heard("message").is_empty());
    assert_eq!(house.sent_so_far(), 0);
}

#[tokio::test]
async fn what_is_no_event_is_answered_in_the_protocols_own_words() {
    let house = House::new().await;
    let path = format!("/naver/{}", house.id);
    for body in ["", "x", "[]", "{}", r#"{"event":"send"}"#, r#"{"event":"open","user":""}"#] {
        let answer = house.call("POST", &path, &[], body).await;
        let is_ignored = body == r#"{"event":"send"}"#;
        let status = if is_ignored { 200 } else { 400 };
        assert_eq!(answer.status, status, "{body}");
        if !is_ignored {
            assert_eq!(answer.json()["resultCode"], "02");
        }
    }
    let user = format!(r#"{{"event":"open","user":"{}"}}"#, "x".repeat(200));
    assert_eq!(house.call("POST", &path, &[], user).await.status, 400);
    assert_eq!(house.call("POST", &path, &[], "x".repeat(300_000)).await.status, 413);
    let answer = house.call("POST", "/naver/nobody", &[], "{}").await;
    assert_eq!((answer.status, &answer.json()["success"]), (404, &json!(false)));
    assert_eq!(house.call("GET", &path, &[], "").await.status, 405);
}

#[tokio::test]
async fn only_talktalk_may_call_where_that_is_wanted() {
    let house = House::with(json!({"callers": ["naver"]})).await;
    let path = format!("/naver/{}", house.id);
    let body = json!({"event": "echo"}).to_string();
    for (forwarded, status) in [
        (None, 404),
        (Some("211.249.40.1"), 200),
        (Some("211.249.40.32"), 404),
        (Some("220.230.168.31"), 200),
        (Some("211.249.68.7, 203.0.113.9"), 404),
    ] {
        let headers: Vec<(&str, &str)> =
            forwarded.map(|by| ("x-forwarded-for", by)).into_iter().collect();
        assert_eq!(
            house.call("POST", &path, &headers, body.clone()).await.status,
            status,
            "{forwarded:?}"
        );
    }
}

#[test]
fn settings_that_cannot_hold_are_refused_by_name() {
    use maru_naver::{check_settings, new_settings};
    let env = maru_activity::env::Env::system();
    assert_eq!(check_settings(&new_settings(&env)), Ok(()));
    for (name, value) in [
        ("id", json!("a/b")),
        ("callers", json!(["nowhere"])),
        ("failed_text", json!("")),
        ("media_hosts", json!(["a b"])),
        ("media_bytes_max", json!(0)),
        ("api_url", json!("https://gw.talk.naver.com/")),
        ("unknown", json!(1)),
    ] {
        let mut settings = new_settings(&env);
        settings.insert(name.to_owned(), value);
        assert_eq!(check_settings(&settings).unwrap_err().setting, name);
    }
}

#[test]
fn a_secret_that_is_written_as_text_is_not_quoted() {
    use maru_naver::{check_settings, new_settings};
    let env = maru_activity::env::Env::system();
    let mut settings = new_settings(&env);
    settings.insert("authorization".to_owned(), json!("plain"));
    let error = check_settings(&settings).unwrap_err();
    assert_eq!(error.to_string(), "authorization: is kept sealed, and cannot be set as text");
}

#[tokio::test]
async fn an_erased_user_has_left_nothing_and_begins_anew() {
    let house = House::new().await;
    house.says("hello").await;
    house.sent(1).await;
    let conversation = house.conversation().await;
    let kept = || house.hall.states(&conversation.realm, "naver/user", None, 9);
    assert_eq!(kept().await.unwrap().items.len(), 1);
    let user = house.hears(1).await["from"]["id"].as_str().unwrap().to_owned();
    let whom = maru_hall::Whom::Participant(conversation.channel.clone(), user);
    house.hall.erase(&conversation.realm, &whom).await.unwrap();
    assert!(kept().await.unwrap().items.is_empty());
    house.says("hello").await;
    let all = house.hall.conversations(&conversation.realm, None, None, 9).await.unwrap();
    assert_eq!(all.items.len(), 2);
}
