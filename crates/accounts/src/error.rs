//! What can go wrong.

use maru_activity::RealmId;

/// Why something about realms or their keys could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] maru_store::Error),
    /// A record in the store cannot be read.
    #[error("the record {scope} {key:?} cannot be read: {why}")]
    Damaged {
        /// The record's scope.
        scope: &'static str,
        /// The record's key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The instance key is another one.
    #[error("the instance key is not the one that this data was written with")]
    OtherInstanceKey,
    /// A signing key does not open.
    #[error(
        "the signing key {kid:?} of realm {realm} cannot be opened: it was sealed for another \
         realm, or with another instance key"
    )]
    Sealed {
        /// The realm.
        realm: RealmId,
        /// The key's id.
        kid: String,
    },
    /// A text that cannot be a realm's id.
    #[error(
        "{0:?} cannot be a realm's id: 1 to 64 characters of a-z, 0-9, '-' and '_', beginning \
         with a letter or a digit"
    )]
    BadRealmId(String),
    /// There is a realm of this id already.
    #[error("the realm {0} exists already")]
    RealmExists(RealmId),
    /// There is no such realm.
    #[error("there is no realm {0}")]
    UnknownRealm(RealmId),
    /// The realm has no such signing key.
    #[error("realm {realm} has no signing key {kid:?}")]
    UnknownKey {
        /// The realm.
        realm: RealmId,
        /// The key's id.
        kid: String,
    },
    /// The newest signing key signs, and cannot be taken away.
    #[error("the signing key {0:?} is in use; rotate first")]
    KeyInUse(String),
    /// Claims that do not make a JSON object, or hold an `aud` of their own.
    #[error("these claims cannot be signed: {0}")]
    Claims(String),
}

/// Why a token was not accepted. Which of these it was is for the log and for protocols that tell
/// an expired token from a bad one; an answer to a stranger need not say more than "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token of ours by its form, or longer than [`TOKEN_MAX`](crate::TOKEN_MAX).
    #[error("malformed token")]
    Malformed,
    /// Its header is none that we write with a key that is still valid. So is every token that
    /// asks for another algorithm.
    #[error("token of an unknown key")]
    UnknownKey,
    /// The signature does not belong to it.
    #[error("bad token signature")]
    BadSignature,
    /// It was valid once.
    #[error("expired token")]
    Expired,
    /// It will be valid later.
    #[error("token not yet valid")]
    NotYet,
    /// It was made for another use.
    #[error("token for another audience")]
    WrongAudience,
}
