use bytes::Bytes;
use maru_activity::Timestamp;
use maru_hall::{Meta, Native};

use super::*;

struct Nowhere;

impl Addresses for Nowhere {
    fn file(&self, blob: &str, _: &str) -> String {
        format!("http://h/{blob}")
    }

    fn preview(&self, blob: &str) -> String {
        format!("http://h/{blob}")
    }
}

fn shown(pos: Pos, role: Role, body: &Value) -> Shown {
    Shown {
        id: ActivityId::Pos(pos),
        seq: pos,
        pos: Some(pos),
        at: Timestamp::from_micros(1_616_567_447_123_456),
        kind: body["type"].as_str().unwrap().into(),
        role,
        body: Bytes::from(body.to_string()),
        meta: Meta::default(),
    }
}

fn frame_at(pos: Pos, shown: &Shown, answered_at: Option<Pos>) -> Value {
    let framer = Framer { virtual_agent: "3105", addresses: &Nowhere, answered_at };
    framer.frame(shown, pos).into_value()
}

fn status(state: &str, code: u16) -> Value {
    json!({"type": "event", "name": HANDOFF_STATUS, "from": {"id": "3000"}, "value": {
        "state": state, "code": code, "message": "Phrase",
        "party": {"dn": "3001", "name": "김상담", "kind": "agent"}}})
}

#[test]
fn each_state_of_a_call_has_its_frame() {
    let party = json!({"dn": "3001", "name": "김상담", "kind": "agent"});
    for (state, code, t) in [
        ("trying", 100, "prog"),
        ("ringing", 180, "prog"),
        ("forwarded", 181, "prog"),
        ("queued", 182, "prog"),
        ("accepted", 200, "answer"),
        ("completed", 200, "skip"),
    ] {
        let frame = frame_at(4, &shown(4, Role::Agent, &status(state, code)), None);
        assert_eq!((&frame["t"], &frame["s"]), (&json!(t), &json!(5)), "{state}");
        match t {
            "prog" => {
                assert_eq!(frame["d"], json!({"code": code, "phrase": "Phrase", "party": party}));
            }
            "answer" => {
                assert_eq!(
                    frame["d"],
                    json!({"code": 200, "party": party, "virtualAgent": "3105"})
                );
            }
            _ => {}
        }
    }
    for what in ["joined", "left", "transferred", "held", "resumed", "failed"] {
        let frame = frame_at(4, &shown(4, Role::Agent, &status(what, 200)), None);
        let d = json!({"what": what, "at": "2021-03-24T06:30:47.123Z", "party": party});
        assert_eq!((&frame["t"], &frame["d"]), (&json!("party"), &d));
    }
    // A call is answered once; who comes later joins it.
    let later = frame_at(9, &shown(9, Role::Agent, &status("accepted", 200)), Some(4));
    assert_eq!((&later["t"], &later["d"]["what"]), (&json!("party"), &json!("joined")));
    let again = frame_at(4, &shown(4, Role::Agent, &status("accepted", 200)), Some(4));
    assert_eq!(again["t"], "answer");
}

#[test]
fn only_the_desk_and_the_customer_end_a_call() {
    let end = json!({"type": "endOfConversation", "from": {"id": "x"}, "value": {
        "state": "failed", "code": 486, "message": "Busy Here", "by": "system"}});
    let cleared = frame_at(1, &shown(1, Role::Agent, &end), None);
    assert_eq!(
        cleared,
        json!({"t": "clear", "s": 2,
            "d": {"code": 486, "phrase": "Busy Here", "by": "system", "csat": false}})
    );
    assert_eq!(frame_at(1, &shown(1, Role::User, &end), None)["t"], "clear");
    assert_eq!(frame_at(1, &shown(1, Role::Bot, &end), None)["t"], "skip");
    let last_words = json!({"type": "endOfConversation", "text": "Bye"});
    assert_eq!(frame_at(1, &shown(1, Role::Bot, &last_words), None)["t"], "msg");
    let bare = frame_at(1, &shown(1, Role::Agent, &json!({"type": "endOfConversation"})), None);
    assert_eq!(bare["d"], json!({"code": 200, "phrase": TERMINATED, "by": "system", "csat": true}));
    for role in [Role::Bot, Role::User] {
        assert_eq!(frame_at(1, &shown(1, role, &status("accepted", 200)), None)["t"], "skip");
    }
}

#[test]
fn a_message_says_who_said_it_and_to_whom() {
    let body = json!({"type": "message", "text": "hi", "from": {"id": "3001", "name": "김상담"}});
    let of = |role| frame_at(0, &shown(0, role, &body), None)["d"]["from"].clone();
    assert_eq!(of(Role::Agent), json!({"kind": "agent", "dn": "3001", "name": "김상담"}));
    assert_eq!(of(Role::User), json!({"kind": "customer", "dn": "customer", "name": "김상담"}));
    assert_eq!(of(Role::Bot), json!({"kind": "bot", "dn": "3105", "name": "김상담"}));
    let frame = frame_at(0, &shown(0, Role::Agent, &body), None);
    assert_eq!(frame["d"]["content"], json!({"type": "text", "message": "hi"}));
    assert_eq!((&frame["d"]["mid"], &frame["d"]["send"]), (&json!("s1"), &json!("BOTH")));
    let mut own = shown(0, Role::User, &body);
    let native =
        json!({"mid": "m1", "send": "CUSTOMER", "content": {"type": "text", "message": "!"}});
    own.meta.native = Some(Native { protocol: PROTOCOL.to_owned(), body: native });
    let frame = frame_at(0, &own, None);
    assert_eq!((&frame["d"]["mid"], &frame["d"]["send"]), (&json!("m1"), &json!("CUSTOMER")));
    assert_eq!(frame["d"]["content"]["message"], "!");
    let mut changed = shown(7, Role::Bot, &body);
    changed.id = ActivityId::Pos(2);
    assert_eq!(frame_at(7, &changed, None)["d"]["replaces"], 3);
}

#[test]
fn whatever_else_there_is_has_a_place_too() {
    for body in [
        json!({"type": "event", "name": "x"}),
        json!({"type": "messageReaction"}),
        json!({"type": "somebody's own"}),
        json!({"type": "event", "name": 3, "value": []}),
    ] {
        let frame = frame_at(3, &shown(3, Role::Bot, &body), None);
        assert_eq!(frame, json!({"t": "skip", "s": 4, "d": {"from": 4}}), "{body}");
    }
    let mut gone = shown(3, Role::Bot, &json!({"type": "messageDelete"}));
    gone.id = ActivityId::Pos(1);
    assert_eq!(frame_at(3, &gone, None), json!({"t": "skip", "s": 4, "d": {"from": 4, "gone": 2}}));
    let typing = frame_at(3, &shown(3, Role::Bot, &json!({"type": "typing"})), None);
    assert_eq!((&typing["t"], &typing["s"]), (&json!("typing"), &json!(4)));
}
