//! Kore's JSON, field for field: one module an endpoint or frame.

pub(crate) mod error_response;
pub(crate) mod grant;
pub(crate) mod issuer;
pub(crate) mod start;
pub(crate) mod upload;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A success, whose body is JSON. It is always 200: the web SDKs take any other status, 201 among
/// them, for a failure (kore-rtm.md §1.3).
pub(crate) fn ok<T: Serialize>(body: &T) -> Response {
    json(StatusCode::OK, body)
}

/// An answer whose body is JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    json_bytes(status, serde_json::to_vec(body).expect("our own wire types are always JSON"))
}

/// An answer whose body is JSON text that is written already.
pub(crate) fn json_bytes(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
