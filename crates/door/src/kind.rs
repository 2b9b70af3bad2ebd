//! The kinds of errors.

use http::StatusCode;

/// What kind of error a caller is told of. Each protocol turns it into its own status and body, in
/// one exhaustive match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The caller's own mistake.
    Invalid,
    /// Who calls is not known.
    Unauthenticated,
    /// Who calls may not do this. Where a stranger could learn from it that something exists, say
    /// [`Kind::NotFound`] instead.
    Forbidden,
    /// It is not there.
    NotFound,
    /// It is there, but not by this method.
    MethodNotAllowed,
    /// It is there already, or was changed meanwhile.
    Conflict,
    /// It is too large.
    TooLarge,
    /// Too many calls.
    RateLimited,
    /// The caller was too slow.
    Timeout,
    /// Not now; later perhaps.
    Unavailable,
    /// The server's fault.
    Internal,
}

impl Kind {
    /// The status that HTTP has for it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<maru_hall::Kind> for Kind {
    fn from(kind: maru_hall::Kind) -> Self {
        match kind {
            maru_hall::Kind::Invalid => Self::Invalid,
            maru_hall::Kind::TooLarge => Self::TooLarge,
            maru_hall::Kind::NotFound => Self::NotFound,
            maru_hall::Kind::Conflict => Self::Conflict,
            maru_hall::Kind::Unavailable => Self::Unavailable,
            maru_hall::Kind::Internal => Self::Internal,
        }
    }
}
