//! `/users/{user_key}/state`: a user's place, without a turn (kakao-naver-chatflow.md §4.5).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use maru_door::Caller;
use maru_scenario::Patch;
use serde_json::json;

use super::PathUser;
use crate::ChatFlowApi;
use crate::answer::ok;
use crate::error::Error;
use crate::fields::Fields;
use crate::openapi as doc;

/// Gives a user's place, and what is known of them.
#[utoipa::path(
    get, path = super::STATE, tag = "chatflow",
    params(doc::UserPath),
    responses(
        (status = 200, description = "Their place", body = doc::State),
        (status = 400, description = "100 malformed, 201 wrong secrets, 302 nothing is known of the user", body = doc::ErrorResponse),
        (status = 429, description = "206: too many calls; see Retry-After", body = doc::ErrorResponse),
        (status = 500, description = "500: ours; X-Request-Id finds the cause in the log", body = doc::ErrorResponse),
        (status = 503, description = "503: try again later", body = doc::ErrorResponse),
    ),
    security(("client_id" = [], "app_id" = [])),
)]
pub(crate) async fn get(
    State(api): State<Arc<ChatFlowApi>>,
    from: Caller,
    PathUser(user): PathUser,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let app = api.app(&from, &headers, &Fields::default()).await?;
    ok(&api.chatflow.state(&app, &user).await?)
}

/// Changes a user's slots, and puts them at a node.
#[utoipa::path(
    patch, path = super::STATE, tag = "chatflow",
    params(doc::UserPath), request_body(content = doc::StatePatch),
    responses(
        (status = 200, description = "Their place now", body = doc::State),
        (status = 400, description = "100 malformed, 201 wrong secrets, 302 nothing is known of the user", body = doc::ErrorResponse),
        (status = 404, description = "304: no such node", body = doc::ErrorResponse),
        (status = 409, description = "205: a turn of this user still runs", body = doc::ErrorResponse),
        (status = 413, description = "101: more than 64 KiB", body = doc::ErrorResponse),
        (status = 429, description = "206: too many calls; see Retry-After", body = doc::ErrorResponse),
        (status = 500, description = "500: ours; X-Request-Id finds the cause in the log", body = doc::ErrorResponse),
        (status = 503, description = "203: the version that the user is in cannot be loaded; or 503: try again later", body = doc::ErrorResponse),
    ),
    security(("client_id" = [], "app_id" = [])),
)]
pub(crate) async fn patch(
    State(api): State<Arc<ChatFlowApi>>,
    from: Caller,
    PathUser(user): PathUser,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let fields = Fields::read(&headers, body).await?;
    let app = api.app(&from, &headers, &fields).await?;
    let node = fields.text("node_id")?.filter(|node| !node.is_empty());
    let change = Patch { slots: fields.object("slot")?, node: node.map(Into::into) };
    ok(&api.chatflow.patch(&app, &user, change).await?)
}

/// Forgets a user, in the log too.
#[utoipa::path(
    delete, path = super::STATE, tag = "chatflow",
    params(doc::UserPath),
    responses(
        (status = 200, description = "Nothing is known of them any more", body = doc::Done),
        (status = 400, description = "100 malformed, 201 wrong secrets, 302 nothing is known of the user", body = doc::ErrorResponse),
        (status = 409, description = "205: a turn of this user still runs", body = doc::ErrorResponse),
        (status = 413, description = "101: more than 64 KiB", body = doc::ErrorResponse),
        (status = 429, description = "206: too many calls; see Retry-After", body = doc::ErrorResponse),
        (status = 500, description = "500: ours; X-Request-Id finds the cause in the log", body = doc::ErrorResponse),
        (status = 503, description = "503: try again later", body = doc::ErrorResponse),
    ),
    security(("client_id" = [], "app_id" = [])),
)]
pub(crate) async fn delete(
    State(api): State<Arc<ChatFlowApi>>,
    from: Caller,
    PathUser(user): PathUser,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let fields = Fields::read(&headers, body).await?;
    let app = api.app(&from, &headers, &fields).await?;
    api.chatflow.forget(&app, &user).await?;
    ok(&json!({"code": 0, "message": "SUCCESS"}))
}
