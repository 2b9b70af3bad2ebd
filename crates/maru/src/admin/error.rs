//! What the admin API answers when it does not do it.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maru_hall::Kind;
use serde_json::json;

/// An error: a status, a word for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// The word: `invalid`, `not_found`, `conflict`, `unavailable`, `unsupported`, `failed`, `internal`.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
}

impl ApiError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "invalid", message: message.into() }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not_found", message: message.into() }
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, code: "conflict", message: message.into() }
    }

    /// What this store does not do, and who does.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        let status = StatusCode::NOT_IMPLEMENTED;
        Self { status, code: "unsupported", message: message.into() }
    }

    /// Something outside does not do its part.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, code: "failed", message: message.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, code: "internal", message: message.into() }
    }
}

impl From<maru_hall::Error> for ApiError {
    fn from(error: maru_hall::Error) -> Self {
        let (status, code) = match error.kind() {
            Kind::Invalid => (StatusCode::BAD_REQUEST, "invalid"),
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid"),
            Kind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Kind::Conflict => (StatusCode::CONFLICT, "conflict"),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            // The operator is whom the cause is for.
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self { status, code, message: error.to_string() }
    }
}

impl From<maru_store::Error> for ApiError {
    fn from(error: maru_store::Error) -> Self {
        maru_hall::Error::from(error).into()
    }
}

impl From<maru_hall::BadSettings> for ApiError {
    fn from(error: maru_hall::BadSettings) -> Self {
        Self::invalid(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        (self.status, axum::Json(body)).into_response()
    }
}
