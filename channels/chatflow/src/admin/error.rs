//! What an order is answered that is not done: what programs and people read of all the operators'
//! orders, and beside it what the ChatFlow API would say.

use axum::response::{IntoResponse, Response};
use maru_chatflow::Error as ServiceError;
use serde_json::{Value, json};

use crate::answer::json as json_response;
use crate::error::Error;

/// Why an order was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminError(Error);

impl AdminError {
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self(Error::bad(message.into()))
    }

    pub(crate) fn unknown(what: &'static str, id: &str) -> Self {
        Self(Error::Service(ServiceError::Unknown { what, id: id.to_owned() }))
    }

    /// The body: `{"error": {"code", "message"}, "code", "message", "errors"?}`.
    fn body(&self) -> Value {
        let (status, ..) = self.0.parts();
        let told = self.0.body();
        let word = match status.as_u16() {
            409 => "conflict",
            500 => "internal",
            503 => "unavailable",
            _ if told.code == 301 => "not_found",
            404 => "not_found",
            _ => "invalid",
        };
        // An operator may know what a caller may not.
        let sentence = match &self.0 {
            Error::Service(error) => error.to_string(),
            _ if told.comment.is_empty() => told.message.to_owned(),
            _ => told.comment,
        };
        let mut body = json!({
            "error": {"code": word, "message": sentence},
            "code": told.code,
            "message": told.message,
        });
        if let Error::Service(ServiceError::Invalid(issues)) = &self.0 {
            body["issues"] = json!(issues);
        }
        if !told.errors.is_empty() {
            body["errors"] = json!(told.errors);
        }
        body
    }
}

impl From<ServiceError> for AdminError {
    fn from(error: ServiceError) -> Self {
        Self(Error::Service(error))
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        self.0.note();
        json_response(self.0.parts().0, self.body().to_string())
    }
}
