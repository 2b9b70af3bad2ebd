//! The traits that kinds of bots are written against.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use maru_activity::{Activity, DeliveryId, Kind, Role, Timestamp};
use maru_store::{Conversation, Meta};

use crate::{BadSettings, BotRecord};

/// A kind of bot: makes a [`Bot`] out of a record.
pub trait BotKind: Debug + Send + Sync {
    /// The kind's name in records: `echo`, `bot-framework`.
    fn kind(&self) -> &'static str;

    /// Makes the bot. Called when the server starts and after each change of the record; it must
    /// not call out.
    ///
    /// # Errors
    /// [`BadSettings`] names the setting that is wrong.
    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings>;
}

/// Whoever answers by program.
#[async_trait]
pub trait Bot: Debug + Send + Sync {
    /// Hands one activity over, within `handed.budget`. Never called twice at once for turns of one
    /// conversation. The future is dropped when the budget is over.
    async fn deliver(&self, handed: Handed) -> Outcome;
}

/// An activity on its way to a bot.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The delivery, the same in every attempt; `None` for a signal, which is tried once.
    pub delivery: Option<DeliveryId>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// An operator set a dead letter going again: it comes out of order.
    pub replay: bool,
    /// The conversation.
    pub conversation: Arc<Conversation>,
    /// The activity's whole id.
    pub id: Box<str>,
    /// When it was committed.
    pub at: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// On which side its sender stands.
    pub role: Role,
    /// The activity's JSON object less what the server owns.
    pub body: Bytes,
    /// What stands beside it.
    pub meta: Meta,
    /// How long the attempt may take.
    pub budget: Duration,
}

/// What a bot says in the very answer to a delivery.
#[derive(Clone, Debug)]
pub struct Said {
    /// The activity.
    pub activity: Activity,
    /// What stands beside it.
    pub meta: Meta,
}

/// What came of an attempt. The retry rules follow from it alone.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The bot took it. `answers` are committed together with the settlement; `result` is an
    /// invoke's result, for whoever waits.
    Taken {
        /// What the bot said in its answer.
        answers: Vec<Said>,
        /// The body of an invoke's answer.
        result: Option<Bytes>,
    },
    /// It cannot have reached the bot: no connection, a gateway's 502 or 503. Tried again for long.
    Unreachable {
        /// For an operator to read.
        cause: String,
        /// The HTTP status, if a gateway gave one.
        status: Option<u16>,
    },
    /// The bot asked to have it later (429).
    Later {
        /// How much later, if it said.
        after: Option<Duration>,
        /// For an operator to read.
        cause: String,
    },
    /// The bot failed at it (any other 5xx): tried again a little.
    Failed {
        /// For an operator to read.
        cause: String,
        /// The HTTP status.
        status: Option<u16>,
    },
    /// The bot will not have it (any other 4xx): a dead letter at once.
    Refused {
        /// For an operator to read.
        cause: String,
        /// The HTTP status.
        status: Option<u16>,
    },
    /// The request was sent and no answer came in time. The bot may be at work.
    TimedOut,
}

impl Outcome {
    /// Taken, with nothing said.
    pub fn taken() -> Self {
        Self::Taken { answers: Vec::new(), result: None }
    }

    /// The outcome in a word, for records and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::Unreachable { .. } => "unreachable",
            Self::Later { .. } => "later",
            Self::Failed { .. } => "failed",
            Self::Refused { .. } => "refused",
            Self::TimedOut => "timed_out",
        }
    }

    /// The cause, for an operator to read.
    pub fn cause(&self) -> &str {
        match self {
            Self::Taken { .. } => "",
            Self::Unreachable { cause, .. }
            | Self::Later { cause, .. }
            | Self::Failed { cause, .. }
            | Self::Refused { cause, .. } => cause,
            Self::TimedOut => "timed out, may have been handled",
        }
    }

    /// The HTTP status the bot (or a gateway) gave, if any.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unreachable { status, .. }
            | Self::Failed { status, .. }
            | Self::Refused { status, .. } => *status,
            Self::Later { .. } => Some(429),
            Self::Taken { .. } | Self::TimedOut => None,
        }
    }
}
