use serde_json::{Value, json};

use super::*;

fn frame(text: &str) -> Frame {
    Frame::parse(text.as_bytes()).unwrap()
}

fn of(value: &Value) -> Frame {
    frame(&value.to_string())
}

fn message(frame: Frame) -> (Incoming, Option<ClientKey>) {
    match frame.what {
        What::Message(incoming) => (*incoming, frame.key),
        other => panic!("no message: {other:?}"),
    }
}

/// What each generation of the SDKs sends, as it was recorded (kore-rtm.md §3.3, §7).
#[test]
fn a_text_is_read_from_every_generation() {
    let seed = r#"{
        "clientMessageId": 1466692440896,
        "message": {"body": "Here is the message.", "attachments": [
      ]},
        "resourceid": "/bot.message",
        "botInfo": {"chatBot": "CNN", "taskBotId": "st-8aaf0939-c34a-5976-8e2e-5c91e685b2ce"},
        "id": 1466692440896
    }"#;
    let v2 = r#"{"clientMessageId":1700000000001,"resourceid":"/bot.message","message":{"body":"hello"},"botInfo":{"chatBot":"Kit","taskBotId":"st-1"},"client":"sdk","meta":{"timezone":"Etc/UTC","locale":"en-US"},"id":1700000000001}"#;
    let again = r#"{"clientMessageId":"1700000000001","resourceid":"/bot.message","message":{"body":"hello"},"botInfo":{},"client":"sdk","id":"1700000000001"}"#;
    let ios = "{\n  \"clientMessageId\" : \"F1-1700000000\",\n  \"resourceid\" : \"\\/bot.message\",\n  \"message\" : {\n    \"body\" : \"salam\"\n  },\n  \"id\" : \"F1-1700000000\"\n}";
    let runner = r#"{"resourceid":"/bot.message","message":{"body":"x"},"clientMessageId":1700000000.0,"id":1700000000.25}"#;
    for (text, body, id, key) in [
        (seed, "Here is the message.", "1466692440896", "1466692440896"),
        (v2, "hello", "1700000000001", "1700000000001"),
        (again, "hello", "\"1700000000001\"", "1700000000001"),
        (ios, "salam", "\"F1-1700000000\"", "F1-1700000000"),
        (runner, "x", "1700000000.25", "1700000000"),
    ] {
        let frame = frame(text);
        assert_eq!(frame.id.as_ref().unwrap().get(), id);
        let (incoming, given) = message(frame);
        assert_eq!((incoming.body.as_str(), given.as_deref()), (body, Some(key)));
        assert!(incoming.shown.is_none() && incoming.attachments.is_empty());
    }
    let (incoming, _) = message(frame(v2));
    assert_eq!(incoming.locale.as_deref(), Some("en-US"));
    assert_eq!(incoming.timezone.as_deref(), Some("Etc/UTC"));
    assert_eq!(incoming.native["clientMessageId"], 1_700_000_000_001_u64);
    assert_eq!(incoming.native["message"]["body"], "hello");
}

#[test]
fn what_a_frame_is_follows_from_its_type_before_its_resource() {
    // Pings and typing carry the resource of a message: a bot must not answer them.
    let ping =
        json!({"type":"ping","resourceid":"/bot.message","botInfo":{},"client":"sdk","id":3});
    assert!(matches!(of(&ping).what, What::Ping));
    assert!(matches!(frame(r#"{"type":"ping"}"#).what, What::Ping));
    let ack =
        json!({"clientMessageId":1,"type":"ack","replyto":1,"status":"delivered","key":"7","id":2});
    assert!(matches!(of(&ack).what, What::Delivered(Some(7))));
    assert!(matches!(
        of(&json!({"type":"ack","status":"delivered","id":1})).what,
        What::Delivered(None)
    ));
    assert!(matches!(of(&json!({"type":"ack","key":9})).what, What::Delivered(Some(9))));
    let event = |event: &str| {
        of(&json!({"event":event,"message":{"body":"","type":""},"resourceid":"/bot.message"})).what
    };
    assert!(matches!(event("typing"), What::Typing));
    assert!(matches!(event("stop_typing"), What::Noted));
    assert!(matches!(event("message_read"), What::Noted));
    assert!(matches!(event("sbc_details_request"), What::Noted));
    assert!(matches!(event("close_agent_chat"), What::CloseAgentChat));
    let close = json!({"resourceid":"/bot.closeConversationSession","botInfo":{},"id":5});
    assert!(matches!(of(&close).what, What::CloseSession));
    let custom = json!({"resourceid":"/bot.clientEvent","message":{"body":"opened"},"id":5});
    assert!(matches!(of(&custom).what, What::Custom(name) if name == "opened"));
    for unknown in [
        json!({"type":"pwe_message","message":{"body":"x"}}),
        json!({"resourceid":"/bot.other","message":{"body":"x"}}),
        json!({"__control":"handshake"}),
        json!({}),
    ] {
        assert!(matches!(of(&unknown).what, What::Unknown), "{unknown}");
    }
}

#[test]
fn a_press_says_its_payload_and_shows_its_title() {
    let press = json!({"resourceid":"/bot.message","message":{"body":"{\"a\":1}","renderMsg":"First"},"id":1});
    let (incoming, key) = message(of(&press));
    assert_eq!((incoming.body.as_str(), incoming.shown.as_deref()), ("{\"a\":1}", Some("First")));
    assert_eq!(key, None);
}

#[test]
fn files_may_come_without_a_word() {
    let file = json!({"fileId":"f1","fileName":"a.png","fileType":"image","fileUrl":"https://x/a","size":0.1});
    let sent =
        json!({"resourceid":"/bot.message","message":{"attachments":[file, {"x":1}, 7]},"id":1});
    let (incoming, _) = message(of(&sent));
    assert!(incoming.body.is_empty() && !incoming.is_empty());
    assert_eq!(incoming.attachments.len(), 1);
    assert_eq!(incoming.attachments[0].id, "f1");
    assert_eq!(incoming.attachments[0].name.as_deref(), Some("a.png"));
}

#[test]
fn what_a_client_sends_along_reaches_the_bot() {
    let sent = json!({"message":{"body":"x","customdata":{"a":1},"metaTags":[1]},
        "meta":{"locale":7,"location":{"city":"Seoul"}}});
    let (incoming, _) = message(of(&sent));
    assert_eq!(
        Value::from(incoming.extras),
        json!({"customData":{"a":1},"metaTags":[1],"location":{"city":"Seoul"}})
    );
    assert_eq!(incoming.locale, None);
    let (incoming, _) = message(of(&json!({"message":{"body":{"type":"x"}}})));
    assert_eq!(incoming.body, r#"{"type":"x"}"#);
    let (incoming, _) = message(of(&json!({"message":"plain"})));
    assert_eq!(incoming.body, "plain");
}

#[test]
fn unsound_frames_are_refused_and_unsound_ids_left_out() {
    let deep = format!("{{\"message\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for bad in ["", "[]", "7", "{", r#"{"a":1,"a":2}"#, r#"{"message":{"body":"\ud800"}}"#, &deep] {
        assert!(Frame::parse(bad.as_bytes()).is_err(), "{}", bad.len());
    }
    assert!(Frame::parse(b"{\"message\":{\"body\":\"\xff\"}}").is_err());
    for id in [json!({"a":1}), json!([1]), json!(true), json!(null), json!("x".repeat(300))] {
        let sent = json!({"id":id,"clientMessageId":id,"message":{"body":"x"}});
        let frame = of(&sent);
        assert!(frame.id.is_none(), "{id}");
        assert_eq!(message(frame).1, None);
    }
    // An ack answers `clientMessageId` where there is no id.
    let frame = of(&json!({"clientMessageId":5,"message":{"body":"x"}}));
    assert_eq!(frame.id.unwrap().get(), "5");
}

proptest::proptest! {
    /// Whatever comes is read or refused, and what is read can be kept.
    #[test]
    fn no_frame_does_any_harm(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        body in ".{0,16}",
        shown in ".{0,16}",
        id in "[-0-9eE.\"x]{0,6}",
        name in proptest::sample::select(vec!["message", "type", "event", "resourceid", "key"]),
    ) {
        crate::fuzz::frame(&bytes);
        let said = json!({"body": body, "renderMsg": shown, "attachments": [{"fileId": body}]});
        let text = format!(r#"{{"id":{id},"message":{said}}}"#);
        crate::fuzz::frame(text.as_bytes());
        crate::fuzz::frame(json!({"message": {"body": body}, name: shown}).to_string().as_bytes());
    }
}
