//! A user's place, as callers see it.

use maru_activity::Timestamp;
use maru_scenario::{Action, Phase, Scenario, Session, State};
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
    /// When it began.
    pub started_at: String,
    /// When the user last said something.
    pub last_message_at: String,
    /// From when on it is over, if it ever is.
    pub expires_at: Option<String>,
    /// How many turns there were.
    pub turn: u64,
    /// Always null: why a turn began anew is told with that turn.
    pub restarted: Option<()>,
    /// Always null, likewise.
    pub previous_id: Option<()>,
    /// The version that it is pinned to.
    pub scenario_version: u64,
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
        let node = scenario.and_then(|scenario| {
            scenario.info().nodes.into_iter().find(|node| node.id == state.node())
        });
        let action = match node.as_ref().map(|node| node.kind) {
            _ if state.phase() != Phase::Waiting => Action::Custom,
            Some("intent") => Action::Intent,
            Some("select") => Action::Select,
            Some("slot") => Action::Slot,
            Some("link") => Action::Link,
            _ => Action::Custom,
        };
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
            session: SessionView::of(state.session(), state.phase()),
            history: past.collect(),
        }
    }
}

impl SessionView {
    fn of(session: &Session, phase: Phase) -> Self {
        Self {
            started_at: session.started_at.to_string(),
            last_message_at: session.last_message_at.to_string(),
            expires_at: session.expires_at().map(|at: Timestamp| at.to_string()),
            turn: session.turn,
            restarted: None,
            previous_id: None,
            scenario_version: session.scenario_version,
            phase,
        }
    }
}
