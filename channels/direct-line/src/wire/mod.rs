//! Direct Line's JSON, field for field: one module an endpoint or frame.

pub(crate) mod activity_set;
pub(crate) mod conversation;
pub(crate) mod error_response;
pub(crate) mod resource_response;
pub(crate) mod session;
pub(crate) mod token_parameters;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

/// How many headers an answer will have, with those that are added around it: there is room for all of
/// them at once.
const HEADERS: usize = 9;

/// An answer whose body is JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    json_bytes(status, serde_json::to_vec(body).expect("our own wire types are always JSON"))
}

/// An answer whose body is JSON text that is written already.
pub(crate) fn json_bytes(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(HEADERS);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
