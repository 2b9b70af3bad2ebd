//! What the bot gets, and what its answers mean.

use maru_accounts::InstanceKey;
use maru_activity::{DeliveryId, Role, Timestamp};
use maru_egress::{Options, Policy};
use maru_hall::{Conversation, DeliverySettings};
use prometheus_client::registry::Registry;
use proptest::prelude::*;
use serde_json::{Value, json};

use std::time::Duration;

use super::*;

fn kind() -> BotFrameworkKind {
    let key = InstanceKey::from_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let callback = Callback::new("http://maru:8080", Arc::new(key)).unwrap();
    let mut registry = Registry::default();
    let mut options = Options::new(&mut registry);
    options.policy = Policy { allow_loopback: true, ..Policy::default() };
    let egress = Egress::new(options).unwrap();
    BotFrameworkKind::new(egress, callback, Env::system(), Limits::default())
}

fn bot() -> RemoteBot {
    let kind = kind();
    let settings = json!({"endpoint": "http://127.0.0.1:3978/api/messages"});
    let Value::Object(settings) = settings else { unreachable!("an object was written") };
    let settings = Settings::read(&settings).unwrap();
    let account =
        Account { id: "b1".to_owned(), name: Some("Bot".to_owned()), role: Some("bot".to_owned()) };
    let capability = kind.callback.capability(&"default".into(), &"b1".into(), 1);
    RemoteBot {
        egress: kind.egress,
        env: kind.env,
        limits: kind.limits,
        service_url: kind.callback.service_url(&capability),
        callback: kind.callback,
        recipient: Account { role: None, ..account.clone() },
        speaker: Speaker { account, capability },
        settings,
    }
}

fn handed(body: &str, meta: Meta) -> Handed {
    let conversation = Conversation {
        id: "conv".into(),
        realm: "default".into(),
        channel: "web".into(),
        channel_kind: "directline".into(),
        bot: "b1".into(),
        opened_at: Timestamp::from_secs(0),
    };
    let kind = serde_json::from_str::<Value>(body).unwrap()["type"].as_str().map(Kind::from);
    Handed {
        delivery: Some(DeliveryId(uuid::Uuid::nil())),
        attempt: 2,
        replay: false,
        conversation: Arc::new(conversation),
        id: "conv|0000004".into(),
        at: Timestamp::from_secs(0),
        kind: kind.unwrap(),
        role: Role::User,
        body: Bytes::copy_from_slice(body.as_bytes()),
        meta,
        budget: Duration::from_secs(15),
    }
}

fn answer(body: &str) -> Answer {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Answer { status: http::StatusCode::OK, headers: HeaderMap::new(), body }
}

#[test]
fn the_envelope_has_what_sdks_insist_on() {
    let bot = bot();
    let call =
        bot.call(&handed(r#"{"type":"message","from":{"id":"u"},"text":"hi"}"#, Meta::default()));
    let service_url = &bot.service_url;
    assert_eq!(
        serde_json::from_slice::<Value>(&call.body).unwrap(),
        json!({
            "id": "conv|0000004", "timestamp": "1970-01-01T00:00:00.0000000Z",
            "channelId": "directline", "conversation": {"id": "conv"},
            "serviceUrl": service_url, "recipient": {"id": "b1", "name": "Bot"},
            "type": "message", "from": {"id": "u"}, "text": "hi",
        })
    );
    assert!(service_url.starts_with("http://maru:8080/b/") && service_url.ends_with('/'));
    let header = |name: &str| call.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(header("x-ms-conversation-id"), Some("conv"));
    assert_eq!(header("x-maru-delivery-id"), Some("00000000000000000000000000000000"));
    assert_eq!(header("x-maru-attempt"), Some("2"));
    assert_eq!((header("x-maru-replay"), header("authorization")), (None, None));
    assert!(call.deadline < Duration::from_secs(15) && call.deadline > Duration::from_secs(14));
    assert!(!format!("{call:?} {bot:?}").contains("/b/"));
}

#[test]
fn only_files_that_maru_keeps_become_links() {
    let body = r#"{"type":"message","attachments":[{"contentUrl":"blob:x.default"}]}"#;
    let sent = |blobs| {
        let call = bot().call(&handed(body, Meta { blobs, ..Meta::default() }));
        String::from_utf8(call.body.to_vec()).unwrap()
    };
    assert!(sent(false).contains(r#""contentUrl":"blob:x.default""#));
    let link = r#""contentUrl":"http://maru:8080/v3/attachments/x.default/views/original""#;
    assert!(sent(true).contains(link));
}

#[test]
fn a_2xx_is_taken_and_its_body_means_what_was_asked_for() {
    let taken = |activity: &str, body: &str| match bot()
        .taken(&handed(activity, Meta::default()), &answer(body))
    {
        Outcome::Taken { answers, result } => {
            let result = result.map(|body| String::from_utf8(body.to_vec()).unwrap());
            (answers.len(), result)
        }
        other => unreachable!("{other:?}"),
    };
    let (message, invoke) = (r#"{"type":"message"}"#, r#"{"type":"invoke","name":"x"}"#);
    let asking = r#"{"type":"invoke","deliveryMode":"expectReplies"}"#;
    let replies = r#"{"activities":[{"type":"message","text":"a"},{"type":"typing"},{}]}"#;
    for body in ["", "null", "ok", "{}", r#"{"a":1}"#, "<html>"] {
        assert_eq!(taken(message, body), (0, None), "{body}");
    }
    assert_eq!(taken(message, replies), (2, None));
    assert_eq!(taken(invoke, ""), (0, None));
    assert_eq!(taken(invoke, r#"{"a":1}"#), (0, Some(r#"{"a":1}"#.to_owned())));
    assert_eq!(taken(invoke, replies), (0, Some(replies.to_owned())));
    assert_eq!(taken(asking, replies), (2, None));
}

#[test]
fn a_record_makes_a_bot_and_a_wrong_one_is_refused() {
    let record = |settings: Value| BotRecord {
        id: "b1".into(),
        realm: "default".into(),
        kind: KIND.to_owned(),
        name: "Bot".to_owned(),
        delivery: DeliverySettings::default(),
        settings: settings.as_object().unwrap().clone(),
    };
    assert!(kind().make(&record(json!({"endpoint": "http://10.0.0.1/api/messages"}))).is_ok());
    assert_eq!(kind().make(&record(json!({}))).unwrap_err().setting, "endpoint");
}

/// JSON texts whose spelling says more than their value: numbers, escapes, order, white space.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
        Just("null".to_owned()),
        Just("true".to_owned()),
        "\"([a-z한é ]|\\\\u00[0-7][0-9a-f]|\\\\/|\\\\n|\\\\\"){0,12}\"",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[ {} ]", items.join(" , "))),
            prop::collection::vec(inner, 0..4).prop_map(|values| {
                let members = values.iter().enumerate().map(|(i, v)| format!("\"k{i}\" :{v}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn members_that_nobody_knows_reach_the_bot_byte_for_byte(
        values in prop::collection::vec(json_text(), 1..6)
    ) {
        let members: String =
            values.iter().enumerate().map(|(i, v)| format!(",\"x{i}\":{v}")).collect();
        let text = format!("{{\"type\":\"message\"{members}}}");
        let activity = maru_activity::Activity::parse(text.as_bytes(), &Limits::default()).unwrap();
        let mut handed = handed(r#"{"type":"message"}"#, Meta::default());
        handed.body = activity.body;
        let sent = bot().call(&handed).body;
        let sent = std::str::from_utf8(&sent).unwrap();
        prop_assert!(sent.ends_with(&format!(",\"type\":\"message\"{members}}}")), "{sent}");
        prop_assert!(serde_json::from_str::<Value>(sent).is_ok());
    }
}
