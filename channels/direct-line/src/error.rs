//! What can go wrong, and how Direct Line says it: one exhaustive match.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maru_activity::Invalid;
use maru_hall::BlobError;

use crate::wire::error_response::ErrorResponse;

/// What a caller is told whose site, or the site's bot, was taken away.
pub(crate) const SITE_GONE: &str = "Site missing or disabled";

/// Why a call was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// There is no `Authorization`, or it is none of ours by its form.
    NoCredential,
    /// It is no secret and no token of ours.
    BadCredential,
    /// The token was good once.
    TokenExpired,
    /// The credential is good, and not for this.
    Forbidden(&'static str),
    /// The stream's ticket is missing, late, or not for this conversation.
    BadTicket,
    /// Something in the call is wrong.
    BadArgument(Cow<'static, str>),
    /// Something that must be there is not.
    MissingProperty(&'static str),
    /// There is no such conversation for this caller.
    UnknownConversation,
    /// There is no such file.
    UnknownFile,
    /// There is no such path.
    UnknownPath,
    /// The path does not know the method.
    MethodNotAllowed,
    /// Someone else changed it in the same moment.
    Conflict,
    /// The body has more than this many bytes.
    TooLarge(usize),
    /// As many sockets are open to the conversation as may be.
    TooManySockets,
    /// The bot did not take the activity, with the HTTP status it gave, if it gave one.
    BotFailed(Option<u16>),
    /// The bot did not answer in time.
    BotTimedOut,
    /// Nobody answers the conversation.
    Nobody,
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

    /// The status, code and message of direct-line.md §1.0.
    fn parts(&self) -> (StatusCode, &'static str, Cow<'static, str>) {
        use StatusCode as S;
        let (status, code, message) = match self {
            Self::NoCredential => (S::UNAUTHORIZED, "Unauthorized", "Missing token or secret"),
            Self::BadCredential => (S::UNAUTHORIZED, "Unauthorized", "Invalid token or secret"),
            Self::TokenExpired => (S::FORBIDDEN, "TokenExpired", "Token has expired"),
            Self::Forbidden(message) => (S::FORBIDDEN, "BadArgument", *message),
            Self::BadTicket => (S::FORBIDDEN, "BadArgument", "Invalid or expired stream ticket"),
            Self::BadArgument(message) => {
                return (S::BAD_REQUEST, "BadArgument", message.clone());
            }
            Self::MissingProperty(message) => (S::BAD_REQUEST, "MissingProperty", *message),
            Self::UnknownConversation => (S::NOT_FOUND, "BadArgument", "Unknown conversation"),
            Self::UnknownFile => (S::NOT_FOUND, "BadArgument", "Unknown attachment"),
            Self::UnknownPath => (S::NOT_FOUND, "BadArgument", "Unknown path"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "BadArgument", "The path does not support this method")
            }
            Self::Conflict => (S::CONFLICT, "ServiceError", "It was changed in the same moment"),
            Self::TooLarge(limit) => {
                let message = format!("The body has more than {limit} bytes");
                return (S::PAYLOAD_TOO_LARGE, "BadArgument", message.into());
            }
            Self::TooManySockets => {
                (S::TOO_MANY_REQUESTS, "TooManyRequests", "Too many sockets to this conversation")
            }
            Self::BotFailed(_) => {
                (S::BAD_GATEWAY, "BotError", "Failed to send activity: bot returned an error")
            }
            Self::BotTimedOut => {
                (S::GATEWAY_TIMEOUT, "BotError", "Failed to send activity: bot timed out")
            }
            Self::Nobody => (S::BAD_GATEWAY, "BotError", "Failed to send activity: nobody answers"),
            Self::TooSlow => (S::REQUEST_TIMEOUT, "BadArgument", "The body came too slowly"),
            Self::BrokenBody => (S::BAD_REQUEST, "BadArgument", "The body broke off"),
            Self::Unavailable(_) => {
                (S::SERVICE_UNAVAILABLE, "ServiceError", "It cannot be done now; try again later")
            }
            Self::Internal(_) => {
                (S::INTERNAL_SERVER_ERROR, "ServiceError", "Something went wrong here")
            }
        };
        (status, code, message.into())
    }

    /// The status the bot gave, which stands beside the error as in the cloud's answers.
    fn bot_status(&self) -> Option<u16> {
        match self {
            Self::BotFailed(status) => *status,
            Self::BotTimedOut => Some(504),
            _ => None,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match &self {
            Self::Internal(cause) => tracing::error!(%cause, "a call failed"),
            Self::Unavailable(cause) => tracing::warn!(%cause, "a call cannot be done now"),
            _ => {}
        }
        let bot_status = self.bot_status();
        let (status, code, message) = self.parts();
        ErrorResponse::new(code, &message, bot_status).into_response(status)
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
            Hall::UnknownConversation | Hall::UnknownActivity => Self::UnknownConversation,
            // The site's bot was taken away: the client can do nothing about it.
            Hall::UnknownBot => Self::Forbidden(SITE_GONE),
            Hall::Conflict(_) => Self::Conflict,
            Hall::Unavailable(cause) => Self::Unavailable(cause.into()),
            Hall::Record(error) => Self::Internal(error.to_string().into()),
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
            BlobError::Damaged => Self::Internal(error.to_string().into()),
        }
    }
}

impl From<maru_accounts::Error> for Error {
    fn from(error: maru_accounts::Error) -> Self {
        Self::Internal(error.to_string().into())
    }
}
