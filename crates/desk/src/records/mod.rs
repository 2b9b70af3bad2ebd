//! The desk's records: the numbers of a realm, and its settings.
//!
//! A number (DN) is an agent's, a group's, a virtual agent's (a bot's), or another name for one of
//! these. Records are small values of the store: `desk/dn`, one a number, and `desk/settings`.

mod book;
mod settings;

use maru_activity::BotId;
use serde::{Deserialize, Serialize};

pub use book::{BadDn, Book};
pub use settings::{DeskSettings, Texts};

use crate::limits::{CALLS_DEFAULT, QUEUE_DEFAULT};

/// The scope of numbers; the key is the number.
pub(crate) const DNS: &str = "desk/dn";

/// The scope of a realm's desk settings, and their only key.
pub(crate) const SETTINGS: &str = "desk/settings";

/// A number of a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DnRecord {
    /// A human.
    Agent(AgentRecord),
    /// Several of them.
    Group(GroupRecord),
    /// A bot.
    Virtual(VirtualRecord),
    /// Another name for one of these.
    Alias(AliasRecord),
}

/// The number of a human. Who signs in as it, their account says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRecord {
    /// The number.
    pub dn: Box<str>,
    /// The name shown to customers.
    pub name: Box<str>,
    /// How many calls they are given at once: those that ring, those they are in, held or not, and
    /// those they write up. From 1 to 50.
    #[serde(default = "calls_default")]
    pub max: u32,
    /// Whether who dials this very number may wait for them while they are busy or away.
    #[serde(default)]
    pub queue: bool,
    /// Where calls go that they cannot take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Box<str>>,
}

/// The number of a group of agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRecord {
    /// The number.
    pub dn: Box<str>,
    /// The name shown to customers and agents.
    pub name: Box<str>,
    /// Who is in it.
    #[serde(default)]
    pub members: Vec<Membership>,
    /// Who of them is asked.
    #[serde(default)]
    pub policy: Policy,
    /// How many may wait at once. From 0 to 10,000; default 100.
    #[serde(default = "queue_default")]
    pub queue_max: u32,
    /// How long an agent is asked (T_ring), in seconds; `None`: as the realm's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_secs: Option<u32>,
    /// How long a customer may wait here (T_queue), in seconds, 0 for as long as they like; `None`:
    /// as the realm's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_secs: Option<u32>,
    /// How long agents have for writing up (T_wrapup), in seconds, 0 for none; `None`: as the
    /// realm's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapup_secs: Option<u32>,
    /// Where calls go that cannot be taken here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Box<str>>,
    /// Whether calls are taken while no member is signed in.
    #[serde(default)]
    pub accept_when_empty: bool,
    /// Whether those who wait are turned away when the last member signs out.
    #[serde(default)]
    pub clear_when_empty: bool,
}

/// An agent in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The agent's number.
    pub dn: Box<str>,
    /// Those of a lower rank are asked first. Default 1.
    #[serde(default = "rank_default")]
    pub rank: u32,
}

/// Who of a group is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Whoever has not had a call for the longest time.
    #[default]
    LongestIdle,
    /// One after the other.
    RoundRobin,
    /// Nobody: they help themselves.
    Manual,
}

/// The number of a virtual agent: a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualRecord {
    /// The number.
    pub dn: Box<str>,
    /// The name shown to customers.
    pub name: Box<str>,
    /// The bot that answers.
    pub bot: BotId,
    /// Whom it hands over to, if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Box<str>>,
}

/// Another name for a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliasRecord {
    /// The name.
    pub dn: Box<str>,
    /// The number.
    pub to: Box<str>,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DnKind {
    /// A human.
    Agent,
    /// Several of them.
    Group,
    /// A bot.
    Virtual,
    /// Another name for one of these.
    Alias,
}

impl DnKind {
    /// Its word in records and on wires.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Group => "group",
            Self::Virtual => "virtual",
            Self::Alias => "alias",
        }
    }
}

impl DnRecord {
    /// The number.
    pub fn dn(&self) -> &str {
        match self {
            Self::Agent(agent) => &agent.dn,
            Self::Group(group) => &group.dn,
            Self::Virtual(bot) => &bot.dn,
            Self::Alias(alias) => &alias.dn,
        }
    }

    /// What it is.
    pub fn kind(&self) -> DnKind {
        match self {
            Self::Agent(_) => DnKind::Agent,
            Self::Group(_) => DnKind::Group,
            Self::Virtual(_) => DnKind::Virtual,
            Self::Alias(_) => DnKind::Alias,
        }
    }

    /// The name to show; an alias has none of its own.
    pub fn name(&self) -> &str {
        match self {
            Self::Agent(agent) => &agent.name,
            Self::Group(group) => &group.name,
            Self::Virtual(bot) => &bot.name,
            Self::Alias(alias) => &alias.dn,
        }
    }

    /// Where calls go that cannot be taken here.
    pub fn overflow(&self) -> Option<&str> {
        match self {
            Self::Agent(agent) => agent.overflow.as_deref(),
            Self::Group(group) => group.overflow.as_deref(),
            Self::Virtual(_) | Self::Alias(_) => None,
        }
    }

    /// Every other number that it names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let members: &[Membership] = match self {
            Self::Group(group) => &group.members,
            _ => &[],
        };
        let other = match self {
            Self::Virtual(bot) => bot.group.as_deref(),
            Self::Alias(alias) => Some(&*alias.to),
            _ => self.overflow(),
        };
        members.iter().map(|member| &*member.dn).chain(other)
    }
}

fn calls_default() -> u32 {
    CALLS_DEFAULT
}

fn queue_default() -> u32 {
    QUEUE_DEFAULT
}

fn rank_default() -> u32 {
    1
}
