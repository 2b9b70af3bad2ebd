use serde_json::json;

use super::*;

fn read(frame: &Value) -> Request {
    Request::parse(&frame.to_string()).unwrap()
}

fn refused(frame: &Value) -> (&'static str, Option<&'static str>) {
    let error = read(frame).what.unwrap_err();
    (error.code, error.field)
}

const MID: &str = "0123456789abcdef";

#[test]
fn each_request_is_read_as_the_reference_has_it() {
    let call = ConversationId::from("NX_1");
    for (t, d, what) in [
        (
            "hello",
            json!({"at": {"NX_1": 42}}),
            What::Hello { at: HashMap::from([(call.clone(), 42)]) },
        ),
        ("hello", json!({}), What::Hello { at: HashMap::new() }),
        (
            "state",
            json!({"ready": false, "reason": " lunch "}),
            What::Desk(Command::Ready { on: false, reason: Some("lunch".into()) }),
        ),
        (
            "accept",
            json!({"epoch": 3}),
            What::Desk(Command::Accept { call: call.clone(), epoch: 3 }),
        ),
        (
            "reject",
            json!({"epoch": 3, "reason": "no"}),
            What::Desk(Command::Reject { call: call.clone(), epoch: 3 }),
        ),
        ("take", json!(null), What::Desk(Command::Take { call: call.clone() })),
        ("hold", json!({"on": true}), What::Desk(Command::Hold { call: call.clone(), on: true })),
        (
            "transfer",
            json!({"to": "3000", "comment": ""}),
            What::Desk(Command::Transfer { call: call.clone(), to: "3000".into(), comment: None }),
        ),
        (
            "close",
            json!({"comment": "done", "codes": ["a", "b"]}),
            What::Desk(Command::Close {
                call: call.clone(),
                comment: Some("done".into()),
                codes: vec!["a".into(), "b".into()],
            }),
        ),
        ("wrapup.done", json!({}), What::Desk(Command::WrapupDone { call: call.clone() })),
        ("typing", json!({"on": true}), What::Typing { call: call.clone(), on: true }),
        ("read", json!({"upto": 7}), What::Read { call: call.clone(), upto: 7 }),
        ("hist", json!({"before": 9, "n": 100}), What::Hist { call, before: 9, n: 100 }),
        ("hb.ok", json!({"n": 1}), What::HeartbeatOk),
    ] {
        let request = read(&json!({"t": t, "i": "r1", "c": "NX_1", "d": d, "more": [1]}));
        assert_eq!((request.id.as_deref(), request.what), (Some("r1"), Ok(what)), "{t}");
    }
}

#[test]
fn what_is_said_has_a_key_and_an_audience() {
    let content = json!({"type": "text", "message": "안녕하세요"});
    for (t, send, audience) in [
        ("msg", json!(null), None),
        ("msg", json!("BOTH"), Some(Audience::All)),
        ("msg", json!("CUSTOMER"), Some(Audience::Customer)),
        ("msg", json!("AGENT"), None),
        ("note", json!("BOTH"), Some(Audience::Agents)),
    ] {
        let frame = json!({"t": t, "i": "1", "c": "NX_1", "d": {"mid": MID, "content": content, "send": send}});
        let said = match read(&frame).what {
            Ok(What::Say(said)) => Some((said.audience, said.content)),
            _ => None,
        };
        assert_eq!(said, audience.map(|audience| (audience, content.clone())), "{t} {send}");
    }
    let without = json!({"t": "msg", "i": "1", "c": "NX_1", "d": {"mid": MID, "content": content}});
    assert!(matches!(read(&without).what, Ok(What::Say(said)) if said.audience == Audience::All));
}

#[test]
fn what_is_wrong_is_named() {
    let long = "x".repeat(1_001);
    for (frame, error) in [
        (json!({"t": "take", "i": "1"}), ("bad_field", Some("c"))),
        (json!({"t": "take", "c": "NX_1"}), ("bad_field", Some("i"))),
        (json!({"t": "take", "i": "", "c": "NX_1"}), ("bad_field", Some("i"))),
        (json!({"t": "take", "i": "한", "c": "NX_1"}), ("bad_field", Some("i"))),
        (json!({"t": "take", "i": "x".repeat(37), "c": "NX_1"}), ("bad_field", Some("i"))),
        (json!({"t": "nothing", "i": "1"}), ("unknown_type", None)),
        (json!({"t": "state", "i": "1", "d": {"ready": "yes"}}), ("bad_field", Some("ready"))),
        (
            json!({"t": "accept", "i": "1", "c": "a", "d": {"epoch": -1}}),
            ("bad_field", Some("epoch")),
        ),
        (
            json!({"t": "close", "i": "1", "c": "a", "d": {"comment": long}}),
            ("too_long", Some("comment")),
        ),
        (
            json!({"t": "close", "i": "1", "c": "a", "d": {"codes": [1]}}),
            ("bad_field", Some("codes")),
        ),
        (json!({"t": "transfer", "i": "1", "c": "a", "d": {}}), ("bad_field", Some("to"))),
        (
            json!({"t": "msg", "i": "1", "c": "a", "d": {"mid": "short", "content": {}}}),
            ("bad_field", Some("mid")),
        ),
        (
            json!({"t": "msg", "i": "1", "c": "a", "d": {"mid": MID}}),
            ("bad_field", Some("content")),
        ),
        (
            json!({"t": "hist", "i": "1", "c": "a", "d": {"before": 1, "n": 101}}),
            ("bad_field", Some("n")),
        ),
        (json!({"t": "hello", "i": "1", "d": {"at": {"a": "1"}}}), ("bad_field", Some("at"))),
    ] {
        assert_eq!(refused(&frame), error, "{frame}");
    }
    // These are answered by nothing, and need nothing to be answered to.
    assert!(read(&json!({"t": "typing", "c": "NX_1", "d": {"on": true}})).what.is_ok());
}

#[test]
fn what_is_no_frame_ends_the_socket() {
    let deep =
        format!(r#"{{"t":"hello","d":{{"at":{}{}}}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    for bad in [
        "",
        "[]",
        "7",
        "{}",
        r#"{"t":7}"#,
        r#"{"t":"hello","d":[]}"#,
        r#"{"t":"hello","i":7}"#,
        r#"{"t":"hello","t":"hello"}"#,
        r#"{"t":"msg","d":{"content":"\ud800"}}"#,
        &deep,
    ] {
        assert_eq!(Request::parse(bad), Err(BadFrame), "{bad:.40}");
    }
}

proptest::proptest! {
    /// Whatever comes is read or refused.
    #[test]
    fn no_frame_does_any_harm(
        t in proptest::sample::select(vec!["hello", "msg", "close", "hist", "state", "?"]),
        name in "[a-z]{1,7}",
        text in ".{0,24}",
        number in proptest::num::i64::ANY,
    ) {
        let values = [json!(text), json!(number), json!([text, number]), json!({&text: number})];
        for value in values {
            let frame = json!({"t": t, "i": text, "c": text, "d": {&name: value, "mid": text}});
            drop(Request::parse(&frame.to_string()));
        }
        drop(Request::parse(&text));
    }
}
