//! What can go wrong with the desk's records.

use maru_hall::Error;

use crate::BadDn;

/// Why a record was not read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// It is wrong.
    #[error(transparent)]
    Bad(#[from] BadDn),
    /// What the hall says.
    #[error(transparent)]
    Hall(#[from] Error),
}
