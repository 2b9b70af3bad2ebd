//! The endpoints.

pub(crate) mod init;
pub(crate) mod message;
pub(crate) mod resume;
pub(crate) mod scenario;
pub(crate) mod state;

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use maru_chatflow::User;
use maru_door::{RouteSet, Routes};

use crate::ChatFlowApi;
use crate::error::Error;

const MESSAGE: &str = "/chatflow/api/v1/message";
const INIT: &str = "/chatflow/api/v1/init";
const RESUME: &str = "/chatflow/api/v1/resume";
const STATE: &str = "/chatflow/api/v1/users/{user_key}/state";
const SCENARIO: &str = "/chatflow/api/v1/scenario";

/// In front of all that is served; the origin's client looks for it without.
const PREFIX: &str = "/chatflow";

/// All that is served: the API, and again where the origin's client looks for it.
pub(crate) fn routes(api: Arc<ChatFlowApi>) -> RouteSet {
    let mut routes = Routes::of(api);
    for less in ["", PREFIX] {
        let at = |path: &'static str| path.strip_prefix(less).unwrap_or(path);
        routes = routes
            .post(at(MESSAGE), message::post)
            .post(at(INIT), init::post)
            .post(at(RESUME), resume::post)
            .get(at(STATE), state::get)
            .patch(at(STATE), state::patch)
            .delete(at(STATE), state::delete)
            .get(at(SCENARIO), scenario::get);
    }
    routes
        .any("/chatflow/api/{*path}", async || Error::UnknownPath)
        .not_allowed(async || Error::MethodNotAllowed)
        .done()
}

/// The user that a path names.
#[derive(Clone, Debug)]
pub(crate) struct PathUser(User);

impl<S: Send + Sync> FromRequestParts<S> for PathUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::bad("the user_key in the path is not UTF-8"))?;
        let key = params.iter().find(|(name, _)| *name == "user_key");
        Ok(Self(User::api(key.map_or("", |(_, key)| key))))
    }
}
