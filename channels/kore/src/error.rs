//! What can go wrong, and how Kore says it: one exhaustive match.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maru_activity::Invalid;
use maru_door::body::BodyError;
use maru_hall::BlobError;

use crate::jwt::Refusal;
use crate::wire::error_response::{Code, ErrorResponse};

/// Why a call was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The access token is missing, expired, or none of ours. The SDKs begin again with a fresh
    /// assertion.
    TokenExpired,
    /// Another credential is none of ours.
    Unauthorized(&'static str),
    /// The assertion is not taken.
    Assertion(Refusal),
    /// Who calls may not do this.
    Forbidden(&'static str),
    /// The address of the socket is late, used, or none of ours.
    BadTicket,
    /// Something in the call is wrong.
    BadArgument(Cow<'static, str>),
    /// There is no such bot in the app.
    UnknownBot,
    /// There is no such file, or the link to it has expired.
    UnknownFile,
    /// There is no such upload, or it took too long.
    UnknownUpload,
    /// There is nothing under that poll id, or it was fetched already.
    NoData,
    /// There is no such path.
    UnknownPath,
    /// The path does not know the method.
    MethodNotAllowed,
    /// Someone else changed it in the same moment.
    Conflict,
    /// The body has more than this many bytes.
    TooLarge(usize),
    /// As many sockets of the user are open as may be.
    TooManySockets,
    /// The body came too slowly.
    TooSlow,
    /// The client hung up, or its body broke off.
    BrokenBody,
    /// It cannot be kept or read now.
    Unavailable(Cow<'static, str>),
    /// Something that should not happen; the cause is for the log alone.
    Internal(Cow<'static, str>),
}

impl Error {
    pub(crate) fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::BadArgument(message.into())
    }

    pub(crate) fn internal(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The status, code and message. No status is ever 429: the web SDKs break on it (kore-rtm.md
    /// §8.1).
    pub(crate) fn parts(&self) -> (StatusCode, Code, Cow<'static, str>) {
        use StatusCode as S;
        let status = |status: S, message: &'static str| {
            (status, Code::Number(status.as_u16()), Cow::Borrowed(message))
        };
        match self {
            Self::TokenExpired => {
                (S::UNAUTHORIZED, Code::Name("TOKEN_EXPIRED"), "token expired".into())
            }
            Self::Assertion(refusal) => {
                let message = format!("error verifying the jwt: {refusal}");
                (S::UNAUTHORIZED, Code::Number(401), message.into())
            }
            Self::Unauthorized(message) => status(S::UNAUTHORIZED, message),
            Self::Forbidden(message) => status(S::FORBIDDEN, message),
            Self::BadTicket => status(S::FORBIDDEN, "invalid or expired sid"),
            Self::BadArgument(message) => (S::BAD_REQUEST, Code::Number(400), message.clone()),
            Self::UnknownBot => status(S::NOT_FOUND, "bot not found"),
            Self::UnknownFile => status(S::NOT_FOUND, "file not found"),
            Self::UnknownUpload => status(S::NOT_FOUND, "file token not found or expired"),
            Self::NoData => status(S::BAD_REQUEST, "No data found"),
            Self::UnknownPath => status(S::NOT_FOUND, "not found"),
            Self::MethodNotAllowed => status(S::METHOD_NOT_ALLOWED, "method not allowed"),
            Self::Conflict => status(S::CONFLICT, "it was changed in the same moment"),
            Self::TooLarge(limit) => {
                let message = format!("the body has more than {limit} bytes");
                (S::PAYLOAD_TOO_LARGE, Code::Number(413), message.into())
            }
            Self::TooManySockets => status(S::SERVICE_UNAVAILABLE, "too many sockets are open"),
            Self::TooSlow => status(S::REQUEST_TIMEOUT, "the body came too slowly"),
            Self::BrokenBody => status(S::BAD_REQUEST, "the body broke off"),
            Self::Unavailable(_) => {
                status(S::SERVICE_UNAVAILABLE, "it cannot be done now; try again later")
            }
            Self::Internal(_) => status(S::INTERNAL_SERVER_ERROR, "something went wrong here"),
        }
    }

    /// Writes the cause into the log, where it is ours to know.
    pub(crate) fn note(&self) {
        match self {
            Self::Internal(cause) => tracing::error!(%cause, "a call failed"),
            Self::Unavailable(cause) => tracing::warn!(%cause, "a call cannot be done now"),
            _ => {}
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.note();
        let (status, code, message) = self.parts();
        ErrorResponse::new(code, &message).into_response(status)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Assertion(refusal)
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::TooLarge { limit, .. } => Self::TooLarge(limit),
            Invalid::Json(_) | Invalid::Member(_) => Self::bad(invalid.to_string()),
        }
    }
}

impl From<maru_hall::Error> for Error {
    fn from(error: maru_hall::Error) -> Self {
        use maru_hall::Error as Hall;
        match error {
            Hall::Invalid(invalid) => invalid.into(),
            Hall::BadCursor => Self::bad(error.to_string()),
            // The bot was taken away: the client can do nothing about it.
            Hall::UnknownBot => Self::UnknownBot,
            Hall::Conflict(_) => Self::Conflict,
            Hall::Unavailable(cause) => Self::Unavailable(cause.into()),
            // A client knows neither conversations nor activities by their ids.
            Hall::UnknownConversation | Hall::UnknownActivity | Hall::Record(_) => {
                Self::internal(error.to_string())
            }
            Hall::Internal(cause) => Self::Internal(cause.into()),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unknown => Self::UnknownFile,
            BlobError::Files(_) => Self::Unavailable(error.to_string().into()),
            BlobError::Store(error) => maru_hall::Error::from(error).into(),
            BlobError::Damaged => Self::internal(error.to_string()),
        }
    }
}

impl From<maru_accounts::Error> for Error {
    fn from(error: maru_accounts::Error) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { max_bytes } => Self::TooLarge(max_bytes),
            BodyError::TooSlow => Self::TooSlow,
            BodyError::Broken => Self::BrokenBody,
        }
    }
}
