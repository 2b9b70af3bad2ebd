//! What fuzzers throw bytes at. Nothing here may panic, or take long.

use maru_activity::Timestamp;
use serde_json::Map;

use crate::condition::Condition;
use crate::input::{ContentKind, Heard, UserMessage, WebhookOutcome};
use crate::issue::Issues;
use crate::limits::{FILE_DEPTH_MAX, RENDERED_BYTES_MAX};
use crate::reader::Reader;
use crate::template::{Render, Scope, Template};
use crate::{Capabilities, Context, Input, Scenario, State, import, json, step, validate};

/// A scenario file, and a few turns of it if it is one.
pub fn scenario(file: &[u8]) {
    let _ = validate(file, &Capabilities::KNOWN);
    let _ = import(file, "fuzz");
    let Ok(scenario) = Scenario::load(file, 1) else { return };
    let context = Context { app: "a", user_key: "u", now: Timestamp::default(), trace: true };
    let mut state: Option<State> = None;
    for content in ["hello", "1", "2", "yes", "010-1234-5678"] {
        let mut input = Input::Message(UserMessage::text(content));
        // A turn may ask several webhooks, but not more than it passes nodes.
        while let Ok(done) = step(&scenario, state.clone(), input, &context) {
            let pending = done.state.pending().map(str::to_owned);
            state = Some(done.state);
            let Some(id) = pending else { break };
            let body = br#"{"left":1,"message":"m"}"#.to_vec();
            input = Input::webhook(id, WebhookOutcome::Answered { status: 200, body });
        }
    }
}

/// A template, filled in with itself.
pub fn template(source: &[u8]) {
    let Ok(source) = std::str::from_utf8(source) else { return };
    let Ok(template) = Template::parse(source) else { return };
    see(source, |scope| {
        let mut render = Render::new(scope, RENDERED_BYTES_MAX);
        assert!(template.text(&mut render).len() <= RENDERED_BYTES_MAX, "a template has a bound");
        let _ = template.address(&mut Render::new(scope, RENDERED_BYTES_MAX));
        let _ = template.header(&mut Render::new(scope, RENDERED_BYTES_MAX));
    });
}

/// A condition, asked about itself.
pub fn condition(source: &[u8]) {
    let Ok((value, _)) = json::read(source, FILE_DEPTH_MAX) else { return };
    let issues = Issues::default();
    let Some(condition) = Condition::read(&Reader::new(&value, String::new(), &issues)) else {
        return;
    };
    see(&value.to_string(), |scope| {
        let _ = condition.holds(&mut Render::new(scope, RENDERED_BYTES_MAX));
    });
}

fn see(content: &str, what: impl FnOnce(Scope<'_>)) {
    let heard = Heard::new(ContentKind::Text, content);
    let (mut slots, vars) = (Map::new(), Map::new());
    slots.insert("x".to_owned(), content.into());
    what(Scope {
        slots: &slots,
        vars: &vars,
        user_key: "u",
        heard: &heard,
        response: None,
        now: Timestamp::default(),
        offset_secs: 0,
    });
}
