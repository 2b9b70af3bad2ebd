//! Who calls.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::Kind;

/// What a face is told of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// By which the log knows the request; it is answered in the header `x-request-id`.
    pub request_id: Arc<str>,
    /// The address of whoever asks: the peer's, or what trusted proxies say. A caller on a Unix
    /// socket has 127.0.0.1.
    pub peer: IpAddr,
    /// How the caller reached the server, without a slash at its end: `https://example.com`.
    pub base_url: Arc<str>,
}

/// The server was put together without its [`Context`](crate::Context).
#[derive(Clone, Copy, Debug)]
pub struct NoContext;

impl IntoResponse for NoContext {
    fn into_response(self) -> Response {
        tracing::error!("a face is served without a context");
        Kind::Internal.status().into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = NoContext;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoContext> {
        parts.extensions.get().cloned().ok_or(NoContext)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}
