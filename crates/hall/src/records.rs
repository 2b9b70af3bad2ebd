//! Bots and channels, as they are kept.

use std::time::Duration;

use maru_activity::{Account, BotId, ChannelId, RealmId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::settings::bad;
use crate::{BadSettings, Error, Kind};

/// The realm whose states are the server's own: the list of realms.
pub(crate) const SYSTEM_REALM: &str = "_system";
pub(crate) const REALMS: &str = "record/realm";

/// A bot's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotRecord {
    /// Unique in its realm; bots know themselves by it (`recipient.id`).
    pub id: BotId,
    /// The realm.
    pub realm: RealmId,
    /// The kind: `echo`, `bot-framework`.
    pub kind: String,
    /// The name to show.
    pub name: String,
    /// How it is called.
    #[serde(default)]
    pub delivery: DeliverySettings,
    /// The kind's own settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl BotRecord {
    /// The bot as a participant.
    pub fn account(&self) -> Account {
        Account {
            id: self.id.to_string(),
            name: Some(self.name.clone()),
            role: Some("bot".to_owned()),
        }
    }
}

/// How deliveries to a bot are made. Every number can be set for each bot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySettings {
    /// How many attempts may be under way at once.
    pub in_flight_max: usize,
    /// How long one attempt may take, in milliseconds.
    pub attempt_timeout_ms: u64,
    /// For how long a bot that cannot be reached is tried again, in seconds.
    pub retry_for_secs: u64,
    /// Whether an attempt that timed out after it was sent is made again. The bot may then answer
    /// twice.
    pub retry_timeouts: bool,
    /// How many failures in a row open the circuit.
    pub circuit_failures: u32,
    /// How long an open circuit waits before it is probed, in milliseconds.
    pub circuit_probe_ms: u64,
    /// What the customer is told, once, when the circuit is open. Empty: nothing.
    pub unavailable_notice: String,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            in_flight_max: 64,
            attempt_timeout_ms: 15_000,
            retry_for_secs: 24 * 3_600,
            retry_timeouts: false,
            circuit_failures: 10,
            circuit_probe_ms: 5_000,
            unavailable_notice:
                "The bot cannot be reached at the moment. Your message is kept and will be delivered."
                    .to_owned(),
        }
    }
}

impl DeliverySettings {
    /// How long one attempt may take.
    pub fn attempt_timeout(&self) -> Duration {
        Duration::from_millis(self.attempt_timeout_ms)
    }

    pub(crate) fn check(&self) -> Result<(), BadSettings> {
        let wrong =
            |setting: &str, problem: &str| Err(bad(&format!("delivery.{setting}"), problem));
        if !(1..=10_000).contains(&self.in_flight_max) {
            return wrong("in_flight_max", "must be from 1 to 10,000");
        }
        if !(100..=300_000).contains(&self.attempt_timeout_ms) {
            return wrong("attempt_timeout_ms", "must be from 100 to 300,000");
        }
        if self.circuit_failures == 0 {
            return wrong("circuit_failures", "must be at least 1");
        }
        if !(100..=3_600_000).contains(&self.circuit_probe_ms) {
            return wrong("circuit_probe_ms", "must be from 100 to 3,600,000");
        }
        Ok(())
    }
}

/// A channel's record: one configured use of one client protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRecord {
    /// Unique in its realm.
    pub id: ChannelId,
    /// The realm.
    pub realm: RealmId,
    /// The kind: `direct-line`.
    pub kind: String,
    /// The bot that its conversations are opened with.
    pub bot: BotId,
    /// For how many days its entries are kept. `None`: as the server's setting says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// The kind's own settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl ChannelRecord {
    /// Whether the channel itself gives users to the humans of the platform that they come from when a
    /// bot asks for one, by its setting `handover`. The desk is not asked for such.
    pub fn hands_over_itself(&self) -> bool {
        self.settings.get("handover").and_then(Value::as_bool).unwrap_or(false)
    }
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// There is none of that name.
    #[error("there is no {what} {id:?}")]
    Unknown {
        /// `bot`, `channel`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// There is one already.
    #[error("there is a {what} {id:?} already")]
    Exists {
        /// `bot`, `channel`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// Something else refers to it.
    #[error("{what} {id:?} is still used by {by}")]
    Used {
        /// `bot`.
        what: &'static str,
        /// The id.
        id: String,
        /// Who uses it.
        by: String,
    },
    /// The kind is not known.
    #[error("there is no kind of {what} {kind:?}; there are: {known}")]
    UnknownKind {
        /// `bot`, `channel`.
        what: &'static str,
        /// The kind.
        kind: String,
        /// Those there are.
        known: String,
    },
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] BadSettings),
    /// An id has other characters than `a-z A-Z 0-9 _ . -`, or is empty or over 64 long.
    #[error("{0:?} is no id: 1 to 64 of a-z A-Z 0-9 _ . - are")]
    BadId(String),
}

impl RecordError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. } => Kind::NotFound,
            Self::Exists { .. } | Self::Used { .. } => Kind::Conflict,
            Self::UnknownKind { .. } | Self::Settings(_) | Self::BadId(_) => Kind::Invalid,
        }
    }
}

pub(crate) fn check_id(id: &str) -> Result<(), RecordError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if (1..=64).contains(&id.len()) && id.bytes().all(allowed) {
        Ok(())
    } else {
        Err(RecordError::BadId(id.to_owned()))
    }
}

pub(crate) fn expect_known(
    what: &'static str,
    id: &str,
    known: bool,
    create: bool,
) -> Result<(), RecordError> {
    match (known, create) {
        (true, true) => Err(RecordError::Exists { what, id: id.to_owned() }),
        (false, false) => Err(RecordError::Unknown { what, id: id.to_owned() }),
        _ => Ok(()),
    }
}

pub(crate) fn unknown_kind(what: &'static str, kind: String, known: &[&str]) -> Error {
    RecordError::UnknownKind { what, kind, known: known.join(", ") }.into()
}
