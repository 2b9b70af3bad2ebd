//! The endpoints.

pub(crate) mod activities;
pub(crate) mod conversations;
pub(crate) mod files;
pub(crate) mod session;
pub(crate) mod stream;
pub(crate) mod tokens;
pub(crate) mod upload;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::handler::Handler as _;
use bytes::Bytes;
use http::request::Parts;
use maru_door::body::{BodyError, BodyLimits};
use maru_door::{RouteSet, Routes};

use crate::DirectLine;
use crate::cors::{CORS, SESSION_PATH};
use crate::error::Error;

const GENERATE: &str = "/v3/directline/tokens/generate";
const REFRESH: &str = "/v3/directline/tokens/refresh";
const CONVERSATIONS: &str = "/v3/directline/conversations";
const CONVERSATION: &str = "/v3/directline/conversations/{conversation}";
const ACTIVITIES: &str = "/v3/directline/conversations/{conversation}/activities";
const UPLOAD: &str = "/v3/directline/conversations/{conversation}/upload";
const STREAM: &str = "/v3/directline/conversations/{conversation}/stream";
const ATTACHMENT: &str = "/v3/directline/attachments/{file}";

/// All that is served. Everything goes through [`CORS`], which answers preflights itself.
pub(crate) fn routes(app: Arc<DirectLine>) -> RouteSet {
    Routes::of(app)
        .post(GENERATE, tokens::generate.layer(CORS))
        .post(REFRESH, tokens::refresh.layer(CORS))
        .post(CONVERSATIONS, conversations::start.layer(CORS))
        .get(CONVERSATION, conversations::reconnect.layer(CORS))
        .post(ACTIVITIES, activities::post.layer(CORS))
        .get(ACTIVITIES, activities::list.layer(CORS))
        .post(UPLOAD, upload::post.layer(CORS))
        .get(STREAM, stream::open.layer(CORS))
        .get(SESSION_PATH, session::get.layer(CORS))
        .get(ATTACHMENT, files::get.layer(CORS))
        .any("/v3/directline", unknown.layer(CORS))
        .any("/v3/directline/{*path}", unknown.layer(CORS))
        .not_allowed(not_allowed.layer(CORS))
        .done()
}

async fn unknown() -> Error {
    Error::UnknownPath
}

async fn not_allowed() -> Error {
    Error::MethodNotAllowed
}

/// The last part but the verb of a path: a conversation's id, or a file's, decoded once.
#[derive(Debug)]
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        // What does not decode names nothing.
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::UnknownPath)?;
        let id = params.iter().next().map(|(_, value)| value.to_owned());
        id.map(Self).ok_or(Error::UnknownPath)
    }
}

/// A query's value; of several the first.
pub(crate) fn query(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A whole body of at most so many bytes.
pub(crate) async fn read(body: Body, max: usize) -> Result<Bytes, Error> {
    Ok(maru_door::body::read(body, BodyLimits::bytes(max)).await?)
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { max_bytes } => Self::TooLarge(max_bytes),
            BodyError::TooSlow => Self::TooSlow,
            BodyError::Broken => Self::BrokenBody,
        }
    }
}
