//! Sessions, versions, states and traces.

use std::time::Duration;

use maru_activity::Timestamp;
use maru_scenario::{
    ContentKind, Context, Input, Patch, PatchRefused, Phase, Refusal, Restart, Scenario, State,
    UserMessage, WebhookOutcome, patch, step,
};
use serde_json::{Value, json};

use crate::play::{Play, brief};

fn file(extra: &Value) -> Value {
    let mut file = json!({
        "format": "chatflow/1", "name": "test",
        "meta": { "entry_id": "a", "exception_id": "sorry", "carry_slots": ["kept"] },
        "slots": {
            "kept": { "type": "text" },
            "lost": { "type": "text" },
            "phone": { "type": "phone", "sensitive": true }
        },
        "consents": { "c": { "version": "1", "text": "May we?", "agree": "yes", "decline": "no" } },
        "nodes": {
            "a": { "type": "intent", "message": { "text": "A" }, "to": "b" },
            "b": { "type": "slot", "slot": "lost", "message": { "text": "B" }, "to": "c" },
            "c": { "type": "slot", "slot": "kept", "message": { "text": "C" }, "to": "d" },
            "d": { "type": "slot", "slot": "phone", "message": { "text": "D" }, "to": "e" },
            "e": { "type": "intent", "message": { "text": "E {{slot.phone}}" } },
            "sorry": { "type": "message", "message": { "text": "sorry" }, "return": true }
        }
    });
    merge(&mut file, extra);
    file
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => into.clone_from(from),
    }
}

fn play(extra: &Value) -> Play {
    Play::load(&file(extra).to_string())
}

#[test]
fn five_minutes_of_silence_begin_again_and_exactly_five_do_not() {
    for (silence, says, restarted) in [
        (299_999, "C @ c", None),
        (300_000, "C @ c", None),
        (300_001, "A @ a", Some(Restart::Timeout)),
    ] {
        let mut play = play(&json!({}));
        play.says("hi");
        play.says("x");
        play.wait(Duration::from_millis(silence));
        let done = play.say("word").unwrap();
        let turn = done.turn.clone().unwrap();
        assert_eq!(turn.session.restarted, restarted, "{silence} ms");
        assert_eq!(turn.session.previous_id.as_deref(), restarted.map(|_| "b"));
        assert_eq!(turn.session.turn, if restarted.is_some() { 1 } else { 3 });
        assert_eq!(brief(Ok(done)), says);
    }
}

#[test]
fn the_timeout_is_the_files_and_zero_is_never() {
    let mut never = play(&json!({ "meta": { "session_timeout_seconds": 0 } }));
    never.says("hi");
    never.wait(Duration::from_secs(1 << 40));
    assert_eq!(never.says("x"), "B @ b");
    let mut minute = play(&json!({ "meta": { "session_timeout_seconds": 60 } }));
    minute.says("hi");
    minute.wait(Duration::from_millis(60_001));
    assert_eq!(minute.says("x"), "A @ a");
}

#[test]
fn only_what_is_carried_outlasts_a_session() {
    let mut play = play(&json!({}));
    for word in ["hi", "x", "lost", "kept", "yes", "010-1234-5678"] {
        play.says(word);
    }
    assert_eq!(play.at(), "e");
    assert_eq!(play.slot("phone"), json!("01012345678"));
    play.wait(Duration::from_secs(301));
    play.says("hi");
    let state = play.state.clone().unwrap();
    assert_eq!(Value::Object(state.slots().clone()), json!({ "kept": "kept" }));
    assert_eq!(state.consents()["c"].version, "1");
}

#[test]
fn a_greeting_scenario_always_greets() {
    let mut play = play(&json!({ "meta": { "on_restart": "greet" },
        "globals": [{ "when": { "text_in": "go" }, "to": "e" }] }));
    assert_eq!(play.says("go"), "A @ a");
    assert_eq!(play.says("go"), "E  @ e");
}

#[test]
fn a_session_is_pinned_to_its_version() {
    let mut play = play(&json!({}));
    play.says("hi");
    play.says("x");
    let pinned = play.state.clone().unwrap();
    assert_eq!(pinned.session().scenario_version, 1);
    // The service asks the state which version it wants: the pinned one, until the session is over.
    assert_eq!(pinned.restart_due(play.now), None);
    let later = play.now.after(Duration::from_secs(301));
    assert_eq!(pinned.restart_due(later), Some(Restart::Timeout));
    // Given another one (the pinned one was deleted), the session begins again.
    play.scenario = Scenario::load(file(&json!({})).to_string().as_bytes(), 2).unwrap();
    let turn = play.say("x").unwrap().turn.unwrap();
    assert_eq!(turn.session.restarted, Some(Restart::ScenarioChanged));
    assert_eq!((turn.id.as_str(), turn.session.scenario_version), ("a", 2));
}

#[test]
fn init_begins_again_or_goes_to_a_node() {
    let mut play = play(&json!({}));
    for word in ["hi", "x", "lost"] {
        play.says(word);
    }
    let moved = play.step(Input::Init { node: Some("e".to_owned()) }).unwrap().turn.unwrap();
    assert_eq!(moved.session.restarted, Some(Restart::Moved));
    assert_eq!(play.slot("lost"), json!("lost"), "moving within a session keeps its slots");
    let begun = play.step(Input::Init { node: None }).unwrap().turn.unwrap();
    assert_eq!((begun.id.as_str(), begun.session.restarted), ("a", Some(Restart::Init)));
    assert_eq!(play.slot("lost"), Value::Null);
    // It is as good as a message to the clock.
    for _ in 0..2 {
        play.wait(Duration::from_secs(200));
        play.step(Input::Init { node: Some("a".to_owned()) }).unwrap();
    }
    play.wait(Duration::from_secs(200));
    assert_eq!(play.say("x").unwrap().turn.unwrap().session.restarted, None);
    let none = play.step(Input::Init { node: Some("x".to_owned()) });
    assert_eq!(none.unwrap_err(), Refusal::UnknownNode { id: "x".to_owned() });
}

#[test]
fn a_patch_moves_without_a_word_and_without_touching_the_clock() {
    let mut play = play(&json!({}));
    play.says("hi");
    let context = Context { app: "a", user_key: "u", now: play.now, trace: false };
    let before = play.state.clone().unwrap();
    let wanted = Patch {
        slots: json!({ "lost": "x", "kept": null }).as_object().cloned().unwrap(),
        node: Some("c".to_owned()),
    };
    let after = patch(&play.scenario, before.clone(), wanted, &context).unwrap();
    assert_eq!((after.node(), &after.slots()["lost"]), ("c", &json!("x")));
    assert_eq!(after.session(), before.session());
    play.state = Some(after);
    let turn = play.say("word").unwrap().turn.unwrap();
    assert_eq!((turn.id.as_str(), turn.session.restarted), ("d", Some(Restart::Moved)));
    // All or nothing.
    let wrong = Patch {
        slots: json!({ "lost": "y", "nope": 1, "phone": "010-1234-5678", "kept": {} })
            .as_object()
            .cloned()
            .unwrap(),
        node: None,
    };
    let Err(PatchRefused::Values(mut wrong)) = patch(&play.scenario, before, wrong, &context)
    else {
        panic!("values were written that do not fit");
    };
    wrong.sort_by(|a, b| a.path.cmp(&b.path));
    let paths: Vec<&str> = wrong.iter().map(|value| value.path.as_str()).collect();
    assert_eq!(paths, ["/slot/kept", "/slot/nope", "/slot/phone"]);
}

#[test]
fn a_new_wording_is_asked_for_again() {
    let mut play = play(&json!({}));
    for word in ["hi", "x", "lost", "kept", "yes", "010-1234-5678"] {
        play.says(word);
    }
    let new = file(&json!({ "consents": { "c": { "version": "2" } } }));
    play.scenario = Scenario::load(new.to_string().as_bytes(), 2).unwrap();
    play.says("hi");
    let moved = play.step(Input::Init { node: Some("d".to_owned()) });
    assert_eq!(brief(moved), "May we? @ d");
}

#[test]
fn personal_data_is_shown_nowhere_but_to_the_scenario() {
    let mut play = play(&json!({}));
    for word in ["hi", "x", "lost", "kept", "yes"] {
        assert!(!play.say(word).unwrap().sensitive || word == "yes", "{word}");
    }
    let done = play.say("010-1234-5678").unwrap();
    assert!(done.sensitive);
    let trace = serde_json::to_string(&done.trace).unwrap();
    assert!(trace.contains("phone") && !trace.contains("1234"), "{trace}");
    let history: Vec<&str> = done.state.history().map(|past| past.content.as_str()).collect();
    assert_eq!(history, ["hi", "x", "lost", "kept", "***", "***"]);
    // Nor is what comes too late for its session.
    play.step(Input::Init { node: None }).unwrap();
    play.step(Input::Init { node: Some("d".to_owned()) }).unwrap();
    play.wait(Duration::from_secs(301));
    let late = play.say("010-1234-5678").unwrap();
    assert!(late.sensitive);
    assert_eq!(late.state.history().last().unwrap().content, "***");
}

#[test]
fn a_trace_tells_what_happened() {
    let mut play = play(&json!({ "nodes": { "a": { "transitions": [
        { "when": { "eq": ["{{var.none}}", 1] }, "to": "c" },
        { "when": { "contains": "go" }, "to": "c", "set": { "slot.lost": "set" } }
    ] } } }));
    play.step(Input::Init { node: None }).unwrap();
    play.says("go");
    let lines = serde_json::to_value(&play.trace).unwrap();
    assert_eq!(
        lines,
        json!([
            { "node": "a", "event": "transition", "condition": "{\"eq\":[\"{{var.none}}\",1]}",
              "result": "false", "notes": ["var.none has no value"] },
            { "node": "a", "event": "transition", "condition": "{\"contains\":\"go\"}",
              "result": "true" },
            { "node": "c", "event": "enter", "result": "slot", "slot_diff": { "lost": "set" } }
        ])
    );
    let context = Context { app: "a", user_key: "u", now: play.now, trace: false };
    let input = Input::Message(UserMessage::text("x"));
    let silent = step(&play.scenario, play.state.clone(), input, &context).unwrap();
    assert!(silent.trace.is_empty());
}

#[test]
fn a_turn_has_its_five_members_always() {
    let mut play = play(&json!({ "nodes": { "a": { "message": {
        "image": { "url": "https://x.example/{{var.none}}" } } } } }));
    let turn = play.say("hi").unwrap().turn.unwrap();
    let json = serde_json::to_value(&turn).unwrap();
    assert_eq!(
        json["message"],
        json!({ "text": "A", "image":
        { "url": "https://x.example/", "width": 720, "height": 630 } })
    );
    assert_eq!(json["keyboard"], json!({ "type": "text" }));
    assert_eq!(json["slot"], json!({}));
    assert_eq!(json["action"], json!("intent"));
    assert_eq!(json["session"]["started_at"], json!("2026-11-21T05:00:00.0000000Z"));
    assert_eq!(json["session"]["expires_at"], json!("2026-11-21T05:05:00.0000000Z"));
    assert_eq!(json["session"]["previous_id"], Value::Null);
    let text = serde_json::to_string(&turn).unwrap();
    let keys = ["\"id\"", "\"action\"", "\"message\"", "\"keyboard\"", "\"slot\"", "\"messages\""];
    let places: Vec<_> = keys.iter().map(|key| text.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    // With a human nothing is said, and the members are there nevertheless.
    let mut handed = Play::load(
        &file(&json!({ "nodes": { "a": { "to": "h" },
        "h": { "type": "handoff", "to": "a" } } }))
        .to_string(),
    );
    handed.says("hi");
    handed.says("hi");
    let turn = handed.say("there?").unwrap().turn.unwrap();
    assert_eq!(handed.state.as_ref().unwrap().phase(), Phase::Handed);
    let json = serde_json::to_value(&turn).unwrap();
    assert_eq!(json["message"], json!({ "text": "", "image": null }));
}

#[test]
fn too_many_nodes_in_a_turn_change_nothing() {
    let mut nodes = json!({ "a": { "type": "intent", "message": { "text": "A" }, "to": "m0" } });
    for n in 0..20 {
        let next = if n == 19 { "a".to_owned() } else { format!("m{}", n + 1) };
        nodes[format!("m{n}")] =
            json!({ "type": "message", "message": { "text": "m" }, "to": next });
    }
    let mut just = Play::load(&file(&json!({ "nodes": nodes.clone() })).to_string());
    just.step(Input::Init { node: None }).unwrap();
    assert_eq!(just.say("x").unwrap().turn.unwrap().messages.len(), 21);
    let mut over =
        Play::load(&file(&json!({ "meta": { "max_hops": 19 }, "nodes": nodes })).to_string());
    over.step(Input::Init { node: None }).unwrap();
    let before = over.state.clone();
    assert!(matches!(over.say("x"), Err(Refusal::TooManyHops { most: 19, .. })));
    assert_eq!(over.state, before);
}

#[test]
fn a_torn_turn_is_forgotten_when_the_user_says_something_else() {
    let mut play = play(&json!({
        "webhooks": { "w": { "url": "https://w.example/" } },
        "nodes": { "a": { "to": "w" }, "w": { "type": "webhook", "webhook": "w", "to": "b" } }
    }));
    play.step(Input::Init { node: None }).unwrap();
    assert_eq!(play.says("one"), "…");
    let torn = play.state.clone().unwrap().pending().unwrap().to_owned();
    assert_eq!(play.says("two"), "…");
    let late = WebhookOutcome::Answered { status: 200, body: Vec::new() };
    assert_eq!(play.step(Input::webhook(torn, late)).unwrap_err(), Refusal::NotWaiting);
    assert_eq!(brief(play.hook(200, "{}")), "B @ b");
}

#[test]
fn values_and_texts_have_bounds() {
    let mut play = play(&json!({ "nodes": { "e": { "message":
        { "text": "{{var.big}}{{var.big}}" } } } }));
    let variables = json!({ "big": "가".repeat(900), "huge": "x".repeat(5_000), "a.b": 1 });
    let message = UserMessage {
        kind: ContentKind::Text,
        content: "x".repeat(10_000),
        variables: variables.as_object().cloned().unwrap(),
    };
    let done = play.step(Input::Message(message)).unwrap();
    let names: Vec<&String> = done.state.vars().keys().collect();
    assert_eq!(names, ["big"]);
    assert!(done.state.history().all(|past| past.content.len() <= 60));
    let turn = play.step(Input::Init { node: Some("e".to_owned()) }).unwrap().turn.unwrap();
    assert_eq!(turn.message.text.chars().count(), 1_000);
    for n in 0..200 {
        let variables = json!({ format!("v{n}"): "x".repeat(1_000) });
        let variables = variables.as_object().cloned().unwrap();
        let message = UserMessage { kind: ContentKind::Text, content: "x".to_owned(), variables };
        play.step(Input::Message(message)).ok();
    }
    assert!(play.state.unwrap().to_json().len() < 64 << 10);
}

#[test]
fn a_state_of_another_layout_is_not_guessed_at() {
    let mut play = play(&json!({}));
    play.says("hi");
    let mut json: Value = serde_json::from_slice(&play.state.unwrap().to_json()).unwrap();
    json["v"] = json!(2);
    let error = State::from_json(json.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("layout 2"), "{error}");
    assert!(State::from_json(b"{}").is_err());
    assert!(State::from_json(b"[").is_err());
}

#[test]
fn everything_can_be_shown_in_one_bubble() {
    let mut play = play(&json!({ "nodes": {
        "a": { "to": "m" },
        "m": { "type": "message", "to": "l", "message":
            { "text": "한 줄", "image": { "url": "https://x.example/1" } } },
        "l": { "type": "link", "message":
            { "text": "두 줄", "link": { "label": "L", "url": "https://x.example/2" } } }
    } }));
    play.says("hi");
    let turn = play.say("x").unwrap().turn.unwrap();
    assert_eq!(turn.messages.len(), 2);
    let joined = turn.joined(7);
    assert_eq!(joined.text, "한 줄\n\n두 ");
    assert!(joined.image.is_some() && joined.link.is_some());
    assert_eq!(turn.session.expires_at.unwrap(), Timestamp::from_secs(1_795_237_500));
}
