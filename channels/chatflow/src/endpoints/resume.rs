//! `POST /resume`: a user comes back from a human, to whom a handoff node gave them. The caller's own
//! people, so the caller says when.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use maru_chatflow::User;
use maru_door::Caller;

use crate::ChatFlowApi;
use crate::answer::turn;
use crate::error::Error;
use crate::fields::Fields;
use crate::openapi as doc;

/// Brings a user back from a human, and gives what the scenario says then.
#[utoipa::path(
    post, path = super::RESUME, tag = "chatflow",
    request_body(content = doc::ResumeRequest),
    responses(
        (status = 200, description = "The turn", body = doc::Turn),
        (status = 400, description = "100 malformed, 201 wrong secrets, 202 nothing published, or the user is with no human", body = doc::ErrorResponse),
        (status = 408, description = "204: a webhook took too long", body = doc::ErrorResponse),
        (status = 409, description = "205: another turn of this user still runs", body = doc::ErrorResponse),
        (status = 413, description = "101: more than 64 KiB", body = doc::ErrorResponse),
        (status = 429, description = "206: too many calls; see Retry-After", body = doc::ErrorResponse),
        (status = 500, description = "500: ours; X-Request-Id finds the cause in the log", body = doc::ErrorResponse),
        (status = 503, description = "203: a webhook failed, or the scenario did not end; or 503: try again later", body = doc::ErrorResponse),
    ),
    security(("client_id" = [], "app_id" = []), ()),
)]
pub(crate) async fn post(
    State(api): State<Arc<ChatFlowApi>>,
    from: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let fields = Fields::read(&headers, body).await?;
    let app = api.app(&from, &headers, &fields).await?;
    let user = User::api(&fields.needed("user_key")?);
    let served = fields.flag("served")?.unwrap_or(true);
    let told = api.chatflow.come_back(&app, &user, served).await?;
    turn(&told, fields.is_joined()?)
}
