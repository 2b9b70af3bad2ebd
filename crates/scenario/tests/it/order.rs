//! The order in which an answer is looked at, row by row.

use serde_json::{Value, json};

use crate::play::{Play, brief};

/// A node N of the given type, with everything that could take an answer. What is in `without` is
/// left out.
fn scenario(kind: &str, without: &[&str]) -> String {
    let mut node = json!({
        "type": kind,
        "message": { "text": "N?" },
        "transitions": [
            { "when": { "contains": "named" }, "to": "t1" },
            { "when": { "contains": "name" }, "to": "t2" },
            { "when": { "else": true }, "to": "t3" }
        ],
        "to": "to",
        "reprompt": { "text": "again" },
        "max_retries": 1,
        "fallback": "fallback"
    });
    match kind {
        "select" => {
            node["choices"] = json!([
                { "label": "named choice", "to": "choice" },
                { "label": "global choice", "to": "choice" },
                { "label": "2", "to": "two" },
                { "label": "open choice" }
            ]);
        }
        "slot" => {
            node["slot"] = json!("n");
            node["ask"] = json!("always");
        }
        _ => {}
    }
    let said = |text: &str| json!({ "type": "intent", "message": { "text": text } });
    let mut nodes = json!({ "n": node });
    for name in ["t1", "t2", "t3", "to", "fallback", "choice", "two", "global"] {
        nodes[name] = said(name);
    }
    nodes["sorry"] = json!({ "type": "message", "message": { "text": "sorry" }, "return": true });
    let mut file = json!({
        "format": "chatflow/1", "name": "order",
        "meta": { "entry_id": "n", "exception_id": "sorry" },
        "slots": { "n": { "type": "number", "max": 9 } },
        "globals": [{ "when": { "starts_with": ["global"] }, "to": "global" }],
        "nodes": nodes
    });
    for member in without {
        match *member {
            "else" => file["nodes"]["n"]["transitions"].as_array_mut().map(Vec::pop).map(drop),
            "return" => {
                file["nodes"]["sorry"] =
                    json!({ "type": "intent", "message": { "text": "sorry" } });
                Some(())
            }
            _ => file["nodes"]["n"].as_object_mut().map(|node| node.remove(*member)).map(drop),
        };
    }
    Value::to_string(&file)
}

fn table(kind: &str, rows: &[(&[&str], &str, &str)]) {
    for (without, content, says) in rows {
        let mut play = Play::load(&scenario(kind, without));
        // The node asks first: what is said then is an answer.
        play.step(maru_scenario::Input::Init { node: None }).unwrap();
        let (mut said, mut fell_back) = (String::new(), false);
        for answer in content.split(" | ") {
            let step = play.say(answer);
            fell_back = step.as_ref().is_ok_and(|step| step.fell_back);
            said = brief(step);
        }
        assert_eq!(said, *says, "{kind} without {without:?}: {content}");
        let answered = ["N?", "again", "fallback", "sorry"].iter().any(|by| says.starts_with(by));
        assert_eq!(fell_back, answered, "{kind} without {without:?}: {content}");
    }
}

#[test]
fn a_select_node() {
    table(
        "select",
        &[
            // (2) Globals come before choices, (3) choices before transitions.
            (&[], "global choice", "global @ global"),
            (&[], "  NAMED choice ", "choice @ choice"),
            // A label comes before a number, and a number counts from 1.
            (&[], "2", "two @ two"),
            (&[], "1", "choice @ choice"),
            // (4) A choice without a way of its own: transitions from the top, else included.
            (&[], "open choice", "t3 @ t3"),
            // (5) Then the node's own way.
            (&["else"], "open choice", "to @ to"),
            // (4) What is no choice: only transitions with a condition, the first that holds.
            (&[], "named", "t1 @ t1"),
            (&[], "nam_e name", "t2 @ t2"),
            // (6) Then the question again, as often as it says, and then the fallback.
            (&[], "5", "again @ n"),
            (&[], "x | x", "fallback @ fallback"),
            (&["reprompt", "max_retries"], "x", "fallback @ fallback"),
            (&["reprompt"], "x", "N? @ n"),
            // (7) Then the exception node, where the user does not stay if it returns.
            (&["fallback"], "x | x", "sorry @ n"),
            (&["fallback"], "x | x | x", "again @ n"),
            (&["fallback", "return"], "x | x", "sorry @ sorry"),
            // A good choice that leads nowhere is not asked for again.
            (&["else", "to"], "open choice", "fallback @ fallback"),
        ],
    );
}

#[test]
fn a_slot_node() {
    table(
        "slot",
        &[
            (&[], "global 3", "global @ global"),
            (&[], "3", "t3 @ t3"),
            (&["else"], "3", "to @ to"),
            (&[], "10", "again @ n"),
            (&[], "named", "t1 @ t1"),
            (&[], "10 | 10", "fallback @ fallback"),
            (&["fallback"], "10 | 10", "sorry @ n"),
        ],
    );
}

#[test]
fn an_intent_node() {
    table(
        "intent",
        &[
            (&[], "global", "global @ global"),
            (&[], "named", "t1 @ t1"),
            (&[], "anything", "t3 @ t3"),
            (&["else"], "anything", "to @ to"),
            (&["else", "to"], "anything", "again @ n"),
            (&["else", "to"], "x | y", "fallback @ fallback"),
            (&["else", "to", "fallback"], "x | y", "sorry @ n"),
        ],
    );
}

#[test]
fn a_session_that_begins_counts_only_what_is_known_by_name() {
    for (kind, content, says) in [
        ("select", "named choice", "choice @ choice"),
        ("select", "global x", "global @ global"),
        ("select", "open choice", "t3 @ t3"),
        ("select", "named", "t1 @ t1"),
        ("select", "hello", "N? @ n"),
        ("intent", "named", "t1 @ t1"),
        ("intent", "hello", "N? @ n"),
        // A number was not asked for yet.
        ("slot", "3", "N? @ n"),
    ] {
        let mut play = Play::load(&scenario(kind, &[]));
        assert_eq!(play.says(content), says, "{kind}: {content}");
        let retried = play.says("what?");
        assert!(
            says != "N? @ n" || kind == "intent" || retried == "again @ n",
            "the first words are no wrong answer: {retried}"
        );
    }
}
