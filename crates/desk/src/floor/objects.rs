//! What the machine moves: calls, agents, queues. Each is one value of the store.

use std::collections::BTreeMap;

use maru_activity::{Account, BotId, ConversationId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits::PACE_OF;

/// A number.
pub type Dn = Box<str>;

/// A call: what the desk keeps of a conversation that is its to route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// The conversation.
    pub call: ConversationId,
    /// Raised whenever somebody else has it, or is asked: whoever accepts says which offer.
    pub epoch: u64,
    /// Raised by every step.
    pub rev: u64,
    /// Whether the conversation is the call (and ends with it), or was a bot's and goes back to it.
    pub kind: CallKind,
    /// The number that was dialed, or that a bot handed it to.
    pub dn: Dn,
    /// The number of the virtual agent by which it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_agent: Option<Dn>,
    /// Who calls.
    pub customer: Customer,
    /// The bot that had it last: where a bot's conversation goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// How it stands.
    pub phase: Phase,
    /// Since when it has stood so.
    pub since: Timestamp,
    /// When it came in.
    pub began_at: Timestamp,
    /// Whose it is while somebody else is looked for: they have it back if nobody is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
    /// The customer was told that it rings.
    #[serde(default)]
    pub rung: bool,
    /// The customer was told that somebody answered.
    #[serde(default)]
    pub answered: bool,
    /// Which numbers it has been to since somebody last had it.
    #[serde(default)]
    pub been_to: Vec<Dn>,
    /// Who is not to be asked, and until when.
    #[serde(default)]
    pub cooling: Vec<(Dn, Timestamp)>,
    /// The newest of the customer's links, and since when it has been broken.
    #[serde(default)]
    pub link: u64,
    /// Since when the customer's link has been broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Timestamp>,
    /// When it is to be looked who spoke last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<Timestamp>,
    /// Of which silence the customer was warned, or the operator told: when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Timestamp>,
}

/// Whether a conversation is a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallKind {
    /// It came in by a number, and ends as calls do.
    Call,
    /// It is a bot's, which asked for a human: it goes back to the bot.
    Handoff,
}

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Their id and name.
    pub account: Account,
    /// Whether a trusted party vouched for the id.
    #[serde(default)]
    pub verified: bool,
    /// Their language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Box<str>>,
    /// What else agents are shown.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
}

/// How a call stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Phase {
    /// It waits in the queue of this number.
    Queued {
        /// The number.
        queue: Dn,
        /// Until when it may (T_queue).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// An agent is asked. It keeps its place in the queue.
    Ringing {
        /// The queue that it waits in.
        queue: Dn,
        /// Until when it may wait there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue_until: Option<Timestamp>,
        /// Who is asked.
        agent: Dn,
        /// Until when.
        until: Timestamp,
    },
    /// A bot has it.
    Bot {
        /// The bot.
        bot: BotId,
    },
    /// An agent has it.
    Agent {
        /// The agent.
        agent: Dn,
        /// The queue that they took it from: their group's settings hold, and it returns there if
        /// they are lost.
        queue: Dn,
        /// Whether they hold it.
        #[serde(default)]
        held: bool,
    },
    /// It is over, and an agent writes it up. Nothing that the customer does is of effect.
    Wrapup {
        /// The agent.
        agent: Dn,
        /// Until when.
        until: Timestamp,
    },
}

/// Whose a call is while somebody else is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Former {
    /// A bot's.
    Bot {
        /// The bot.
        bot: BotId,
    },
    /// An agent's.
    Agent {
        /// The agent.
        agent: Dn,
        /// The queue that they took it from.
        queue: Dn,
    },
}

/// An agent, as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Their number.
    pub dn: Dn,
    /// Whether they want calls.
    pub ready: bool,
    /// Why not, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// Since when.
    pub since: Timestamp,
    /// Their links, and until when each holds without a sign of life.
    #[serde(default)]
    pub links: BTreeMap<Box<str>, Timestamp>,
    /// Since when they have had no link; they stay signed in for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Timestamp>,
    /// The calls that take up their time.
    #[serde(default)]
    pub slots: Vec<Slot>,
    /// How many calls in a row they did not answer.
    #[serde(default)]
    pub missed: u32,
    /// Since when they have not had a call: the order of `longest_idle`.
    pub idle_since: Timestamp,
}

/// A call that takes up an agent's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The call.
    pub call: ConversationId,
    /// The call's [`Chat::rev`], so that other nodes see that it has changed.
    pub rev: u64,
    /// How.
    pub kind: SlotKind,
    /// Until when, of one that is written up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// How a call takes up an agent's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotKind {
    /// They are asked about it.
    Ringing,
    /// It is theirs, held or not.
    Call,
    /// They write it up.
    Wrapup,
}

/// The queue of a number: who waits there, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The number.
    pub dn: Dn,
    /// Who waits. Sorted by [`Waiting::order`].
    #[serde(default)]
    pub waiting: Vec<Waiting>,
    /// Who was asked last: where `round_robin` goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Dn>,
    /// How long the last ones waited for each place that they had before them, in milliseconds.
    #[serde(default)]
    pub pace: Vec<u64>,
}

/// A call that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The call.
    pub call: ConversationId,
    /// The call's [`Chat::rev`], so that other nodes see that it has changed.
    pub rev: u64,
    /// Who lost their agent waits before everybody else: 0 before 1.
    pub class: u8,
    /// Since when it has waited.
    pub since: Timestamp,
    /// Whether somebody is asked now.
    #[serde(default)]
    pub ringing: bool,
    /// Which place it had when it came.
    pub place: u32,
}

impl Chat {
    /// Whether the conversation is over as far as the customer is concerned.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Wrapup { .. })
    }

    /// The queue that it waits in, ringing or not.
    pub fn queue(&self) -> Option<&Dn> {
        match &self.phase {
            Phase::Queued { queue, .. } | Phase::Ringing { queue, .. } => Some(queue),
            _ => None,
        }
    }

    /// Whose it is: the agent who has it, or who gives it away.
    pub fn owner(&self) -> Option<&Dn> {
        match (&self.phase, &self.former) {
            (Phase::Agent { agent, .. }, _) | (_, Some(Former::Agent { agent, .. })) => Some(agent),
            _ => None,
        }
    }

    /// Whether this agent is not to be asked about it now.
    pub fn is_cooling(&self, agent: &str, now: Timestamp) -> bool {
        self.cooling.iter().any(|(dn, until)| &**dn == agent && *until > now)
    }
}

impl Agent {
    /// An agent who has never been here.
    pub fn new(dn: &str) -> Self {
        Self { dn: dn.into(), ..Self::default() }
    }

    /// Whether they have a link that holds.
    pub fn is_linked(&self, now: Timestamp) -> bool {
        self.links.values().any(|until| *until > now)
    }

    /// Since when they have had no link, if they have none now.
    pub fn gone_since(&self) -> Timestamp {
        // Links that were not renewed broke when they ran out.
        let ran_out = self.links.values().max().copied();
        ran_out.or(self.lost_at).unwrap_or_default()
    }

    /// The slot of a call.
    pub fn slot(&self, call: &ConversationId) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.call == *call)
    }
}

impl Waiting {
    /// Who comes first.
    pub fn order(&self) -> (u8, Timestamp, &ConversationId) {
        (self.class, self.since, &self.call)
    }
}

impl Queue {
    /// The queue of a number, empty.
    pub fn new(dn: &str) -> Self {
        Self { dn: dn.into(), ..Self::default() }
    }

    /// The index of a call in it.
    pub fn index(&self, call: &ConversationId) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.call == *call)
    }

    pub(crate) fn add(&mut self, mut waiting: Waiting) {
        let at = self.waiting.partition_point(|other| other.order() < waiting.order());
        waiting.place = u32::try_from(at + 1).unwrap_or(u32::MAX);
        self.waiting.insert(at, waiting);
    }

    /// Notes how long one that was answered waited.
    pub(crate) fn answered(&mut self, waiting: &Waiting, now: Timestamp) {
        let ms = u64::try_from(now.since(waiting.since).as_millis()).unwrap_or(u64::MAX);
        if self.pace.len() >= PACE_OF {
            self.pace.remove(0);
        }
        self.pace.push(ms / u64::from(waiting.place.max(1)));
    }

    /// How long the one at this place (from 1) will wait by what was seen lately, in seconds.
    pub fn eta(&self, place: u32) -> Option<u32> {
        let seen = u64::try_from(self.pace.len()).ok().filter(|seen| *seen > 0)?;
        let each = self.pace.iter().sum::<u64>() / seen;
        u32::try_from(each.saturating_mul(u64::from(place)) / 1_000).ok()
    }
}
