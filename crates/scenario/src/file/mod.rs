//! A scenario file, `chatflow/1`, taken apart.

mod node;
mod parts;
mod read;
mod webhook;

use std::collections::BTreeMap;

pub(crate) use node::{Asked, Call, Choice, Kind, Node};
pub(crate) use parts::{Assign, Consent, Link, Move, Saying, Target};
pub(crate) use read::read;
pub(crate) use webhook::Webhook;

use crate::issue::Issue;
use crate::slot::Slot;
use crate::turn::Action;

/// A scenario that was read and found in order.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) version: u64,
    pub(crate) name: String,
    pub(crate) locale: Option<String>,
    pub(crate) offset_secs: i32,
    pub(crate) meta: Meta,
    pub(crate) slots: BTreeMap<String, Slot>,
    pub(crate) webhooks: BTreeMap<String, Webhook>,
    pub(crate) consents: BTreeMap<String, Consent>,
    pub(crate) globals: Vec<Move>,
    pub(crate) nodes: BTreeMap<String, Node>,
}

/// What holds for a whole scenario.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    pub(crate) entry: String,
    pub(crate) exception: String,
    pub(crate) timeout_secs: u32,
    pub(crate) on_restart: OnRestart,
    pub(crate) carry_slots: Vec<String>,
    pub(crate) carry_vars: Vec<String>,
    pub(crate) hops_max: u32,
}

/// What becomes of the words with which a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRestart {
    /// They are tried on the entry node.
    Evaluate,
    /// The entry node is shown whatever they were.
    Greet,
}

/// What there is to know about a node from outside.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NodeInfo {
    /// The node's id.
    pub id: String,
    /// Its name, else its id.
    pub name: String,
    /// The type as the file has it: `select`, `webhook`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What a turn that rests there tells its caller.
    #[serde(skip)]
    pub action: Action,
}

impl NodeInfo {
    fn of(node: &Node) -> Self {
        Self {
            id: node.id.clone(),
            name: node.name.clone().unwrap_or_else(|| node.id.clone()),
            kind: node.kind.word(),
            action: node.kind.action(),
        }
    }
}

/// A scenario's meta data and nodes, as callers may read them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ScenarioInfo {
    /// The scenario's name.
    pub name: String,
    /// Its language, as a BCP 47 tag, if it says.
    pub locale: Option<String>,
    /// The version that the service gave it.
    pub version: u64,
    /// The node at which sessions begin.
    pub entry_id: String,
    /// The node for what nothing else answers.
    pub exception_id: String,
    /// After how many silent seconds a session starts again; 0 for never.
    pub session_timeout_seconds: u32,
    /// All nodes, by id.
    pub nodes: Vec<NodeInfo>,
}

impl Scenario {
    /// Reads a scenario file and gives it its version.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, and its warnings too; see [`validate`](crate::validate).
    pub fn load(file: &[u8], version: u64) -> Result<Self, Vec<Issue>> {
        let (scenario, issues) = crate::check::check(file, &[]);
        match scenario {
            Some(scenario) => Ok(Self { version, ..scenario }),
            None => Err(issues),
        }
    }

    /// The version that the service gave it. A session is pinned to it.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What callers may know of it.
    pub fn info(&self) -> ScenarioInfo {
        ScenarioInfo {
            name: self.name.clone(),
            locale: self.locale.clone(),
            version: self.version,
            entry_id: self.meta.entry.clone(),
            exception_id: self.meta.exception.clone(),
            session_timeout_seconds: self.meta.timeout_secs,
            nodes: self.nodes.values().map(NodeInfo::of).collect(),
        }
    }

    /// What callers may know of one node.
    pub fn node(&self, id: &str) -> Option<NodeInfo> {
        self.nodes.get(id).map(NodeInfo::of)
    }

    /// Whether there is such a node.
    pub fn has_node(&self, id: &str) -> bool {
        self.nodes.contains_key(id)
    }

    /// The names of the secrets that its webhooks' headers need.
    pub fn secrets(&self) -> Vec<&str> {
        let headers = self.webhooks.values().flat_map(|webhook| &webhook.headers);
        let paths = headers.flat_map(|(_, value)| value.paths());
        let mut names: Vec<&str> = paths
            .filter(|path| path.root == crate::template::Root::Secret)
            .map(|path| path.name())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether what is said to this node is personal data.
    pub(crate) fn asks_for_personal_data(&self, node: &str) -> bool {
        match self.nodes.get(node).map(|node| &node.kind) {
            Some(Kind::Slot { slot, .. }) => self.slots.get(slot).is_some_and(|s| s.sensitive),
            _ => false,
        }
    }

    /// The consent that a slot needs before anything may stand in it.
    pub(crate) fn consent_for(&self, slot: &Slot) -> Option<(&str, &Consent)> {
        if !slot.sensitive {
            return None;
        }
        let found = match &slot.consent {
            Some(name) => self.consents.get_key_value(name),
            // Where there is only one, it need not be named.
            None => self.consents.first_key_value().filter(|_| self.consents.len() == 1),
        };
        found.map(|(name, consent)| (name.as_str(), consent))
    }
}
