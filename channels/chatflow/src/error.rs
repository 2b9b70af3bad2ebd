//! What can go wrong, and how the API says it: one exhaustive match.
//!
//! The codes of Kakao's table (kakao-naver-chatflow.md §1.7) keep their statuses and their texts; those
//! that ChatFlow adds have the statuses that HTTP has for them.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maru_chatflow::Error as ServiceError;
use maru_door::body::BodyError;
use maru_scenario::Severity;
use serde::Serialize;

use crate::answer::json;

/// Why a call was not done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Error {
    /// Something in the call is wrong.
    Bad(Cow<'static, str>),
    /// The body has more than this many bytes.
    TooLarge(usize),
    /// The body came too slowly, or broke off.
    Body(&'static str),
    /// The type is none that there is.
    UnknownType,
    /// Too many calls; how long to wait.
    TooMany(Duration),
    /// There is no such path.
    UnknownPath,
    /// The path does not know the method.
    MethodNotAllowed,
    /// The service did not do it.
    Service(ServiceError),
}

/// A value that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Wrong {
    /// Its place, as a JSON Pointer.
    pub(crate) path: String,
    /// Why.
    pub(crate) reason: String,
}

/// The body of every answer that is no success.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) code: u16,
    pub(crate) message: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) comment: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<Wrong>,
}

impl Error {
    pub(crate) fn bad(comment: impl Into<Cow<'static, str>>) -> Self {
        Self::Bad(comment.into())
    }

    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Self::Service(ServiceError::Internal(cause.into()))
    }

    /// The status, the code, and its text.
    pub(crate) fn parts(&self) -> (StatusCode, u16, &'static str) {
        use StatusCode as S;
        match self {
            Self::Bad(_) | Self::Body(_) => (S::BAD_REQUEST, 100, "bad request"),
            Self::TooLarge(_) => (S::PAYLOAD_TOO_LARGE, 101, "request too large"),
            Self::UnknownType => (S::BAD_REQUEST, 400, "unsupported media type"),
            Self::TooMany(_) => (S::TOO_MANY_REQUESTS, 206, "too many requests"),
            Self::UnknownPath => (S::NOT_FOUND, 404, "not found"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, 405, "method not allowed"),
            Self::Service(error) => of_service(error),
        }
    }

    /// What there is to say beside it. Nothing of what a webhook or the store said.
    fn comment(&self) -> String {
        match self {
            Self::Bad(comment) => comment.to_string(),
            Self::Body(comment) => (*comment).to_owned(),
            Self::TooLarge(most) => format!("a body may have {most} bytes"),
            Self::UnknownType => "type is text, photo, video or audio".to_owned(),
            Self::TooMany(_) | Self::UnknownPath | Self::MethodNotAllowed => String::new(),
            Self::Service(ServiceError::Unavailable(_) | ServiceError::Internal(_)) => {
                String::new()
            }
            Self::Service(error) => error.to_string(),
        }
    }

    fn errors(&self) -> Vec<Wrong> {
        match self {
            Self::Service(ServiceError::Values(values)) => {
                let wrong = values.iter();
                wrong
                    .map(|value| Wrong {
                        path: value.path.clone(),
                        reason: value.reason.to_owned(),
                    })
                    .collect()
            }
            Self::Service(ServiceError::Invalid(issues)) => {
                let errors = issues.iter().filter(|issue| issue.severity == Severity::Error);
                errors
                    .map(|issue| Wrong {
                        path: issue.pointer.clone(),
                        reason: issue.message.clone(),
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// The body that is sent.
    pub(crate) fn body(&self) -> ErrorBody {
        let (_, code, message) = self.parts();
        ErrorBody { code, message, comment: self.comment(), errors: self.errors() }
    }

    /// Writes the cause into the log, where it is ours to know.
    pub(crate) fn note(&self) {
        match self {
            Self::Service(ServiceError::Internal(cause)) => {
                tracing::error!(%cause, "a call failed");
            }
            Self::Service(ServiceError::Unavailable(cause)) => {
                tracing::warn!(%cause, "a call cannot be done now");
            }
            _ => {}
        }
    }
}

fn of_service(error: &ServiceError) -> (StatusCode, u16, &'static str) {
    use ServiceError as E;
    use StatusCode as S;
    match error {
        E::Field { .. } | E::Values(_) | E::NotHanded => (S::BAD_REQUEST, 100, "bad request"),
        E::UnknownCaller => (S::BAD_REQUEST, 201, "wrong api key"),
        E::NotPublished => (S::BAD_REQUEST, 202, "wrong bot url"),
        E::WebhookFailed { .. } | E::TooManyHops | E::Unloadable { .. } => {
            (S::SERVICE_UNAVAILABLE, 203, "wrong message format")
        }
        E::WebhookTimedOut(_) => (S::REQUEST_TIMEOUT, 204, "request timeout"),
        E::Busy => (S::CONFLICT, 205, "another turn is running"),
        E::Conflict | E::Used { .. } | E::Taken(_) => (S::CONFLICT, 207, "changed meanwhile"),
        E::Unknown { .. } => (S::BAD_REQUEST, 301, "profile not found"),
        E::NoState => (S::BAD_REQUEST, 302, "user not found"),
        E::UnknownNode(_) => (S::NOT_FOUND, 304, "node not found"),
        E::WrongKind { .. } => (S::BAD_REQUEST, 400, "unsupported media type"),
        E::Invalid(_) => (S::UNPROCESSABLE_ENTITY, 401, "invalid scenario"),
        E::Unavailable(_) => (S::SERVICE_UNAVAILABLE, 503, "try again later"),
        E::Internal(_) => (S::INTERNAL_SERVER_ERROR, 500, "internal error"),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.note();
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = json(self.parts().0, body);
        if let Self::TooMany(wait) = self {
            // Whole seconds, and not a moment too early.
            let secs = wait.as_secs() + 1;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { max_bytes } => Self::TooLarge(max_bytes),
            BodyError::TooSlow => Self::Body("the body came too slowly"),
            BodyError::Broken => Self::Body("the body broke off"),
        }
    }
}
