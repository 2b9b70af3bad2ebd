//! Changing a state from outside, without a turn.

use serde_json::{Map, Value};

use crate::file::Scenario;
use crate::input::Heard;
use crate::state::{Phase, State};
use crate::text;

use super::Context;
use super::run::Run;

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Slots and their new values; null empties one.
    pub slots: Map<String, Value>,
    /// The node where the user is to be. Nothing is said there: the user's next message is
    /// answered by it.
    pub node: Option<String>,
}

/// Why a state was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchRefused {
    /// There is no such node in this version.
    #[error("there is no node {id}")]
    UnknownNode {
        /// The id that was named.
        id: String,
    },
    /// Values that cannot be written.
    #[error("{} values cannot be written", .0.len())]
    Values(Vec<WrongValue>),
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WrongValue {
    /// Where it stands in the request, as a JSON Pointer.
    pub path: String,
    /// Why.
    pub reason: &'static str,
}

/// Changes a state from outside. All of it or nothing; the clock is not touched.
///
/// # Errors
///
/// If a node or a slot does not exist, or a value does not fit, or is personal data that the user
/// did not agree to.
pub fn patch(
    scenario: &Scenario,
    state: State,
    patch: Patch,
    context: &Context<'_>,
) -> Result<State, PatchRefused> {
    if let Some(id) = patch.node.as_ref().filter(|id| !scenario.has_node(id)) {
        return Err(PatchRefused::UnknownNode { id: id.clone() });
    }
    let mut run = Run::new(scenario, state, Heard::nothing(), context);
    let mut wrong = Vec::new();
    for (name, value) in patch.slots {
        let slot = text::nfc(&name);
        let reason = match scenario.slots.get(&*slot) {
            None => "there is no such slot",
            Some(declared) if run.missing_for(declared).is_some() => "the user did not agree to it",
            Some(_) => "the slot does not take it",
        };
        let known = scenario.slots.contains_key(&*slot);
        if !known || !run.write_slot(&slot, &value) {
            wrong.push(WrongValue { path: crate::json::join("/slot", &name), reason });
        }
    }
    if !wrong.is_empty() {
        return Err(PatchRefused::Values(wrong));
    }
    let mut state = run.state;
    if let Some(id) = patch.node {
        state.node = id;
        state.phase = Phase::Waiting;
        state.retries = 0;
        state.moved = true;
        state.pending = None;
    }
    Ok(state)
}
