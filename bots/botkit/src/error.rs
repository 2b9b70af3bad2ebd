//! What can go wrong with a callback, and how Kore says it: one exhaustive match.

use std::borrow::Cow;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use maru_activity::Invalid;
use maru_door::Kind;
use maru_door::body::BodyError;
use maru_hall::BlobError;
use serde_json::{Value, json};

/// The code of a credential that is not taken, in both directions.
pub(crate) const BAD_CREDENTIAL: i64 = 4_002;

/// Why a call was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The token is missing, or is not one of this bot's; or there is no such bot.
    #[error("Invalid token")]
    BadToken,
    /// The request id names no conversation of this bot.
    #[error("Unknown request")]
    UnknownRequest,
    /// There is no such file.
    #[error("Unknown file")]
    UnknownFile,
    /// There is no such path.
    #[error("Unknown path")]
    UnknownPath,
    /// The path does not know the method.
    #[error("this path is not served by this method")]
    MethodNotAllowed,
    /// The bot is not set up for it.
    #[error("{0}")]
    NotSetUp(&'static str),
    /// What was sent cannot be read.
    #[error("{0}")]
    Unreadable(Cow<'static, str>),
    /// What was to be said is too large.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The body was not read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// As much waits for the bots behind as may.
    #[error("too much is waiting")]
    Busy,
    /// The hall did not do it.
    #[error(transparent)]
    Hall(maru_hall::Error),
    /// A file cannot be had.
    #[error(transparent)]
    Files(BlobError),
}

impl From<maru_hall::Error> for Error {
    fn from(error: maru_hall::Error) -> Self {
        match error {
            maru_hall::Error::UnknownConversation => Self::UnknownRequest,
            maru_hall::Error::Invalid(invalid) => Self::Invalid(invalid),
            other => Self::Hall(other),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unknown => Self::UnknownFile,
            other => Self::Files(other),
        }
    }
}

impl Error {
    /// The status and the code: the one place where they are decided.
    fn told(&self) -> (StatusCode, Value) {
        let kind = match self {
            Self::BadToken => return (StatusCode::UNAUTHORIZED, BAD_CREDENTIAL.into()),
            Self::UnknownRequest | Self::UnknownFile | Self::UnknownPath => Kind::NotFound,
            Self::MethodNotAllowed => Kind::MethodNotAllowed,
            Self::NotSetUp(_) | Self::Unreadable(_) => Kind::Invalid,
            Self::Invalid(Invalid::TooLarge { .. }) => Kind::TooLarge,
            Self::Invalid(_) => Kind::Invalid,
            Self::Body(error) => error.kind(),
            Self::Busy | Self::Files(_) => Kind::Unavailable,
            Self::Hall(error) => error.kind().into(),
        };
        (kind.status(), kind.status().as_u16().into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.told();
        let msg = if status.is_server_error() {
            // The cause is for the operator; the server is told only that it may try again.
            tracing::error!(cause = %self, status = status.as_u16(), "a BotKit call failed");
            "the server cannot do this now".to_owned()
        } else {
            self.to_string()
        };
        let body = json!({"errors": [{"msg": msg, "code": code}]});
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
