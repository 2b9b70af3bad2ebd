//! `tokens/generate` and `tokens/refresh`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::DirectLine;
use crate::auth::{Bearer, Credential};
use crate::conversations::check_user;
use crate::error::Error;
use crate::limits::PARAMETERS_BYTES_MAX;
use crate::openapi as doc;
use crate::token::Claims;
use crate::wire::token_parameters::TokenParameters;

/// Makes a token for a conversation that is given out here and not begun yet.
#[utoipa::path(
    post, path = super::GENERATE, tag = "tokens",
    request_body(content = doc::TokenParameters, description = "May be empty"),
    responses(
        (status = 200, description = "A token for a new conversation", body = doc::Conversation),
        (status = 400, description = "Something in the call is wrong", body = doc::ErrorResponse),
        (status = 401, description = "No credential, or none of ours", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
        (status = 413, description = "The body is too large", body = doc::ErrorResponse),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn generate(
    State(app): State<Arc<DirectLine>>,
    caller: Credential,
    body: Body,
) -> Result<Response, Error> {
    let Bearer::Secret(key) = &caller.bearer else {
        return Err(Error::Forbidden("A secret is needed here, not a token"));
    };
    let parameters = TokenParameters::parse(&super::read(body, PARAMETERS_BYTES_MAX).await?)?;
    let claims = claims_of(&app, &caller, key, parameters)?;
    let answer = app.token(&caller.site, claims, None)?;
    Ok(crate::wire::json(StatusCode::OK, &answer))
}

/// Makes a token that says the same and is good for longer. What has expired cannot be renewed.
#[utoipa::path(
    post, path = super::REFRESH, tag = "tokens",
    responses(
        (status = 200, description = "A token that is good for longer", body = doc::Conversation),
        (status = 401, description = "No credential, or none of ours", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn refresh(
    State(app): State<Arc<DirectLine>>,
    caller: Credential,
) -> Result<Response, Error> {
    let Some(claims) = caller.claims() else {
        return Err(Error::Forbidden("A token is needed here, not a secret"));
    };
    let answer = app.token(&caller.site, claims.clone(), None)?;
    Ok(crate::wire::json(StatusCode::OK, &answer))
}

/// The claims of a new conversation's token, for the holder of a secret.
pub(crate) fn claims_of(
    app: &DirectLine,
    caller: &Credential,
    key: &str,
    parameters: TokenParameters,
) -> Result<Claims, Error> {
    if let Some(user) = &parameters.user {
        check_user(&caller.site, &user.id, true)?;
    }
    // The site's own list wins; the call's is then not even kept.
    let own = !caller.site.settings.trusted_origins.is_empty();
    let origins = if own { Vec::new() } else { parameters.trusted_origins };
    let user = parameters.user.map(|user| user.id);
    Ok(Claims::new(&caller.site, key, app.hall.new_conversation_id(), user, origins))
}
