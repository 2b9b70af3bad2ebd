//! What the bot says to what it is handed.

use std::time::Duration;

use maru_activity::{DeliveryId, Role, Timestamp};
use maru_hall::Conversation;
use serde_json::{Map, Value};

use super::*;

fn record(settings: Value) -> BotRecord {
    let Value::Object(settings) = settings else { unreachable!("settings are an object") };
    BotRecord {
        id: "echo".into(),
        realm: "default".into(),
        kind: "echo".to_owned(),
        name: "Echo".to_owned(),
        delivery: maru_hall::DeliverySettings::default(),
        settings,
    }
}

fn handed(body: &Value) -> Handed {
    let conversation = Conversation {
        id: "c".into(),
        realm: "default".into(),
        channel: "web".into(),
        channel_kind: "directline".into(),
        bot: "echo".into(),
        opened_at: Timestamp::from_secs(0),
    };
    Handed {
        delivery: Some(DeliveryId(uuid::Uuid::nil())),
        attempt: 1,
        replay: false,
        conversation: Arc::new(conversation),
        id: "c|0000004".into(),
        at: Timestamp::from_secs(0),
        kind: Kind::from(body["type"].as_str().unwrap()),
        role: Role::User,
        body: serde_json::to_vec(body).unwrap().into(),
        meta: Meta::default(),
        budget: Duration::from_secs(15),
    }
}

/// What a bot with these settings answers, and an invoke's result.
async fn answers(settings: Value, body: Value) -> (Vec<Value>, Option<Bytes>) {
    let bot = EchoKind.make(&record(settings)).unwrap();
    let Outcome::Taken { answers, result } = bot.deliver(handed(&body)).await else {
        unreachable!("an echo bot takes everything");
    };
    let parse = |said: &Said| serde_json::from_slice(&said.activity.body).unwrap();
    (answers.iter().map(parse).collect(), result)
}

async fn text_for(body: Value) -> Option<String> {
    let (answers, _) = answers(json!({}), body).await;
    assert!(answers.len() <= 1, "{answers:?}");
    answers.first().map(|answer| answer["text"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_message_is_said_back_as_plain_text_in_reply() {
    let (said, _) = answers(json!({}), json!({"type": "message", "text": "**hi** <b>"})).await;
    assert_eq!(
        said,
        [json!({
            "type": "message",
            "from": {"id": "echo", "name": "Echo", "role": "bot"},
            "textFormat": "plain",
            "text": "Echo: **hi** <b>",
            "replyToId": "c|0000004",
        })]
    );
    let settings = json!({"prefix": ""});
    let (said, _) = answers(settings, json!({"type": "message", "text": "hi"})).await;
    assert_eq!(said[0]["text"], "hi");
}

#[tokio::test]
async fn only_someone_else_who_comes_in_is_greeted() {
    let update = |ids: &[&str]| {
        let members: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        json!({"type": "conversationUpdate", "membersAdded": members})
    };
    assert_eq!(text_for(update(&["echo"])).await, None);
    let (greeted, _) = answers(json!({}), update(&["echo", "u1"])).await;
    assert_eq!(greeted[0]["text"], Settings::default().greeting);
    assert_eq!(greeted[0].get("replyToId"), None, "clients never see what it would name");
    assert!(answers(json!({"greeting": ""}), update(&["u1"])).await.0.is_empty());
    assert_eq!(text_for(json!({"type": "conversationUpdate", "membersAdded": 3})).await, None);
}

#[tokio::test]
async fn files_and_values_are_named() {
    let body = json!({"type": "message", "text": "see", "attachments": [
        {"contentType": "image/png", "name": "a.png"}, {"contentType": "text/plain"}, {}
    ]});
    let expected = "Echo: see\nReceived 3 file(s): a.png, text/plain, unnamed";
    assert_eq!(text_for(body).await.as_deref(), Some(expected));
    let pressed = json!({"type": "message", "value": {"choice": 1}});
    assert_eq!(text_for(pressed).await.as_deref(), Some(r#"Echo: {"choice":1}"#));
    assert_eq!(text_for(json!({"type": "message"})).await, None);
    assert_eq!(text_for(json!({"type": "message", "text": 7})).await, None);
}

#[tokio::test]
async fn the_menu_has_suggested_actions() {
    let (said, _) = answers(json!({}), json!({"type": "message", "text": " Menu "})).await;
    let actions = said[0]["suggestedActions"]["actions"].as_array().unwrap();
    assert_eq!(actions.len(), CHOICES.len());
    assert_eq!(actions[0], json!({"type": "imBack", "title": "Hello", "value": "Hello"}));
}

#[tokio::test]
async fn events_are_named_invokes_get_their_value_back_and_the_rest_is_silence() {
    let event = json!({"type": "event", "name": "webchat/join"});
    assert_eq!(text_for(event).await.as_deref(), Some("Event: webchat/join"));
    let invoke = json!({"type": "invoke", "name": "x", "value": {"a": 1}});
    let (said, result) = answers(json!({}), invoke).await;
    assert!(said.is_empty());
    assert_eq!(result.as_deref(), Some(&br#"{"a":1}"#[..]));
    for kind in ["typing", "endOfConversation", "messageReaction", "something/else"] {
        assert_eq!(text_for(json!({"type": kind, "text": "x"})).await, None, "{kind}");
    }
}

#[test]
fn a_wrong_setting_is_named() {
    let problem = |name: &str, value: Value| {
        let settings = Map::from_iter([(name.to_owned(), value)]);
        EchoKind.make(&record(Value::Object(settings))).unwrap_err().to_string()
    };
    assert!(problem("greetings", json!("x")).starts_with("greetings: there is no such setting"));
    assert_eq!(problem("prefix", json!(3)), "prefix: must be a text");
}
