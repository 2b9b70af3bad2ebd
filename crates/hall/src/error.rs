//! What can go wrong, in kinds that every protocol can translate.

use maru_activity::Invalid;
use maru_store::Error as StoreError;

use crate::records::RecordError;

/// What a commit conflicts with whose conversation was opened meanwhile.
pub(crate) const OPEN_ALREADY: &str = "the conversation is open already";

/// Why the hall did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What came in is no activity.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such conversation, or it belongs to another realm.
    #[error("unknown conversation")]
    UnknownConversation,
    /// There is no such activity in the conversation, or it cannot be changed.
    #[error("unknown activity")]
    UnknownActivity,
    /// There is no such bot in the realm.
    #[error("unknown bot")]
    UnknownBot,
    /// A record contradicts itself or another.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A listing was asked to go on from a place that none of its pages gave.
    #[error("the cursor is not one that this server gave out")]
    BadCursor,
    /// Someone else changed it meanwhile.
    #[error("it was changed meanwhile: {0}")]
    Conflict(&'static str),
    /// The store cannot take it now: the disk is full, or it does not answer. Try again later.
    #[error("cannot be kept now: {0}")]
    Unavailable(String),
    /// Something that should not happen. The cause is for the log, never for a client.
    #[error("internal: {0}")]
    Internal(String),
}

/// The kinds of errors, for a protocol's one exhaustive match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The caller's own mistake.
    Invalid,
    /// It is too large.
    TooLarge,
    /// It is not there.
    NotFound,
    /// It is there already, or was changed meanwhile.
    Conflict,
    /// Not now; later perhaps.
    Unavailable,
    /// The server's fault.
    Internal,
}

impl Error {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid(Invalid::TooLarge { .. }) => Kind::TooLarge,
            Self::Invalid(_) | Self::BadCursor => Kind::Invalid,
            Self::UnknownConversation | Self::UnknownActivity | Self::UnknownBot => Kind::NotFound,
            Self::Record(error) => error.kind(),
            Self::Conflict(_) => Kind::Conflict,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Internal(_) => Kind::Internal,
        }
    }
}

impl Error {
    /// Of a listing: the only thing a caller can get wrong there is the cursor.
    pub(crate) fn of_listing(error: StoreError) -> Self {
        match error {
            StoreError::Unsound(_) => Self::BadCursor,
            other => other.into(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownConversation => Self::UnknownConversation,
            StoreError::Exists => Self::Conflict(OPEN_ALREADY),
            StoreError::Conflict(what) => Self::Conflict(what),
            StoreError::Full | StoreError::Unavailable(_) | StoreError::Failed(_) => {
                Self::Unavailable(error.to_string())
            }
            StoreError::Unsound(_) | StoreError::Damaged(_) | StoreError::Unsupported(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}
