//! What a bot that calls is told when it cannot be done: `{"error":{"code","message"}}`.

use std::borrow::Cow;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use maru_activity::Invalid;
use maru_door::Kind;
use maru_door::body::BodyError;
use maru_hall::BlobError;

use crate::wire::{ErrorBody, ErrorResponse};

/// Why the Connector did not do what a bot asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no valid key in the path.
    #[error("the address that was called holds no valid key")]
    Unauthorized,
    /// There is no such conversation, or it is another bot's. A stranger cannot tell which.
    #[error("Unknown conversation")]
    UnknownConversation,
    /// There is no such activity, or it cannot be changed by a bot.
    #[error("Unknown activity")]
    UnknownActivity,
    /// There is no such member.
    #[error("Unknown member")]
    UnknownMember,
    /// There is no such attachment, or it has no such view.
    #[error("Unknown attachment")]
    UnknownAttachment,
    /// Nothing is served at this path.
    #[error("nothing is served at this path")]
    UnknownPath,
    /// It is there, but not by this method.
    #[error("this path is not served by this method")]
    MethodNotAllowed,
    /// It is refused on purpose; these methods are not.
    #[error("This channel does not support this operation")]
    NotSupported(&'static str),
    /// It is gone for good.
    #[error("the bot state service is retired: keep the state with the bot")]
    Retired,
    /// What was sent is no activity.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// What was sent cannot be read.
    #[error("{0}")]
    Unreadable(Cow<'static, str>),
    /// Something is missing.
    #[error("'{0}' is missing")]
    Missing(&'static str),
    /// The body was not read.
    #[error(transparent)]
    Body(#[from] BodyError),
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
            maru_hall::Error::UnknownConversation => Self::UnknownConversation,
            maru_hall::Error::UnknownActivity => Self::UnknownActivity,
            maru_hall::Error::Invalid(invalid) => Self::Invalid(invalid),
            other => Self::Hall(other),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unknown => Self::UnknownAttachment,
            other => Self::Files(other),
        }
    }
}

impl Error {
    /// The status and the code: the one place where they are decided (direct-line.md §1.0, §3.3).
    fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::UnknownConversation
            | Self::UnknownActivity
            | Self::UnknownMember
            | Self::UnknownAttachment => (StatusCode::NOT_FOUND, "BadArgument"),
            Self::UnknownPath => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::NotSupported(_) => (StatusCode::METHOD_NOT_ALLOWED, "BadArgument"),
            Self::Retired => (StatusCode::GONE, "BadArgument"),
            Self::Invalid(Invalid::Member(_)) | Self::Missing(_) => {
                (StatusCode::BAD_REQUEST, "MissingProperty")
            }
            Self::Invalid(Invalid::Json(_)) | Self::Unreadable(_) => {
                (StatusCode::BAD_REQUEST, "BadArgument")
            }
            Self::Invalid(Invalid::TooLarge { .. }) => of_kind(Kind::TooLarge),
            Self::Body(error) => of_kind(error.kind()),
            Self::Hall(error) => of_kind(error.kind().into()),
            Self::Files(_) => of_kind(Kind::Unavailable),
        }
    }
}

fn of_kind(kind: Kind) -> (StatusCode, &'static str) {
    let code = match kind {
        Kind::Unauthenticated => "Unauthorized",
        Kind::Invalid | Kind::Forbidden | Kind::NotFound | Kind::Conflict => "BadArgument",
        Kind::MethodNotAllowed => "MethodNotAllowed",
        Kind::TooLarge => "MessageSizeTooBig",
        Kind::RateLimited => "TooManyRequests",
        Kind::Timeout => "RequestTimeout",
        Kind::Unavailable | Kind::Internal => "ServiceError",
    };
    (kind.status(), code)
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.told();
        let message = if status.is_server_error() {
            // The cause is for the operator; a bot is told only that it may try again.
            tracing::error!(cause = %self, status = status.as_u16(), "a bot's call failed");
            "the server cannot do this now".to_owned()
        } else {
            self.to_string()
        };
        let body = ErrorResponse { error: ErrorBody { code: code.to_owned(), message } };
        let mut response = (status, Json(body)).into_response();
        let header: Option<(HeaderName, &'static str)> = match self {
            Self::Unauthorized => Some((WWW_AUTHENTICATE, "Bearer")),
            Self::NotSupported(allowed) => Some((ALLOW, allowed)),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
