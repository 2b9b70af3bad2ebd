//! The body of every answer that is no success (direct-line.md §1.0).

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// `{"error":{"code","message"}}`, with the bot's status beside it where a bot failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorResponse<'a> {
    error: ErrorBody<'a>,
    #[serde(rename = "httpStatusCode", skip_serializing_if = "Option::is_none")]
    http_status_code: Option<u16>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ErrorBody<'a> {
    /// One of `BadArgument`, `MissingProperty`, `Unauthorized`, `TokenExpired`, `BotError`,
    /// `ServiceError`, `TooManyRequests`.
    code: &'a str,
    /// For a developer to read.
    message: &'a str,
}

impl<'a> ErrorResponse<'a> {
    pub(crate) fn new(code: &'a str, message: &'a str, bot_status: Option<u16>) -> Self {
        Self { error: ErrorBody { code, message }, http_status_code: bot_status }
    }

    pub(crate) fn into_response(self, status: StatusCode) -> Response {
        super::json(status, &self)
    }
}
