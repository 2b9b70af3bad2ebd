//! A user's place, as callers see it.

use maru_scenario::{Action, Phase, Scenario, SessionInfo, State};
use serde::Serialize;
use serde_json::{Map, Value};

/// A user's place and what is known of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateView {
    /// The user.
    pub user_key: String,
    /// The node where they are.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it waits for.
    pub action: Action,
    /// Every slot that has a value.
    pub slot: Map<String, Value>,
    /// Every variable.
    pub var: Map<String, Value>,
    /// The session.
    pub session: SessionView,
    /// The last things that the user said, oldest first.
    pub history: Vec<PastView>,
}

/// A session between two turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// As turns tell it. Why one began anew is told with that turn, and never here.
    #[serde(flatten)]
    pub info: SessionInfo,
    /// `waiting`, `ended`, or `handed` to a human.
    pub phase: Phase,
}

/// Something the user said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PastView {
    /// When.
    pub at: String,
    /// Its beginning.
    pub content: String,
    /// The node where the user was then.
    pub id: String,
}

impl StateView {
    /// `scenario` is the version that the session is pinned to, if it is still there.
    pub(crate) fn of(user_key: &str, state: &State, scenario: Option<&Scenario>) -> Self {
        let node = scenario.and_then(|scenario| scenario.node(state.node()));
        let waiting = node.as_ref().filter(|_| state.phase() == Phase::Waiting);
        let action = waiting.map_or(Action::Custom, |node| node.action);
        let past = state.history().map(|past| PastView {
            at: past.at.to_string(),
            content: past.content.clone(),
            id: past.id.clone(),
        });
        Self {
            user_key: user_key.to_owned(),
            id: state.node().to_owned(),
            name: node.map_or_else(|| state.node().to_owned(), |node| node.name),
            action,
            slot: state.slots().clone(),
            var: state.vars().clone(),
            session: SessionView { info: SessionInfo::of(state.session()), phase: state.phase() },
            history: past.collect(),
        }
    }
}
