//! What the API answers when it does not do it.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maru_accounts::SignInError;
use maru_door::Kind;
use maru_door::body::BodyError;
use maru_files::Refused;
use serde_json::json;

use crate::Refusal;

/// Why a call was not done.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The body, or the query, is not as the reference has it.
    BadField(Cow<'static, str>),
    /// The handshake offers no protocol that is spoken here.
    BadSubprotocol,
    /// There is no session, or it is over.
    SignedOut,
    /// Nobody is let in with these.
    Denied,
    /// Too many attempts have failed.
    Locked(Duration),
    /// Another origin, or a chat that is not the caller's.
    Forbidden,
    /// The person does not answer calls.
    NoNumber,
    /// Over a network, and without TLS.
    Insecure,
    /// There is no such chat for the caller.
    NoSuchChat,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body is too large.
    TooLong,
    /// Files of this kind are not taken.
    BadType,
    /// Too many calls.
    TooOften(Duration),
    /// Not now.
    Busy,
    /// The server's fault; the cause is in the log.
    Internal,
}

impl ApiError {
    /// For an error whose cause no client is told.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a call of the desk's failed");
        Self::Internal
    }

    fn parts(&self) -> (StatusCode, &'static str, Cow<'static, str>) {
        let kind =
            |kind: Kind, code, message: &'static str| (kind.status(), code, Cow::Borrowed(message));
        match self {
            Self::BadField(what) => (StatusCode::BAD_REQUEST, "bad_field", what.clone()),
            Self::BadSubprotocol => {
                kind(Kind::Invalid, "bad_subprotocol", "the subprotocol here is nxdesk.v1")
            }
            Self::SignedOut => kind(Kind::Unauthenticated, "signed_out", "sign in first"),
            Self::Denied => kind(Kind::Unauthenticated, "denied", "unknown name or wrong password"),
            Self::Locked(_) => {
                kind(Kind::RateLimited, "locked", "too many attempts have failed; try again later")
            }
            Self::Forbidden => kind(Kind::Forbidden, "forbidden", "not from here"),
            Self::NoNumber => kind(Kind::Forbidden, "no_dn", "you have no number to answer at"),
            Self::Insecure => kind(
                Kind::Forbidden,
                "insecure",
                "signing in over a network needs https; or open the page on the server's own machine",
            ),
            Self::NoSuchChat => kind(Kind::NotFound, "no_such_chat", "there is no such chat"),
            Self::MethodNotAllowed => {
                kind(Kind::MethodNotAllowed, "bad_method", "not by this method")
            }
            Self::TooLong => kind(Kind::TooLarge, "too_long", "it is too large"),
            Self::BadType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "bad_type",
                "files of this kind are not taken, or the file is not what its name says".into(),
            ),
            Self::TooOften(_) => kind(Kind::RateLimited, "rate", "too many calls"),
            Self::Busy => kind(Kind::Unavailable, "busy", "not now; try again"),
            Self::Internal => kind(Kind::Internal, "internal", "something went wrong here"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let body = json!({ "error": { "code": code, "message": message } });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Self::Locked(wait) | Self::TooOften(wait) = self {
            let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole.max(1)));
        }
        response
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Denied => Self::Denied,
            SignInError::Locked { again_after } => Self::Locked(again_after),
            SignInError::BadPassword => Self::BadField(error.to_string().into()),
            SignInError::Busy => Self::Busy,
            SignInError::Accounts(error) => error.into(),
        }
    }
}

impl From<maru_accounts::Error> for ApiError {
    fn from(error: maru_accounts::Error) -> Self {
        match &error {
            maru_accounts::Error::Store(store) if store.is_retryable() => Self::Busy,
            _ => Self::internal(&error),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::TooLong,
            BodyError::TooSlow | BodyError::Broken => Self::BadField(error.to_string().into()),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(error: Refused) -> Self {
        match &error {
            Refused::Files(error) => tracing::warn!(%error, "a file was not kept"),
            Refused::Disk(error) => tracing::warn!(%error, "a file was not kept"),
            _ => {}
        }
        match (error.kind(), &error) {
            (Kind::Invalid, Refused::NotTaken | Refused::Undrawn(_)) => Self::BadType,
            (Kind::TooLarge, _) => Self::TooLong,
            (Kind::Unavailable, _) => Self::Busy,
            _ => Self::BadField(error.to_string().into()),
        }
    }
}

impl From<maru_hall::Error> for ApiError {
    fn from(error: maru_hall::Error) -> Self {
        match error.kind() {
            maru_hall::Kind::NotFound => Self::NoSuchChat,
            maru_hall::Kind::Unavailable | maru_hall::Kind::Conflict => Self::Busy,
            _ => Self::internal(&error),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(error: Refusal) -> Self {
        match error {
            Refusal::NoSuchAgent => Self::NoNumber,
            Refusal::Hall(error) => error.into(),
            _ => Self::NoSuchChat,
        }
    }
}
