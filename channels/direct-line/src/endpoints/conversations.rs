//! Starting a conversation, and coming back to it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use maru_activity::Watermark;
use maru_door::Caller;

use super::Id;
use crate::DirectLine;
use crate::auth::{Bearer, Credential};
use crate::conversations::{check_user, user_account};
use crate::error::Error;
use crate::limits::PARAMETERS_BYTES_MAX;
use crate::openapi as doc;
use crate::wire::token_parameters::TokenParameters;

/// Starts a conversation: a new one for a secret, the token's own for a token. One that was begun
/// before is given as it is.
#[utoipa::path(
    post, path = super::CONVERSATIONS, tag = "conversations",
    request_body(content = doc::TokenParameters, description = "May be empty"),
    responses(
        (status = 201, description = "The conversation was begun", body = doc::Conversation),
        (status = 200, description = "It was begun before", body = doc::Conversation),
        (status = 400, description = "Something in the call is wrong", body = doc::ErrorResponse),
        (status = 401, description = "No credential, or none of ours", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
        (status = 413, description = "The body is too large", body = doc::ErrorResponse),
        (status = 503, description = "It cannot be kept now", body = doc::ErrorResponse),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn start(
    State(app): State<Arc<DirectLine>>,
    caller: Credential,
    from: Caller,
    body: Body,
) -> Result<Response, Error> {
    let parameters = TokenParameters::parse(&super::read(body, PARAMETERS_BYTES_MAX).await?)?;
    let (named, locale) = (parameters.user.clone(), parameters.locale.clone());
    let claims = match &caller.bearer {
        Bearer::Secret(key) => super::tokens::claims_of(&app, &caller, key, parameters)?,
        Bearer::Token(token) => token.claims.clone(),
    };
    let user = match &claims.user {
        Some(bound) => {
            let name = named.filter(|user| user.id == *bound).and_then(|user| user.name);
            Some((user_account(bound, name), true))
        }
        None => {
            if let Some(user) = &named {
                check_user(&caller.site, &user.id, false)?;
            }
            named.map(|user| (user, false))
        }
    };
    let begun = app.begin(&caller.site, claims.conv.clone(), user, locale.as_deref()).await?;
    let answer = app.token(&caller.site, claims, Some((&from.base_url, Watermark::START)))?;
    let status = if begun.fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok(crate::wire::json(status, &answer))
}

/// Gives a new token and a new address of the stream, which goes on after the watermark.
#[utoipa::path(
    get, path = super::CONVERSATION, tag = "conversations",
    params(doc::ConversationPath, doc::WatermarkQuery),
    responses(
        (status = 200, description = "A new token and a new stream address", body = doc::Conversation),
        (status = 400, description = "Something in the call is wrong", body = doc::ErrorResponse),
        (status = 401, description = "No credential, or none of ours", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
        (status = 404, description = "Unknown conversation", body = doc::ErrorResponse),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn reconnect(
    State(app): State<Arc<DirectLine>>,
    caller: Credential,
    Id(id): Id,
    from: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let watermark = watermark(query.as_deref())?;
    let target = app.locate(&caller, &id).await?;
    let conversation = app.ensure_begun(&caller, target, None).await?;
    let claims = caller.claims_for(&conversation.id);
    let answer = app.token(&caller.site, claims, Some((&from.base_url, watermark)))?;
    Ok(crate::wire::json(StatusCode::OK, &answer))
}

/// The watermark of a query.
pub(crate) fn watermark(query: Option<&str>) -> Result<Watermark, Error> {
    let text = super::query(query, "watermark");
    Watermark::parse(text.as_deref()).map_err(|error| Error::bad(error.to_string()))
}
