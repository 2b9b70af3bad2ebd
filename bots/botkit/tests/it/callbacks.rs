//! What a BotKit server calls back with.

use maru_activity::{Kind, Role, Viewer};
use maru_hall::{Conversation, Place};
use serde_json::{Value, json};

use crate::house::{House, realm};
use crate::server::{Told, call_back, call_base, get};

/// A house with a server that does nothing, a conversation in it, and the event of its first message.
async fn talk(settings: Value) -> (House, std::sync::Arc<Conversation>, Told) {
    let mut all = json!({"events": false});
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let house = House::silent(all).await;
    let conversation = house.begin().await;
    house.says(&conversation, "Hi").await;
    let told = house.server.wait_for("on_user_message", 1).await;
    (house, conversation, told)
}

#[tokio::test]
async fn templates_are_kept_as_they_came_and_said_in_portable_words_too() {
    let (house, conversation, told) = talk(json!({})).await;
    let inner = json!({
        "template_type": "button", "text": "Which?",
        "buttons": [{"type": "postback", "title": "One", "payload": "1"}],
    });
    let outer = json!({"type": "template", "payload": inner});
    let twice = json!({"type": "template", "payload": outer});
    let override_with = |body: Value, is_template: bool| json!({"message": "not this", "overrideMessagePayload": {"body": body, "isTemplate": is_template}});
    for changes in [
        json!({"message": outer.to_string()}),
        json!({"message": outer}),
        json!({"message": inner.to_string(), "isTemplate": true}),
        override_with(outer.to_string().into(), true),
        override_with(twice.clone(), true),
    ] {
        let said = call_back(&told, "sendUserMessageUrl", changes.clone()).await;
        assert_eq!(said.status, 200, "{changes}");
    }
    let shown = house.shown(&conversation).await;
    assert_eq!(shown.len(), 6);
    for shown in &shown[1..] {
        let native = shown.meta.native.as_ref().unwrap();
        assert_eq!((native.protocol.as_str(), &native.body), ("kore", &outer));
        let said: Value = serde_json::from_slice(&shown.body).unwrap();
        let card = &said["attachments"][0]["content"];
        let button =
            json!({"type": "messageBack", "title": "One", "text": "1", "displayText": "One"});
        assert_eq!((&card["text"], &card["buttons"][0]), (&json!("Which?"), &button));
    }
}

#[tokio::test]
async fn several_messages_in_one_are_said_in_order_and_nothing_says_nothing() {
    let (house, conversation, told) = talk(json!({})).await;
    for message in [json!(["one", "", "two"]), json!(""), Value::Null, json!([]), json!(3)] {
        let said = call_back(&told, "sendUserMessageUrl", json!({"message": message})).await;
        assert_eq!(said.status, 200);
    }
    let override_text = json!({"body": "{four}", "isTemplate": false});
    let changes = json!({"message": "x", "overrideMessagePayload": override_text});
    assert_eq!(call_back(&told, "sendUserMessageUrl", changes).await.status, 200);
    assert_eq!(house.texts(&conversation).await, ["Hi", "one", "two", "3", "{four}"]);
}

#[tokio::test]
async fn a_request_id_is_good_for_late_answers() {
    let (house, conversation, told) = talk(json!({})).await;
    house.says(&conversation, "And?").await;
    house.server.wait_for("on_user_message", 2).await;
    assert_eq!(call_base(&told, "extendcallid", json!({})).await.status, 200);
    call_back(&told, "sendUserMessageUrl", json!({"message": "late"})).await;
    let seen = house.seen(&conversation).await;
    assert_eq!(seen[2]["replyToId"], format!("{}|0000000", conversation.id));
}

#[tokio::test]
async fn what_is_skipped_is_taken_and_nothing_is_said() {
    let (house, conversation, told) = talk(json!({})).await;
    for url in ["skipUserMessageUrl", "skipBotMessageUrl"] {
        assert_eq!(call_back(&told, url, json!({})).await.status, 200);
    }
    assert_eq!(house.texts(&conversation).await, ["Hi"]);
}

#[tokio::test]
async fn what_a_bots_code_puts_into_the_session_is_there_the_next_time() {
    let (house, conversation, told) = talk(json!({})).await;
    let mut context = told.body["context"].clone();
    context["session"]["BotUserSession"]["cart"] = json!([1, 2]);
    context["session"]["UserSession"]["vip"] = json!(true);
    call_back(&told, "sendUserMessageUrl", json!({"message": "ok", "context": context})).await;
    house.says(&conversation, "more").await;
    let next = house.server.wait_for("on_user_message", 2).await;
    let session = &next.body["context"]["session"];
    assert_eq!(session["BotUserSession"]["cart"], json!([1, 2]));
    assert_eq!(session["UserSession"], json!({"vip": true}));
    let last = &session["BotUserSession"]["lastMessage"]["messagePayload"]["message"]["body"];
    assert_eq!(last, "more", "what the server puts in is its own");

    let cleared = call_back(&next, "clearConversationSessionUrl", json!({})).await;
    assert_eq!(cleared.status, 200);
    let seen = house.seen(&conversation).await;
    assert_eq!(seen.last().unwrap()["type"], "endOfConversation");
    house.says(&conversation, "again").await;
    let next = house.server.wait_for("on_user_message", 3).await;
    assert_eq!(next.body["context"]["session"]["BotUserSession"].get("cart"), None);
}

#[tokio::test]
async fn the_history_is_counted_from_the_newest_message() {
    let (house, conversation, told) = talk(json!({})).await;
    for number in 1..=24 {
        let said = json!({"message": format!("answer {number}")});
        call_back(&told, "sendUserMessageUrl", said).await;
        house.posts(&conversation, json!({"type": "event", "name": "no message"})).await;
    }
    let template = json!({"type": "template", "payload": {"template_type": "button", "text": "t"}});
    call_back(&told, "sendUserMessageUrl", json!({"message": template})).await;
    let user = told.body["channel"]["channelInfos"]["from"].as_str().unwrap();
    let base = told.body["baseUrl"].as_str().unwrap();
    let page = async |query: &str| {
        let got = get(&format!("{base}/getMessages?{query}&userId={user}"), &[]).await;
        assert_eq!(got.status, 200, "{}", got.text());
        got.json()
    };
    let text =
        |message: &Value| message["components"][0]["data"]["text"].as_str().unwrap().to_owned();
    let first = page("skip=0&limit=10").await;
    let messages = first["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &first["moreAvailable"]), (10, &json!(true)));
    assert_eq!(text(&messages[0]), template.to_string());
    assert_eq!(text(&messages[1]), "answer 24");
    let last = page("skip=20&limit=10").await;
    let messages = last["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &last["moreAvailable"]), (6, &json!(false)));
    assert_eq!((text(&messages[5]).as_str(), &messages[5]["type"]), ("Hi", &json!("incoming")));
    assert_eq!(
        (text(&messages[4]).as_str(), &messages[4]["type"]),
        ("answer 1", &json!("outgoing"))
    );
    let created = messages[5]["createdOn"].as_str().unwrap();
    assert_eq!((created.len(), created.ends_with('Z')), ("2026-01-01T00:00:00.000Z".len(), true));
    assert_eq!(page("skip=0").await["messages"].as_array().unwrap().len(), 20);
    assert_eq!(page("skip=100&limit=5").await["messages"], json!([]));
}

#[tokio::test]
async fn variables_are_given_in_the_language_asked_for() {
    let variables = json!({"brand": "Maru", "hello": {"en": "Hello", "de": "Hallo"}});
    let (_house, _, told) = talk(json!({"variables": variables})).await;
    let url = told.body["getBotVariableUrl"].as_str().unwrap();
    let pairs = |answer: Value| -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let variables = answer["variables"].as_array().unwrap().iter();
        variables.map(|v| (text(&v["key"]), text(&v["value"]), text(&v["variableType"]))).collect()
    };
    let env = ("brand".to_owned(), "Maru".to_owned(), "env".to_owned());
    for (language, hello) in [("en", Some("Hello")), ("de", Some("Hallo")), ("ko", None)] {
        let got = get(url, &[("bot-language", language)]).await.json();
        let locale = hello.map(|hello| ("hello".to_owned(), hello.to_owned(), "locale".to_owned()));
        assert_eq!(pairs(got), [env.clone()].into_iter().chain(locale).collect::<Vec<_>>());
    }
    assert_eq!(get(url, &[]).await.json()["count"], 2);
}

#[tokio::test]
async fn feedback_is_for_operators_alone() {
    let (house, conversation, told) = talk(json!({})).await;
    let changes = json!({"feedbackData": {"name": "csat", "score": 5}});
    let noted = call_back(&told, "sendFeedbackMessageUrl", changes).await;
    assert_eq!(noted.status, 200, "{}", noted.text());
    assert_eq!(house.shown(&conversation).await.len(), 1);
    let all = house.hall.read(&conversation, Viewer::Operator, Place::Seq(0), 100).await.unwrap();
    let noted = all.shown.last().unwrap();
    assert_eq!((&noted.kind, noted.role), (&Kind::Trace, Role::Bot));
    let noted: Value = serde_json::from_slice(&noted.body).unwrap();
    assert_eq!(noted["value"], json!({"name": "csat", "score": 5}));
    assert!(house.hall.directory().bot(&realm(), &"kit".into()).is_some());
}
