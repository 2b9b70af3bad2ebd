//! Every mistake is found, with its place and its kind.

use maru_scenario::{Capabilities, Code, Issue, Scenario, Severity, validate};
use serde_json::{Value, json};

use crate::play::shown;

fn base() -> Value {
    json!({
        "format": "chatflow/1", "name": "base",
        "meta": { "entry_id": "a", "exception_id": "sorry" },
        "slots": { "s": { "type": "choice", "values": ["x", "y"] },
                   "n": { "type": "number" },
                   "p": { "type": "phone", "sensitive": true } },
        "webhooks": { "w": { "url": "https://w.example/" } },
        "consents": { "c": { "version": "1", "text": "?", "agree": "yes", "decline": "no" } },
        "globals": [{ "when": { "text_in": ["restart"] }, "to": "a", "clear_slots": true }],
        "nodes": {
            "a": { "type": "select", "message": { "text": "A" },
                   "choices": [{ "label": "one", "to": "b" }, { "label": "two", "to": "b" }] },
            "b": { "type": "slot", "slot": "s", "message": { "text": "B" }, "keyboard": "values",
                   "to": "c" },
            "c": { "type": "condition", "to": "d" },
            "d": { "type": "webhook", "webhook": "w", "body": {}, "to": "e", "on_error": "sorry" },
            "e": { "type": "end", "message": { "text": "E" } },
            "sorry": { "type": "message", "message": { "text": "?" }, "return": true }
        }
    })
}

/// The base with one value put in (or, with null, taken out).
fn with(pointer: &str, value: &Value) -> Vec<u8> {
    let mut file = base();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = file.pointer_mut(parent).unwrap();
    match parent {
        Value::Object(map) if value.is_null() => drop(map.remove(name)),
        Value::Object(map) => drop(map.insert(name.to_owned(), value.clone())),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
        _ => unreachable!(),
    }
    file.to_string().into_bytes()
}

fn has(issues: &[Issue], severity: Severity, code: Code, pointer: &str) -> bool {
    issues.iter().any(|i| i.severity == severity && i.code == code && i.pointer == pointer)
}

#[test]
fn the_base_has_nothing_wrong() {
    assert_eq!(shown(&validate(base().to_string().as_bytes(), &[])), "");
}

#[test]
fn every_error_is_found_where_it_is() {
    use Code::*;
    let long = "가".repeat(1_001);
    let labels: Vec<_> = (0..101).map(|n| json!({ "label": n.to_string(), "to": "b" })).collect();
    let message = json!({ "type": "message", "message": { "text": "x" } });
    let deep = (0..9).fold(json!({ "else": true }), |inner, _| json!({ "not": inner }));
    for (pointer, value, code, place) in [
        ("/format", json!("chatflow/2"), BadValue, "/format"),
        ("/name", json!(" "), EmptyText, "/name"),
        ("/nmae", json!("x"), UnknownMember, "/nmae"),
        ("/utc_offset", json!("KST"), BadValue, "/utc_offset"),
        ("/meta/entry_id", json!(null), MissingMember, "/meta"),
        ("/meta/entry_id", json!("zzz"), UnknownNode, "/meta/entry_id"),
        ("/meta/exception_id", json!("zzz"), UnknownNode, "/meta/exception_id"),
        ("/meta/session_timeout_seconds", json!(59), BadValue, "/meta/session_timeout_seconds"),
        ("/meta/max_hops", json!(101), BadValue, "/meta/max_hops"),
        ("/meta/carry_slots", json!(["t"]), UndeclaredSlot, "/meta/carry_slots/0"),
        ("/globals/0/to", json!("zzz"), UnknownNode, "/globals/0/to"),
        ("/globals/0/when", json!({ "else": true }), BadCondition, "/globals"),
        ("/nodes/a/name", json!(""), EmptyText, "/nodes/a/name"),
        ("/nodes/a/message", json!({ "text": "" }), EmptyText, "/nodes/a/message/text"),
        ("/nodes/a/message", json!({}), EmptyText, "/nodes/a/message"),
        ("/nodes/a/message/text", json!(long), TextTooLong, "/nodes/a/message/text"),
        ("/nodes/a/message/text", json!("{{slot.t}}"), UndeclaredSlot, "/nodes/a/message/text"),
        ("/nodes/a/message/text", json!("{{x}}"), BadTemplate, "/nodes/a/message/text"),
        ("/nodes/a/message/text", json!("{{secret.x}}"), BadTemplate, "/nodes/a/message/text"),
        ("/nodes/a/choices", json!([]), NoChoices, "/nodes/a/choices"),
        ("/nodes/a/choices", json!(labels), TooManyButtons, "/nodes/a/choices"),
        ("/nodes/a/choices/1/label", json!("ONE "), DuplicateButton, "/nodes/a/choices/1/label"),
        ("/nodes/a/choices/1/value", json!("one"), DuplicateButton, "/nodes/a/choices/1/value"),
        ("/nodes/a/choices/1/to", json!("bb"), UnknownNode, "/nodes/a/choices/1/to"),
        ("/nodes/a/type", json!("selct"), BadValue, "/nodes/a/type"),
        ("/nodes/b/slot", json!("t"), UndeclaredSlot, "/nodes/b/slot"),
        ("/nodes/b/slot", json!("n"), BadValue, "/nodes/b/keyboard"),
        ("/nodes/b/to", json!(null), NoWayOn, "/nodes/b"),
        (
            "/nodes/b/transitions",
            json!([{ "when": { "regex": "(" }, "to": "c" }]),
            BadPattern,
            "/nodes/b/transitions/0/when/regex",
        ),
        (
            "/nodes/b/transitions",
            json!([{ "when": { "regex": "(\\w{99}){99}" }, "to": "c" }]),
            BadPattern,
            "/nodes/b/transitions/0/when/regex",
        ),
        (
            "/nodes/b/transitions",
            json!([{ "when": { "eq": [1] }, "to": "c" }]),
            BadCondition,
            "/nodes/b/transitions/0/when/eq",
        ),
        (
            "/nodes/b/transitions",
            json!([{ "when": { "eq": [1, 1], "ne": [1, 2] }, "to": "c" }]),
            BadCondition,
            "/nodes/b/transitions/0/when",
        ),
        (
            "/nodes/b/transitions",
            json!([{ "when": { "exists": "slot.t" }, "to": "c" }]),
            UndeclaredSlot,
            "/nodes/b/transitions/0/when/exists",
        ),
        (
            "/nodes/b/transitions",
            json!([{ "when": deep, "to": "c" }]),
            BadCondition,
            "/nodes/b/transitions/0/when/not/not/not/not/not/not/not/not/not",
        ),
        (
            "/nodes/b/transitions",
            json!([{ "to": "c", "set": { "slot.s": "z" } }]),
            BadValue,
            "/nodes/b/transitions/0/set/slot.s",
        ),
        (
            "/nodes/b/transitions",
            json!([{ "to": "c", "set": { "content": "z" } }]),
            BadValue,
            "/nodes/b/transitions/0/set/content",
        ),
        ("/nodes/b/max_retries", json!(11), BadValue, "/nodes/b/max_retries"),
        ("/nodes/c/to", json!(null), NoWayOn, "/nodes/c"),
        ("/nodes/d/webhook", json!("ww"), UndeclaredWebhook, "/nodes/d/webhook"),
        ("/nodes/d/to", json!("c"), EndlessLoop, "/nodes/c"),
        ("/nodes/e", message, NoWayOn, "/nodes/e"),
        ("/nodes/e e", json!({ "type": "end" }), BadId, "/nodes/e e"),
        ("/slots/s/values", json!(["x", "X"]), DuplicateButton, "/slots/s/values/1"),
        ("/slots/s/synonyms", json!({ "z": ["zz"] }), BadValue, "/slots/s/synonyms/z"),
        ("/slots/s/synonyms", json!({ "x": ["y"] }), BadValue, "/slots/s/synonyms/x/0"),
        ("/slots/p/consent", json!("zzz"), UndeclaredConsent, "/slots/p/consent"),
        ("/slots/a.b", json!({ "type": "text" }), BadId, "/slots/a.b"),
        ("/webhooks/w/url", json!("ftp://x"), BadValue, "/webhooks/w/url"),
        ("/webhooks/w/url", json!("https://{{content}}/"), BadValue, "/webhooks/w/url"),
        ("/webhooks/w/url", json!("https://w.example{{content}}"), BadValue, "/webhooks/w/url"),
        ("/webhooks/w/url", json!("https://u:p@w.example/"), BadValue, "/webhooks/w/url"),
        ("/webhooks/w/headers", json!({ "Host": "x" }), BadValue, "/webhooks/w/headers/Host"),
        ("/webhooks/w/headers", json!({ "A b": "x" }), BadId, "/webhooks/w/headers/A b"),
        ("/webhooks/w/timeout_ms", json!(3_501), BadValue, "/webhooks/w/timeout_ms"),
        ("/consents/c/decline", json!("YES"), DuplicateButton, "/consents/c"),
        ("/consents/c/version", json!(null), MissingMember, "/consents/c"),
    ] {
        let file = with(pointer, &value);
        let issues = validate(&file, &[]);
        assert!(
            has(&issues, Severity::Error, code, place),
            "{code:?} at {place} was not found with {value} at {pointer}:\n{}",
            shown(&issues)
        );
        assert!(Scenario::load(&file, 1).is_err(), "{pointer}");
    }
}

#[test]
fn every_warning_is_found_where_it_is() {
    use Code::*;
    let alone = json!({ "type": "end" });
    let ask =
        |to: &str| json!({ "type": "slot", "slot": "n", "message": { "text": "?" }, "to": to });
    for (pointer, value, code, place) in [
        ("/nodes/f", alone, Unreachable, "/nodes/f"),
        ("/nodes/d/to", json!("b"), PossibleLoop, "/nodes/b"),
        (
            "/nodes/b",
            json!({ "type": "slot", "slot": "n", "message": { "text": "?" },
            "transitions": [{ "when": { "gt": ["{{slot.n}}", 1] }, "to": "c" }] }),
            MayFallThrough,
            "/nodes/b",
        ),
        ("/nodes/a/choices/0/to", json!(null), MayFallThrough, "/nodes/a"),
        (
            "/nodes/c",
            json!({ "type": "custom", "handler": "h", "to": "d" }),
            UnresolvedHandler,
            "/nodes/c/handler",
        ),
        ("/webhooks/w/url", json!("http://w.example/"), NotHttps, "/webhooks/w/url"),
        ("/nodes/sorry/to", json!("a"), NoEffect, "/nodes/sorry"),
        (
            "/nodes/b/transitions",
            json!([{ "to": "c" }, { "to": "d" }]),
            NoEffect,
            "/nodes/b/transitions",
        ),
        ("/slots/n/consent", json!("c"), NoEffect, "/slots/n/consent"),
        ("/nodes/e", json!({ "type": "intent", "message": { "text": "?" } }), NoWayOn, "/nodes/e"),
        ("/meta/max_hops", json!(1), TooManyHops, "/nodes/c"),
    ] {
        let file = with(pointer, &value);
        let issues = validate(&file, &[]);
        assert!(has(&issues, Severity::Warning, code, place), "{pointer}:\n{}", shown(&issues));
        assert!(Scenario::load(&file, 1).is_ok(), "{pointer}:\n{}", shown(&issues));
    }
    // Asking again is a circle with the user in it.
    let file = with("/nodes/b", &ask("a"));
    assert!(!validate(&file, &[]).iter().any(|issue| issue.code == PossibleLoop));
}

#[test]
fn a_slot_that_needs_a_consent_that_is_not_there_cannot_be_used() {
    let mut file = base();
    file["consents"] = json!({});
    assert_eq!(shown(&validate(file.to_string().as_bytes(), &[])), "", "declared only");
    file["nodes"]["b"]["slot"] = json!("p");
    file["nodes"]["b"].as_object_mut().unwrap().remove("keyboard");
    let issues = validate(file.to_string().as_bytes(), &[]);
    assert!(has(&issues, Severity::Error, Code::UndeclaredConsent, "/nodes/b/slot"));
}

#[test]
fn all_mistakes_are_listed_at_once_errors_first() {
    let mut file = base();
    file["nodes"]["a"]["choices"] = json!([]);
    file["nodes"]["b"]["slto"] = json!("s");
    file["slots"]["n"]["type"] = json!("nubmer");
    file["webhooks"]["w"]["url"] = json!("http://w.example/");
    let issues = validate(file.to_string().as_bytes(), &[]);
    assert!(issues.len() >= 4, "{}", shown(&issues));
    assert!(issues.is_sorted_by_key(|issue| issue.severity));
    let near = issues.iter().find(|issue| issue.code == Code::UnknownMember).unwrap();
    assert!(near.message.contains("did you mean \u{201c}slot\u{201d}?"), "{near}");
    let json = serde_json::to_value(near).unwrap();
    assert_eq!(json["severity"], "error");
    assert_eq!(json["code"], "unknown_member");
}

#[test]
fn what_is_no_scenario_at_all_is_refused() {
    for (file, code) in [
        (&b""[..], Code::NotJson),
        (b"format: chatflow/1", Code::NotJson),
        (b"[]", Code::WrongType),
        (b"{}", Code::MissingMember),
        (br#"{"format":"chatflow/1","format":"chatflow/1"}"#, Code::DuplicateMember),
        ("[".repeat(1_000).as_bytes(), Code::TooLarge),
        (" ".repeat((1 << 20) + 1).as_bytes(), Code::TooLarge),
    ] {
        let issues = validate(file, &[]);
        assert!(issues.iter().any(|issue| issue.code == code), "{code:?}: {}", shown(&issues));
    }
}

#[test]
fn a_circle_through_the_exception_node_is_found() {
    let mut file = base();
    file["nodes"]["c"] = json!({ "type": "condition",
        "transitions": [{ "when": { "contains": "x" }, "to": "d" }] });
    file["nodes"]["sorry"] = json!({ "type": "message", "message": { "text": "?" }, "to": "c" });
    let issues = validate(file.to_string().as_bytes(), &[]);
    assert!(issues.iter().any(|issue| issue.code == Code::EndlessLoop), "{}", shown(&issues));
}

#[test]
fn what_a_channel_cannot_show_is_a_warning_of_that_channel() {
    let mut file = base();
    file["nodes"]["a"]["choices"][0]["label"] = json!("열한 글자가 넘는 단추");
    file["nodes"]["c"] = json!({ "type": "message", "message": { "text": "x",
        "link": { "label": "l", "url": "https://x.example/" } }, "to": "h" });
    file["nodes"]["h"] = json!({ "type": "handoff", "to": "d", "message": { "text": "h" } });
    let file = file.to_string();
    assert_eq!(shown(&validate(file.as_bytes(), &[])), "");
    let talktalk = validate(file.as_bytes(), &[Capabilities::TALKTALK]);
    let [issue] = talktalk.as_slice() else { panic!("{}", shown(&talktalk)) };
    assert_eq!((issue.code, &*issue.pointer), (Code::ChannelLabel, "/nodes/a/choices/0/label"));
    let plus_friend = validate(file.as_bytes(), &[Capabilities::PLUS_FRIEND]);
    assert!(has(&plus_friend, Severity::Warning, Code::ChannelPush, "/nodes/h"));
    assert!(has(&plus_friend, Severity::Warning, Code::ChannelBubbles, "/nodes/c"));
    let small = Capabilities {
        text_chars_max: 0,
        buttons_max: 1,
        links: false,
        kinds: maru_scenario::Kinds::TEXT,
        ..Capabilities::TALKTALK
    };
    let issues = validate(file.as_bytes(), &[small]);
    for (code, pointer) in [
        (Code::ChannelText, "/nodes/a/message/text"),
        (Code::ChannelText, "/consents/c/text"),
        (Code::ChannelButtons, "/nodes/a/choices"),
        (Code::ChannelButtons, "/nodes/b/keyboard"),
        (Code::ChannelContent, "/nodes/c/message/link"),
    ] {
        assert!(has(&issues, Severity::Warning, code, pointer), "{code:?}: {}", shown(&issues));
    }
}

#[test]
fn an_error_counts_however_many_warnings_there_are() {
    let mut file = base();
    for n in 0..600 {
        let link = json!({ "label": "l", "url": "http://x.example/" });
        file["nodes"][format!("n{n}")] =
            json!({ "type": "link", "message": { "link": link }, "to": "zzz" });
    }
    let issues = validate(file.to_string().as_bytes(), &[]);
    assert_eq!(issues.len(), 1_000);
    assert!(Scenario::load(file.to_string().as_bytes(), 1).is_err());
}

/// The example of the format's own design, with its three dots filled in.
#[test]
fn the_designs_own_example_is_a_scenario() {
    let file = r#"{ "format":"chatflow/1", "name":"coffee", "locale":"ko-KR",
      "meta":{ "entry_id":"start", "exception_id":"sorry", "session_timeout_seconds":300,
               "on_restart":"evaluate", "carry_slots":["nickname"], "max_hops":20 },
      "slots":{ "menu":{"type":"choice","values":["Americano","Latte"],"synonyms":{"Americano":["아아"]}},
                "nickname":{"type":"text"},
                "qty":{"type":"number","min":1,"max":20}, "phone":{"type":"phone","sensitive":true} },
      "webhooks":{ "stock":{"method":"POST","url":"https://stock.example/","headers":{"X-Key":"{{secret.stock}}"},"timeout_ms":2000,"retry":0} },
      "globals":[ {"when":{"text_in":["처음으로","restart"]},"to":"start","clear_slots":true} ],
      "nodes":{
        "start":{ "name":"entry","type":"select","message":{"text":"Hello {{var.name|default:guest}}"},
                  "choices":[{"label":"Order","to":"ask_menu"},{"label":"Hours","to":"hours"}],
                  "transitions":[{"when":{"contains":["order"]},"to":"ask_menu"}] },
        "ask_menu":{ "type":"slot","slot":"menu","message":{"text":"Which one?"},"keyboard":"values",
                     "ask":"if_empty","reprompt":{"text":"Please choose from the list"},"max_retries":2,
                     "on_invalid":"sorry","to":"check" },
        "check":{ "type":"webhook","webhook":"stock","body":{"menu":"{{slot.menu}}"},
                  "set":{"var.left":"{{response.left}}"},
                  "transitions":[{"when":{"gt":["{{var.left}}",0]},"to":"done"},{"to":"soldout"}],"on_error":"sorry" },
        "hours":{ "type":"link","message":{"text":"See the page","link":{"label":"Open","url":"https://hours.example/"}},"to":"start" },
        "done":{ "type":"end","message":{"text":"{{slot.menu}} ordered"} },
        "soldout":{ "type":"end","message":{"text":"Sold out"} },
        "sorry":{ "type":"message","message":{"text":"Sorry"},"return":true } } }"#;
    let mut play = crate::play::Play::load(file);
    assert_eq!(play.scenario.secrets(), ["stock"]);
    assert_eq!(play.says("hello"), "Hello guest @ start");
    assert_eq!(play.says("I want to order"), "Which one? @ ask_menu");
    assert_eq!(play.says("tea"), "Please choose from the list @ ask_menu");
    assert_eq!(play.says("아아"), "…");
    assert_eq!(crate::play::brief(play.hook(200, r#"{"left":1}"#)), "Americano ordered @ done");
}
