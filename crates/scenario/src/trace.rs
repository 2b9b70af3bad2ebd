//! What happened in a step, for those who test scenarios.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::limits::TRACE_MAX;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceLine {
    /// The node at which it happened.
    pub node: String,
    /// What it was.
    pub event: Event,
    /// The condition that was asked, as the author wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What came of it: `true`, a node's id, a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The slots that changed, with their new values; null for those that are empty now. Sensitive
    /// values are not shown.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub slot_diff: Map<String, Value>,
    /// What the author would want to know: values that were missing, or did not fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The session began again.
    Restart,
    /// A global was asked.
    Global,
    /// A consent was asked for, or answered.
    Consent,
    /// A choice was looked for.
    Choice,
    /// A slot's answer was looked at.
    Slot,
    /// A transition was asked.
    Transition,
    /// The node's own `to` was taken.
    To,
    /// The question was asked again.
    Reprompt,
    /// The node's fallback was taken.
    Fallback,
    /// The exception node was taken.
    Exception,
    /// A node was entered.
    Enter,
    /// A webhook was called, or answered.
    Webhook,
    /// The user went to a human, or came back.
    Handoff,
}

/// What stands for a value that must not be shown.
pub(crate) const HIDDEN: &str = "***";

/// Gathers what happened, if anyone asked.
#[derive(Debug)]
pub(crate) struct Tracer {
    lines: Option<Vec<TraceLine>>,
    slot_diff: Map<String, Value>,
    notes: Vec<String>,
}

impl Tracer {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { lines: wanted.then(Vec::new), slot_diff: Map::new(), notes: Vec::new() }
    }

    /// Says with the next line that a slot changed.
    pub(crate) fn slot(&mut self, name: &str, value: Value) {
        if self.lines.is_some() {
            self.slot_diff.insert(name.to_owned(), value);
        }
    }

    /// Says something with the next line.
    pub(crate) fn note(&mut self, note: impl FnOnce() -> String) {
        if self.lines.is_some() {
            self.notes.push(note());
        }
    }

    pub(crate) fn notes(&mut self, notes: Vec<String>) {
        if self.lines.is_some() {
            self.notes.extend(notes);
        }
    }

    pub(crate) fn line(
        &mut self,
        node: &str,
        event: Event,
        condition: Option<&str>,
        result: Option<&str>,
    ) {
        let Some(lines) = &mut self.lines else { return };
        let (slot_diff, notes) =
            (std::mem::take(&mut self.slot_diff), std::mem::take(&mut self.notes));
        if lines.len() < TRACE_MAX {
            let (condition, result) = (condition.map(str::to_owned), result.map(str::to_owned));
            lines.push(TraceLine {
                node: node.to_owned(),
                event,
                condition,
                result,
                slot_diff,
                notes,
            });
        }
    }

    pub(crate) fn into_lines(self) -> Vec<TraceLine> {
        self.lines.unwrap_or_default()
    }
}
