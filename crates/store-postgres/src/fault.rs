//! What can go wrong between here and the server, and what it means.

use std::sync::Arc;

use deadpool_postgres::PoolError;
use maru_store::Error;
use tokio_postgres::error::{DbError, SqlState};

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server or the connection to it says so.
    Server(tokio_postgres::Error),
    /// No connection could be had.
    NoConnection(String),
    /// The time was up.
    Late,
    /// A column holds what no version of this program wrote.
    Bad(&'static str),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Server(error),
            PoolError::Timeout(_) => Self::Late,
            other => Self::NoConnection(other.to_string()),
        }
    }
}

impl Fault {
    fn database(&self) -> Option<&DbError> {
        match self {
            Self::Server(error) => error.as_db_error(),
            _ => None,
        }
    }

    /// Whether the connection is of no more use, or of none for writing: a server that is stopping,
    /// starting or a standby by now says so. The same call may succeed on another connection.
    pub(crate) fn is_lost(&self) -> bool {
        match (self, self.database()) {
            (Self::Server(error), None) => {
                // What could not be encoded or decoded is no fault of the connection.
                error.is_closed()
                    || std::error::Error::source(error).is_some_and(|e| e.is::<std::io::Error>())
            }
            (_, Some(error)) => {
                let state = error.code();
                state.code().starts_with("08")
                    || [
                        SqlState::ADMIN_SHUTDOWN,
                        SqlState::CRASH_SHUTDOWN,
                        SqlState::CANNOT_CONNECT_NOW,
                        SqlState::READ_ONLY_SQL_TRANSACTION,
                        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                        SqlState::TOO_MANY_CONNECTIONS,
                    ]
                    .contains(state)
            }
            (Self::NoConnection(_) | Self::Late, _) => true,
            (Self::Bad(_), _) => false,
        }
    }

    /// Whether the transaction was undone because of others at work, and may succeed when it is done
    /// again.
    pub(crate) fn is_contention(&self) -> bool {
        self.database().is_some_and(|error| {
            [
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::LOCK_NOT_AVAILABLE,
                SqlState::QUERY_CANCELED,
                SqlState::OUT_OF_MEMORY,
            ]
            .contains(error.code())
        })
    }

    /// Whether a relation, a column or a type was not there.
    pub(crate) fn is_undefined(&self) -> bool {
        self.database().is_some_and(|error| {
            [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_OBJECT]
                .contains(error.code())
        })
    }

    /// Whether an answer to COMMIT leaves open what became of it.
    pub(crate) fn leaves_open(&self) -> bool {
        self.is_lost()
            || self
                .database()
                .is_some_and(|error| *error.code() == SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self, self.database()) {
            // Without the detail, which may quote what a row holds.
            (_, Some(error)) => write!(f, "{} ({})", error.message(), error.code().code()),
            (Self::Server(error), None) => match std::error::Error::source(error) {
                Some(source) => write!(f, "{error}: {source}"),
                None => error.fmt(f),
            },
            (Self::NoConnection(text), _) => f.write_str(text),
            (Self::Late, _) => f.write_str("the server did not answer in time"),
            (Self::Bad(column), _) => write!(f, "column {column} holds no known value"),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let text = || Arc::from(fault.to_string());
        let Some(state) = fault.database().map(DbError::code) else {
            return match fault {
                Fault::Bad(_) => Self::Damaged(text()),
                // What is read is of the types that the schema has.
                Fault::Server(_) if !fault.is_lost() => Self::Damaged(text()),
                Fault::Server(_) | Fault::NoConnection(_) | Fault::Late => {
                    Self::Unavailable(text())
                }
            };
        };
        match (state, state.code().get(..2)) {
            (state, _) if *state == SqlState::DISK_FULL => Self::Full,
            (state, _) if *state == SqlState::UNIQUE_VIOLATION => {
                Self::Unsound("an id is taken already")
            }
            (_, Some("22" | "23" | "54")) => Self::Unsound("the engine cannot hold it"),
            (_, Some("XX")) => Self::Damaged(text()),
            _ => Self::Unavailable(text()),
        }
    }
}
