//! `GET /scenario`: what the live version is (kakao-naver-chatflow.md §4.5).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use maru_door::Caller;

use crate::ChatFlowApi;
use crate::answer::ok;
use crate::error::Error;
use crate::fields::Fields;
use crate::openapi as doc;

/// Gives the meta data of the live version, and its nodes by id, name and type.
#[utoipa::path(
    get, path = super::SCENARIO, tag = "chatflow",
    responses(
        (status = 200, description = "The live version", body = doc::ScenarioInfo),
        (status = 400, description = "100 malformed, 201 wrong secrets, 202 nothing published", body = doc::ErrorResponse),
        (status = 429, description = "206: too many calls; see Retry-After", body = doc::ErrorResponse),
        (status = 500, description = "500: ours; X-Request-Id finds the cause in the log", body = doc::ErrorResponse),
        (status = 503, description = "203: the version cannot be loaded; or 503: try again later", body = doc::ErrorResponse),
    ),
    security(("client_id" = [], "app_id" = [])),
)]
pub(crate) async fn get(
    State(api): State<Arc<ChatFlowApi>>,
    from: Caller,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let app = api.app(&from, &headers, &Fields::default()).await?;
    ok(&api.chatflow.scenario_info(&app).await?)
}
