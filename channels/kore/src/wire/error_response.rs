//! The body of every answer that is no success (kore-rtm.md §1.3).

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

/// `{"errors":[{"msg","code"}]}`: never empty, since version 2 of the web SDK reads the first one
/// unguarded.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorResponse<'a> {
    errors: [ErrorBody<'a>; 1],
}

#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    /// For a person to read: the web SDK shows it.
    msg: &'a str,
    code: Code,
    /// The status as a text: what the web SDK looks at where it uploads (kore-rtm.md §1.7).
    #[serde(rename = "httpStatus", skip_serializing_if = "Option::is_none")]
    http_status: Option<String>,
}

/// What the SDKs tell errors apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Code {
    /// As a rule the status.
    Number(u16),
    /// One that has a name.
    Name(&'static str),
}

impl<'a> ErrorResponse<'a> {
    pub(crate) fn new(code: Code, msg: &'a str) -> Self {
        Self { errors: [ErrorBody { msg, code, http_status: None }] }
    }

    /// With the status beside it.
    pub(crate) fn with_http_status(mut self, status: StatusCode) -> Self {
        self.errors[0].http_status = Some(status.as_u16().to_string());
        self
    }

    pub(crate) fn into_response(self, status: StatusCode) -> Response {
        super::json(status, &self)
    }
}
