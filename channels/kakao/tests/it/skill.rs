//! Maru as a skill of Open Builder.

use serde_json::{Value, json};

use crate::house::{House, texts};

/// A payload as the platform sends it to a deployed bot (§2.2), with this utterance.
pub(crate) fn payload(utterance: &str) -> Value {
    json!({
        "intent": {"id": "5e4f", "name": "폴백 블록", "extra": {"reason": {"code": 0, "message": "OK"}}},
        "userRequest": {
            "timezone": "Asia/Seoul", "utterance": utterance, "lang": "ko",
            "params": {"surface": "Kakaotalk.plusfriend", "ignoreMe": "true"},
            "block": {"id": "5e4f", "name": "폴백 블록"},
            "user": {
                "id": "f1e2d3c4b5", "type": "botUserKey",
                "properties": {
                    "plusfriendUserKey": "Czs7H_QxuB00", "plusfriend_user_key": "Czs7H_QxuB00",
                    "botUserKey": "f1e2d3c4b5", "bot_user_key": "f1e2d3c4b5", "isFriend": true,
                },
            },
        },
        "bot": {"id": "5e4e", "name": "Maru"},
        "action": {"id": "5e50", "name": "ask", "params": {}, "detailParams": {}, "clientExtra": null},
        "contexts": [{"name": "order", "lifespan": 3, "ttl": 60, "params": {}}],
        "flow": {"trigger": {"type": "TEXT_INPUT"}},
    })
}

#[tokio::test]
async fn a_recorded_payload_becomes_an_activity_and_is_answered() {
    let house = House::new().await;
    let answer = house.ask(&payload("안녕하세요")).await;
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(
        answer.json(),
        json!({
            "version": "2.0",
            "template": {"outputs": [{"simpleText": {"text": "You said 안녕하세요"}}]},
        })
    );
    let heard = house.last_heard();
    assert_eq!(heard["from"], json!({"id": "f1e2d3c4b5", "role": "user"}));
    assert_eq!(
        (&heard["locale"], &heard["localTimezone"]),
        (&json!("ko-KR"), &json!("Asia/Seoul"))
    );
    let data = &heard["channelData"]["kakao"];
    assert_eq!(data["contexts"][0]["name"], "order");
    assert_eq!(data["userRequest"]["user"]["properties"]["plusfriendUserKey"], "Czs7H_QxuB00");
    let members = house.hall.members(&*house.conversation().await).await.unwrap();
    assert!(members.iter().any(|member| member.account.id == "f1e2d3c4b5" && member.verified));
    // The builder's console: next to nothing, and a line break behind the words.
    let console = json!({"userRequest": {
        "utterance": "발화 내용\n", "lang": null,
        "user": {"id": "138401", "type": "accountId"}, "params": {"surface": "BuilderBotTest"},
    }});
    assert_eq!(texts(&house.asked(&console).await), ["You said 발화 내용"]);
}

#[tokio::test]
async fn without_the_secret_nobody_is_answered() {
    let house = House::new().await;
    let path = format!("/kakao/skill/{}", house.skill);
    let body = payload("hello").to_string();
    let wrong = format!("{}x", house.secret);
    for header in [None, Some(""), Some("x"), Some(wrong.as_str())] {
        let headers: Vec<(&str, &str)> =
            header.map(|value| (maru_kakao::skill::SECRET_HEADER, value)).into_iter().collect();
        let answer = house.call("POST", &path, &headers, body.clone()).await;
        assert_eq!(answer.status, 401, "{header:?}");
        assert_eq!(answer.json()["version"], "2.0");
    }
    let answer = house.call("POST", "/kakao/skill/nobody", &[], body).await;
    assert_eq!((answer.status, &answer.json()["version"]), (404, &json!("2.0")));
    let answer = house.call("GET", &path, &[], "").await;
    assert_eq!((answer.status, &answer.json()["version"]), (405, &json!("2.0")));
    assert!(house.heard("message").is_empty());
}

#[tokio::test]
async fn what_is_no_payload_is_refused_as_a_skill_would() {
    let house = House::new().await;
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({"userRequest": {"utterance": "x"}}),
        json!({"userRequest": {"utterance": "x", "user": {"id": ""}}}),
        json!({"userRequest": {"utterance": "x", "user": {"id": "a".repeat(300)}}}),
    ] {
        let answer = house.ask(&body).await;
        assert_eq!(answer.status, 400, "{body:.60}");
        assert_eq!(texts(&answer.json()), ["this is no skill payload"]);
    }
    let empty = house.asked(&payload(" \n")).await;
    assert_eq!(texts(&empty).len(), 1);
    assert!(house.heard("message").is_empty());
}

#[tokio::test]
async fn cards_side_by_side_with_the_same_label_are_told_apart() {
    let house = House::new().await;
    let card = |name: &str| {
        json!({
            "contentType": "application/vnd.microsoft.card.hero",
            "content": {
                "title": name, "text": "맛있어요", "images": [{"url": format!("https://x.example/{name}.png")}],
                "buttons": [
                    {"type": "postBack", "title": "주문하기", "value": {"menu": name}},
                    {"type": "openUrl", "title": "가게에서 보기 (새 창으로 열기)", "value": "https://x.example/"},
                    {"type": "call", "title": "전화", "value": "tel:02-123-4567"},
                ],
            },
        })
    };
    let said = json!([{"type": "message", "attachmentLayout": "carousel", "attachments": [card("kimbap"), card("ramyeon")]}]);
    let answer = house.asked(&payload(&said.to_string())).await;
    let carousel = &answer["template"]["outputs"][0]["carousel"];
    assert_eq!(carousel["type"], "basicCard");
    let item = &carousel["items"][1];
    assert_eq!(
        item["thumbnail"],
        json!({"imageUrl": "https://x.example/ramyeon.png", "altText": "사진"})
    );
    assert_eq!(item["buttons"][1]["webLinkUrl"], "https://x.example/");
    assert_eq!(item["buttons"][1]["label"], "가게에서 보기 (새 창으…");
    assert_eq!(
        item["buttons"][2],
        json!({"label": "전화", "action": "phone", "phoneNumber": "02-123-4567"})
    );
    // Each of the two presses says the same words; the builder hands the button's extra back.
    for (index, menu) in ["kimbap", "ramyeon"].into_iter().enumerate() {
        let button = &carousel["items"][index]["buttons"][0];
        assert_eq!(
            (&button["action"], &button["messageText"]),
            (&json!("message"), &json!("주문하기"))
        );
        let mut press = payload("주문하기");
        press["action"]["clientExtra"] = button["extra"].clone();
        house.asked(&press).await;
        let heard = house.last_heard();
        assert_eq!(heard["value"], json!({"menu": menu}));
        assert_eq!(heard["_shown"], "주문하기");
    }
}

#[tokio::test]
async fn quick_replies_and_contexts_go_out_in_kakaos_words() {
    let house = House::new().await;
    let said = json!([
        {"type": "message", "text": "Which?", "suggestedActions": {"actions": [
            {"type": "imBack", "title": "네", "value": "네"},
            {"type": "imBack", "title": "아니요, 다음에 다시 하겠습니다", "value": "no"},
            {"type": "openUrl", "title": "홈페이지", "value": "https://x.example/"},
        ]}, "channelData": {"kakao": {"context": {"values": [{"name": "c", "lifeSpan": 2}]}, "data": {"k": 1}}}},
    ]);
    let answer = house.asked(&payload(&said.to_string())).await;
    assert_eq!(
        answer["template"]["quickReplies"],
        json!([
            {"label": "네", "action": "message", "messageText": "네"},
            {"label": "아니요, 다음에 다시 하…", "action": "message", "messageText": "아니요, 다음에 다시 하…", "extra": {"maru": 0}},
        ])
    );
    let card = &answer["template"]["outputs"][0]["textCard"];
    assert_eq!(
        (&card["description"], &card["buttons"][0]["label"]),
        (&json!("Which?"), &json!("홈페이지"))
    );
    assert_eq!(answer["context"], json!({"values": [{"name": "c", "lifeSpan": 2, "params": {}}]}));
    assert_eq!(answer["data"], json!({"k": 1}));
    house.asked(&payload("아니요, 다음에 다시 하…")).await;
    assert_eq!(house.last_heard()["text"], "no");
    let own = json!([{"type": "message", "text": "fallback", "channelData": {"kakao": {"outputs": [
        {"itemCard": {"itemList": [{"title": "a", "description": "b"}]}},
    ]}}}]);
    let answer = house.asked(&payload(&own.to_string())).await;
    assert_eq!(answer["template"]["outputs"].as_array().unwrap().len(), 1);
    assert!(answer["template"]["outputs"][0]["itemCard"].is_object());
}

#[tokio::test]
async fn a_call_that_comes_twice_counts_once() {
    let house = House::new().await;
    let path = format!("/kakao/skill/{}", house.skill);
    let secret = (maru_kakao::skill::SECRET_HEADER, house.secret.as_str());
    for _ in 0..2 {
        let headers = [secret, ("x-request-id", "5f0c")];
        let answer = house.call("POST", &path, &headers, payload("once").to_string()).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(house.heard("message").len(), 1);
}

#[test]
fn a_new_skill_has_a_secret_and_settings_that_hold() {
    use maru_kakao::skill::{Settings, check_settings, import_secret, new_settings, rotate};
    let env = maru_activity::env::Env::system();
    let (mut settings, first) = new_settings(&env);
    assert_eq!(check_settings(&settings), Ok(()));
    let second = rotate(&mut settings, 1, &env).unwrap();
    let read = Settings::read(&settings).unwrap();
    assert!(
        read.secrets[0].matches(first.text.expose())
            && read.secrets[1].matches(second.text.expose())
    );
    assert!(rotate(&mut settings, 2, &env).is_err());
    // A key of the Event API is sealed, and the same one again changes nothing.
    let (folder, key) = (tempfile::tempdir().unwrap(), "rest-key".to_owned().into());
    let path = folder.path().join("instance.key");
    let instance = maru_accounts::InstanceKey::load_or_create(&path, &env).unwrap();
    import_secret(&mut settings, &key, &env, &instance).unwrap();
    let sealed = settings["event_key"].clone();
    import_secret(&mut settings, &key, &env, &instance).unwrap();
    assert_eq!(settings["event_key"], sealed);
    assert!(!sealed.to_string().contains("rest-key"));
    let wrong = import_secret(&mut settings, &"a b".to_owned().into(), &env, &instance);
    assert_eq!(wrong.unwrap_err().setting, "event_key");
    for (name, value) in [
        ("id", json!("a/b")),
        ("secret_header", json!("no header")),
        ("waiting_button", json!("열네 글자보다 조금 더 긴 단추")),
        ("callback_hosts", json!(["a b"])),
        ("callback_wait_secs", json!(60)),
        ("event_url", json!("ftp://x")),
        ("event_bot_id", json!("a/../b")),
    ] {
        let (mut settings, _) = new_settings(&env);
        settings.insert(name.to_owned(), value);
        assert_eq!(check_settings(&settings).unwrap_err().setting, name);
    }
}

#[test]
fn a_secret_that_is_written_as_text_is_not_quoted() {
    use maru_kakao::skill::{check_settings, new_settings};
    let env = maru_activity::env::Env::system();
    for (name, value) in
        [("secrets", json!("plain")), ("secrets", json!(["plain"])), ("event_key", json!("plain"))]
    {
        let mut settings = new_settings(&env).0;
        settings.insert(name.to_owned(), value);
        let error = check_settings(&settings).unwrap_err();
        assert_eq!(error.setting, name);
        assert!(error.problem.ends_with("cannot be set as text"), "{error}");
        assert!(!error.problem.contains("plain"), "{error}");
    }
}
