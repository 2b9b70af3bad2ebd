//! What can go wrong.

use maru_scenario::{Issue, PatchRefused, Refusal, Unreadable, WrongValue};

/// Why the service did not do what it was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The client is not known, or the app is not its own. Which of both is not told.
    #[error("the client_id or the app_id is not known")]
    UnknownCaller,
    /// An operator named what is not there.
    #[error("there is no {what} {id:?}")]
    Unknown {
        /// `client`, `app`, `draft`, `version`, `secret`.
        what: &'static str,
        /// What it was called.
        id: String,
    },
    /// The app has no published version.
    #[error("the scenario has no published version")]
    NotPublished,
    /// A published version cannot be read any more.
    #[error("version {version} of the scenario cannot be loaded")]
    Unloadable {
        /// The version.
        version: u64,
    },
    /// There is nothing known of this user.
    #[error("nothing is known of this user_key")]
    NoState,
    /// The node where the user is does not take such content.
    #[error("the node {node} does not take this type")]
    WrongKind {
        /// The node.
        node: String,
    },
    /// There is no such node in the published version.
    #[error("there is no node {0:?}")]
    UnknownNode(String),
    /// The user does not talk to a human.
    #[error("the user is with no human")]
    NotHanded,
    /// Values that cannot be written into a state. None was.
    #[error("{} values cannot be written", .0.len())]
    Values(Vec<WrongValue>),
    /// Another turn of the same user still runs.
    #[error("another turn of this user still runs")]
    Busy,
    /// A webhook took too long, and its node does not say what to do then.
    #[error("the webhook {0:?} took too long")]
    WebhookTimedOut(String),
    /// A webhook failed or answered nonsense, and its node does not say what to do then.
    #[error("the webhook {webhook:?} failed: {reason}")]
    WebhookFailed {
        /// The webhook's name.
        webhook: String,
        /// How.
        reason: &'static str,
    },
    /// The turn passed more nodes than it may.
    #[error("the scenario passed more nodes in one turn than it may")]
    TooManyHops,
    /// A scenario file that cannot be used.
    #[error("the scenario has {} errors", .0.len())]
    Invalid(Vec<Issue>),
    /// A part of a record that cannot be as it is.
    #[error("{field}: {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Something else refers to it.
    #[error("{what} {id:?} is still used by {by}")]
    Used {
        /// `client`, `app`.
        what: &'static str,
        /// What it is called.
        id: String,
        /// Who uses it.
        by: String,
    },
    /// Somebody else has this handle.
    #[error("there is an app {0:?} already")]
    Taken(String),
    /// Somebody else changed it in the same moment.
    #[error("it was changed in the same moment")]
    Conflict,
    /// It cannot be done now.
    #[error("cannot be done now: {0}")]
    Unavailable(String),
    /// Something that should not happen. The cause is for the log alone.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { field, problem: problem.into() }
    }

    pub(crate) fn unknown(what: &'static str, id: impl Into<String>) -> Self {
        Self::Unknown { what, id: id.into() }
    }

    /// Whether the scenario, or the service, is to blame, and not whoever asked.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Unloadable { .. }
            | Self::WebhookTimedOut(_)
            | Self::WebhookFailed { .. }
            | Self::TooManyHops
            | Self::Unavailable(_)
            | Self::Internal(_) => true,
            Self::UnknownCaller
            | Self::Unknown { .. }
            | Self::NotPublished
            | Self::NoState
            | Self::WrongKind { .. }
            | Self::UnknownNode(_)
            | Self::NotHanded
            | Self::Values(_)
            | Self::Busy
            | Self::Invalid(_)
            | Self::Field { .. }
            | Self::Used { .. }
            | Self::Taken(_)
            | Self::Conflict => false,
        }
    }

    /// It in a word, for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UnknownCaller | Self::Unknown { .. } => "unknown",
            Self::NotPublished => "not_published",
            Self::Unloadable { .. } => "unloadable",
            Self::NoState | Self::UnknownNode(_) | Self::NotHanded => "no_such_place",
            Self::WrongKind { .. } => "wrong_kind",
            Self::Values(_)
            | Self::Invalid(_)
            | Self::Field { .. }
            | Self::Used { .. }
            | Self::Taken(_) => "invalid",
            Self::Busy | Self::Conflict => "busy",
            Self::WebhookTimedOut(_) => "webhook_timed_out",
            Self::WebhookFailed { .. } => "webhook_failed",
            Self::TooManyHops => "too_many_hops",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Kind { node, .. } => Self::WrongKind { node },
            Refusal::UnknownNode { id } => Self::UnknownNode(id),
            Refusal::TooManyHops { .. } => Self::TooManyHops,
            Refusal::WebhookTimedOut { webhook } => Self::WebhookTimedOut(webhook),
            Refusal::WebhookFailed { webhook, reason } => Self::WebhookFailed { webhook, reason },
            Refusal::NotWaiting => Self::NotHanded,
        }
    }
}

impl From<PatchRefused> for Error {
    fn from(refused: PatchRefused) -> Self {
        match refused {
            PatchRefused::UnknownNode { id } => Self::UnknownNode(id),
            PatchRefused::Values(values) => Self::Values(values),
        }
    }
}

impl From<maru_hall::Error> for Error {
    fn from(error: maru_hall::Error) -> Self {
        match error.kind() {
            maru_hall::Kind::Conflict => Self::Conflict,
            maru_hall::Kind::Unavailable => Self::Unavailable(error.to_string()),
            maru_hall::Kind::Invalid
            | maru_hall::Kind::TooLarge
            | maru_hall::Kind::NotFound
            | maru_hall::Kind::Internal => Self::Internal(error.to_string()),
        }
    }
}

/// What is kept and cannot be read: where, and not what stands there, which may be a user's.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        let (what, line, column) = (error.classify(), error.line(), error.column());
        Self::Internal(format!("what is kept is damaged: {what:?}, line {line}, column {column}"))
    }
}

impl From<Unreadable> for Error {
    fn from(error: Unreadable) -> Self {
        match error {
            // Other nodes, or this one after its upgrade, can read it.
            Unreadable::Layout(_) => Self::Unavailable(error.to_string()),
            Unreadable::Damaged(error) => error.into(),
        }
    }
}
