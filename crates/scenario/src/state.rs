//! Where a user is in a scenario, and what is known of them.

use std::collections::{BTreeMap, VecDeque};

use maru_activity::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::file::Scenario;
use crate::input::{ContentKind, Heard};
use crate::limits::{HISTORY_CHARS_MAX, HISTORY_MAX};
use crate::session::{Restart, Session};
use crate::text;
use crate::turn::Bubble;

/// The layout of [`State`] that this crate writes.
const LAYOUT: u32 = 1;

/// Where a user is in a scenario, and what is known of them. Kept as JSON between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The layout of this, so that a later one can be told from it.
    v: u32,
    pub(crate) session: Session,
    /// The node that waits for the user, or was the last.
    pub(crate) node: String,
    pub(crate) phase: Phase,
    /// How often the node asked again.
    #[serde(default)]
    pub(crate) retries: u32,
    /// Whether a caller put the user here since the last turn.
    #[serde(default)]
    pub(crate) moved: bool,
    #[serde(default)]
    pub(crate) slots: Map<String, Value>,
    #[serde(default)]
    pub(crate) vars: Map<String, Value>,
    /// What the user agreed to. It outlasts sessions.
    #[serde(default)]
    pub(crate) consents: BTreeMap<String, Agreed>,
    #[serde(default)]
    pub(crate) history: VecDeque<Past>,
    /// A turn that waits for a webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Box<Pending>>,
}

/// Whether the scenario waits for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It does.
    Waiting,
    /// It came to its end; the next message begins again.
    Ended,
    /// The user talks to a human.
    Handed,
}

/// A consent that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The version of the wording.
    pub version: String,
    /// When.
    pub at: Timestamp,
}

/// Something the user said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// When.
    pub at: Timestamp,
    /// Its beginning; not what was said where personal data was asked for.
    pub content: String,
    /// The node where the user was then.
    pub id: String,
}

/// A turn that waits for a webhook: everything that is needed to go on with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) id: String,
    /// The node that called.
    pub(crate) node: String,
    pub(crate) hops: u32,
    pub(crate) kind: ContentKind,
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) choice: Option<String>,
    #[serde(default)]
    pub(crate) bubbles: Vec<Bubble>,
    #[serde(default)]
    pub(crate) restarted: Option<Restart>,
    #[serde(default)]
    pub(crate) previous_id: Option<String>,
}

/// Why a kept state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not a state at all.
    #[error("not a scenario's state: {0}")]
    Damaged(#[from] serde_json::Error),
    /// It was written by a later version of this program.
    #[error("a scenario's state of layout {0}, which this version does not know")]
    Layout(u32),
}

impl State {
    /// The state at the beginning of a session. What outlasts sessions is taken over from the one
    /// before.
    pub(crate) fn begin(scenario: &Scenario, before: Option<Self>, now: Timestamp) -> Self {
        let meta = &scenario.meta;
        let mut state = Self {
            v: LAYOUT,
            session: Session {
                started_at: now,
                last_message_at: now,
                timeout_secs: meta.timeout_secs,
                turn: 0,
                scenario_version: scenario.version,
            },
            node: meta.entry.clone(),
            phase: Phase::Waiting,
            retries: 0,
            moved: false,
            slots: Map::new(),
            vars: Map::new(),
            consents: BTreeMap::new(),
            history: VecDeque::new(),
            pending: None,
        };
        let Some(before) = before else { return state };
        let carried = |from: Map<String, Value>, names: &[String]| -> Map<String, Value> {
            from.into_iter().filter(|(name, _)| names.contains(name)).collect()
        };
        state.slots = carried(before.slots, &meta.carry_slots);
        state.vars = carried(before.vars, &meta.carry_vars);
        state.drop_unfit_slots(scenario);
        state.consents = before.consents;
        state.history = before.history;
        state
    }

    /// Empties the slots that this version of the scenario does not know, or whose values it does
    /// not take any more.
    pub(crate) fn drop_unfit_slots(&mut self, scenario: &Scenario) {
        self.slots.retain(|name, value| {
            scenario
                .slots
                .get(name)
                .is_some_and(|slot| slot.value_of(value).as_ref() == Some(value))
        });
    }

    /// Reads a kept state.
    ///
    /// # Errors
    ///
    /// If it is damaged, or was written by a later version of this program.
    pub fn from_json(json: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Layout {
            v: u32,
        }
        let read = serde_json::from_slice::<Self>(json);
        let v = match &read {
            Ok(state) => state.v,
            // Of another layout it may have another shape.
            Err(_) => serde_json::from_slice::<Layout>(json)?.v,
        };
        if v != LAYOUT {
            return Err(Unreadable::Layout(v));
        }
        Ok(read?)
    }

    /// The state as it is kept.
    pub fn to_json(&self) -> Vec<u8> {
        // Its maps have text keys and its numbers are finite: nothing in it can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Why a message that comes now begins a new session, if it does: decided without the scenario,
    /// so that the caller knows which version to load. `Some`: the newest. `None`: the one that the
    /// session is [pinned](Session::scenario_version) to, as long as it exists.
    pub fn restart_due(&self, now: Timestamp) -> Option<Restart> {
        match self.phase {
            Phase::Ended => Some(Restart::New),
            // Whoever talks to a human is not silent.
            Phase::Handed => None,
            Phase::Waiting => self.session.is_over(now).then_some(Restart::Timeout),
        }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The id of the node where the user is.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Whether the scenario waits for the user.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The id of the webhook that the turn waits for, if it does.
    pub fn pending(&self) -> Option<&str> {
        self.pending.as_ref().map(|pending| pending.id.as_str())
    }

    /// The slots that have a value.
    pub fn slots(&self) -> &Map<String, Value> {
        &self.slots
    }

    /// The variables.
    pub fn vars(&self) -> &Map<String, Value> {
        &self.vars
    }

    /// What the user agreed to, by the consent's name.
    pub fn consents(&self) -> &BTreeMap<String, Agreed> {
        &self.consents
    }

    /// The last things that the user said, oldest first.
    pub fn history(&self) -> impl ExactSizeIterator<Item = &Past> {
        self.history.iter()
    }

    pub(crate) fn remember(&mut self, at: Timestamp, content: &str) {
        while self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        let content = text::cut(content, HISTORY_CHARS_MAX).to_owned();
        self.history.push_back(Past { at, content, id: self.node.clone() });
    }
}

impl Pending {
    pub(crate) fn heard(&self) -> Heard {
        let mut heard = Heard::new(self.kind, &self.content);
        heard.choice.clone_from(&self.choice);
        heard
    }
}
