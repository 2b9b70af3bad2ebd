//! What holds for every scenario, every state and every input.

use maru_activity::Timestamp;
use maru_scenario::{
    Code, ContentKind, Context, Input, Refusal, Scenario, State, UserMessage, WebhookOutcome, fuzz,
    step, validate,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Choices taken from random bytes, so that a failure shrinks.
struct Dice<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Dice<'_> {
    fn roll(&mut self, below: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % below
    }

    fn often(&mut self) -> bool {
        self.roll(4) > 0
    }

    fn pick<'t, T: ?Sized>(&mut self, among: &[&'t T]) -> &'t T {
        among[self.roll(among.len())]
    }
}

const IDS: &[&str] = &["a", "b", "c", "d", "e", "f", "sorry"];
const WORDS: &[&str] = &["x", "one", "2", "restart", "예", "동의", "010-1234-5678", "long words"];
const TEXTS: &[&str] = &["hello", "{{content}}", "{{slot.n}} {{slot.t|upper}}", "{{var.v|number}}"];

fn scenario(dice: &mut Dice<'_>) -> Value {
    let mut nodes = Map::new();
    for id in IDS {
        nodes.insert((*id).to_owned(), node(dice));
    }
    let returns = dice.often();
    let mut sorry = json!({ "type": "message", "message": { "text": "sorry" }, "return": returns });
    if !returns {
        sorry["to"] = to(dice);
    }
    nodes.insert("sorry".to_owned(), sorry);
    json!({
        "format": "chatflow/1", "name": "random",
        "meta": { "entry_id": "a", "exception_id": "sorry", "carry_slots": ["t"],
                  "on_restart": dice.pick(&["evaluate", "greet"]) },
        "slots": { "n": { "type": "number", "max": 5 }, "t": { "type": "text", "max_length": 8 },
                   "c": { "type": "choice", "values": ["one", "two"] },
                   "p": { "type": "phone", "sensitive": true } },
        "consents": { "c": { "version": "1", "text": "?", "agree": "예", "decline": "아니요" } },
        "webhooks": { "w": { "url": "https://w.example/{{content}}" } },
        "globals": [{ "when": { "text_in": "restart" }, "to": "a", "clear_slots": dice.often() }],
        "nodes": nodes
    })
}

fn to(dice: &mut Dice<'_>) -> Value {
    json!(dice.pick(IDS))
}

fn node(dice: &mut Dice<'_>) -> Value {
    let kind = dice.pick(&[
        "intent",
        "select",
        "slot",
        "link",
        "custom",
        "message",
        "condition",
        "set",
        "webhook",
        "jump",
        "end",
        "handoff",
        "select",
        "slot",
        "intent",
        "select",
        "slot",
        "intent",
        "select",
    ]);
    let mut node = json!({ "type": kind });
    if matches!(kind, "intent" | "select" | "slot" | "link" | "message" | "end" | "handoff") {
        node["message"] = json!({ "text": dice.pick(TEXTS) });
    }
    let has_to_lead_on = !matches!(kind, "intent" | "select" | "link" | "custom" | "end");
    if has_to_lead_on || (kind != "end" && dice.often()) {
        node["to"] = to(dice);
    }
    if !matches!(kind, "jump" | "handoff" | "end") && dice.often() {
        node["transitions"] = (0..dice.roll(3)).map(|_| transition(dice)).collect();
    }
    if matches!(kind, "intent" | "select" | "slot" | "link") && dice.often() {
        node["max_retries"] = json!(dice.roll(3));
        if dice.often() {
            node["fallback"] = to(dice);
        }
    }
    match kind {
        "select" => {
            node["choices"] =
                json!([{ "label": "one", "to": to(dice) }, { "label": "{{slot.t}}x" }]);
        }
        "slot" => {
            node["slot"] = json!(dice.pick(&["n", "t", "c", "p"]));
            node["ask"] = json!(dice.pick(&["if_empty", "always"]));
        }
        "link" => node["message"]["link"] = json!({ "label": "l", "url": "https://x.example/" }),
        "set" => node["set"] = set(dice),
        "custom" | "webhook" => {
            node["webhook"] = json!("w");
            if dice.often() {
                node["body"] = json!({ "x": "{{slot.n}}" });
            }
            if dice.often() {
                node["on_error"] = to(dice);
            }
        }
        _ => {}
    }
    node
}

fn set(dice: &mut Dice<'_>) -> Value {
    let value = dice.pick(&["{{content}}", "{{slot.n}}", "{{response.left}}"]);
    match dice.roll(4) {
        0 => json!({ "slot.n": value }),
        1 => json!({ "slot.p": value, "slot.t": null }),
        2 => json!({ "slot.t": value }),
        _ => json!({ "var.v": value }),
    }
}

fn transition(dice: &mut Dice<'_>) -> Value {
    let when = match dice.roll(8) {
        0 => json!({ "contains": dice.pick(WORDS) }),
        1 => json!({ "gt": ["{{slot.n}}", 2] }),
        2 => json!({ "exists": "slot.t" }),
        3 => json!({ "type_is": "photo" }),
        4 => json!({ "not": { "text_in": dice.pick(WORDS) } }),
        5 => json!({ "any": [{ "regex": "^[0-9]+$" }, { "eq": ["{{var.v}}", "x"] }] }),
        6 => json!({ "in": ["{{content}}", ["x", 2]] }),
        _ => return json!({ "to": to(dice), "set": set(dice) }),
    };
    json!({ "when": when, "to": to(dice), "set": set(dice) })
}

fn input(dice: &mut Dice<'_>, pending: Option<&str>) -> Input {
    match dice.roll(8) {
        0 => Input::Init { node: dice.often().then(|| dice.pick(IDS).to_owned()) },
        1 => Input::HandoffEnded { served: dice.often() },
        2 | 3 => {
            let body = dice.pick(&[
                "{}",
                "{\"to\":\"b\"}",
                "{\"to\":\"zzz\"}",
                "{\"left\":3,\"slot\":{\"n\":3}}",
                "x",
                "{\"message\":\"m\",\"keyboard\":[\"one\"]}",
                "{\"slot\":{\"p\":\"010-1-1\"}}",
            ]);
            let outcome = match dice.roll(5) {
                0 => WebhookOutcome::TimedOut,
                1 => WebhookOutcome::Answered { status: 500, body: Vec::new() },
                _ => WebhookOutcome::Answered { status: 200, body: body.as_bytes().to_vec() },
            };
            Input::webhook(pending.unwrap_or("0.0"), outcome)
        }
        _ => {
            let kind = if dice.roll(6) == 0 { ContentKind::Photo } else { ContentKind::Text };
            let content = dice.pick(WORDS).to_owned();
            Input::Message(UserMessage { kind, content, variables: Map::new() })
        }
    }
}

/// What holds after every step.
fn check_state(scenario: &Scenario, file: &Value, state: &State) -> Result<(), TestCaseError> {
    prop_assert_eq!(&State::from_json(&state.to_json()).unwrap(), state);
    prop_assert!(scenario.has_node(state.node()));
    prop_assert!(state.to_json().len() < 128 << 10);
    prop_assert!(!state.slots().contains_key("p") || state.consents().contains_key("c"));
    let number = state.slots().get("n").and_then(Value::as_f64);
    prop_assert!(number.is_none_or(|number| number <= 5.0));
    let word = state.slots().get("t").and_then(Value::as_str);
    prop_assert!(word.is_none_or(|word| (1..=8).contains(&word.chars().count())));
    prop_assert!(state.slots().keys().all(|name| file["slots"].get(name).is_some()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// What validation accepts has no dangling step: every step of it ends, keeps what it promises,
    /// and is the same each time.
    #[test]
    fn a_valid_scenario_keeps_every_promise(
        bytes in proptest::collection::vec(any::<u8>(), 200..400),
    ) {
        let mut dice = Dice { bytes: &bytes, at: 0 };
        let file = scenario(&mut dice);
        let text = file.to_string();
        let issues = validate(text.as_bytes(), &[]);
        let Ok(scenario) = Scenario::load(text.as_bytes(), 1) else { return Ok(()) };
        // Handlers lead where they want: what they do no file can promise.
        let endless = issues.iter().any(|i| matches!(i.code, Code::PossibleLoop | Code::TooManyHops))
            || text.contains("\"custom\"")
            || file["nodes"].as_object().unwrap().values().any(|node| {
                node["type"] == "webhook" && node.get("body").is_none()
            });
        let mut state: Option<State> = None;
        let mut now = Timestamp::from_secs(1_000);
        for _ in 0..25 {
            now = Timestamp::from_secs(now.as_secs() + [1, 300, 301][dice.roll(3)]);
            let context = Context { app: "a", user_key: "u", now, trace: true };
            let input = input(&mut dice, state.as_ref().and_then(State::pending));
            let done = step(&scenario, state.clone(), input.clone(), &context);
            prop_assert_eq!(&done, &step(&scenario, state.clone(), input.clone(), &context));
            match done {
                Ok(done) => {
                    check_state(&scenario, &file, &done.state)?;
                    prop_assert_eq!(done.turn.is_none(), done.state.pending().is_some());
                    if let Some(turn) = &done.turn {
                        prop_assert_eq!(turn.id.as_str(), done.state.node());
                        prop_assert!(turn.messages.len() <= 22);
                    }
                    state = Some(done.state);
                }
                Err(Refusal::UnknownNode { id }) => {
                    prop_assert!(matches!(input, Input::Init { node: Some(_) }), "{id}");
                }
                Err(Refusal::TooManyHops { .. }) => prop_assert!(endless, "{text}"),
                Err(_) => {}
            }
        }
    }

    /// Whatever stands in a state, and whatever comes: a step ends, and does not panic.
    #[test]
    fn a_step_is_total(bytes in proptest::collection::vec(any::<u8>(), 300..500)) {
        let mut dice = Dice { bytes: &bytes, at: 0 };
        let Ok(scenario) = Scenario::load(scenario(&mut dice).to_string().as_bytes(), 1) else {
            return Ok(());
        };
        for _ in 0..10 {
            let node = dice.pick(&["a", "b", "c", "sorry", "zzz", ""]);
            let state = json!({
                "v": 1,
                "session": { "started_at": 0, "last_message_at": dice.roll(256), "turn": u64::MAX,
                             "timeout_secs": 300, "scenario_version": 1 + dice.roll(8) / 7 },
                "node": node,
                "phase": dice.pick(&["waiting", "waiting", "ended", "handed"]),
                "retries": u32::MAX,
                "moved": dice.often(),
                "slots": { "n": "not a number", "p": "no consent", "zzz": {}, "t": [] },
                "vars": { "v": {} },
                "consents": { "zzz": { "version": "", "at": i64::MIN } },
                "pending": { "id": "0.0", "node": dice.pick(IDS), "hops": dice.roll(25),
                             "kind": "text", "content": "" }
            });
            let state = State::from_json(state.to_string().as_bytes()).unwrap();
            let input = input(&mut dice, Some("0.0"));
            let now = Timestamp::from_secs(i64::try_from(dice.roll(600)).unwrap());
            let context = Context { app: "", user_key: "", now, trace: true };
            if let Ok(done) = step(&scenario, Some(state), input, &context) {
                prop_assert!(done.turn.is_some() != done.state.pending().is_some());
            }
        }
    }

    /// Bytes are a file or they are not; a file with a few bytes changed likewise.
    #[test]
    fn reading_is_total(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        dice in proptest::collection::vec(any::<u8>(), 200..300),
    ) {
        fuzz::scenario(&bytes);
        fuzz::template(&bytes);
        fuzz::condition(&bytes);
        let mut file = scenario(&mut Dice { bytes: &dice, at: 0 }).to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        fuzz::scenario(&file);
    }
}

#[test]
fn a_part_of_the_random_scenarios_is_valid() {
    let mut valid = 0;
    for seed in 0_u64..300 {
        let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x.to_le_bytes()[3]
        })
        .take(300)
        .collect();
        let file = scenario(&mut Dice { bytes: &bytes, at: 0 }).to_string();
        valid += usize::from(Scenario::load(file.as_bytes(), 1).is_ok());
    }
    assert!(valid > 30, "the properties would say nothing: {valid} of 300");
}
