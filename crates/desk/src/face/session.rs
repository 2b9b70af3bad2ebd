//! Signing in and out.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use maru_accounts::{DEFAULT_REALM, SYSTEM_REALM, Secret, Session, SignIn, SignedIn};
use maru_activity::RealmId;
use maru_door::Caller;
use maru_door::body::{self, BodyLimits};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::ApiError;
use super::openapi::{ErrorResponse, EverywhereQuery, SessionBody};
use super::{DeskFace, cookie, origin};
use crate::wire::limits::BODY_BYTES_MAX;

#[derive(Deserialize, ToSchema)]
#[schema(as = AgentCredentials)]
pub(super) struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    realm: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = AgentPasswords)]
pub(super) struct Passwords {
    old: String,
    new: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Ways {
    everywhere: bool,
}

#[utoipa::path(
    post, path = super::SESSION, tag = "agents",
    request_body(content = Credentials, description = "`realm` may be left out"),
    responses(
        (status = 200, description = "Signed in; with the cookie", body = SessionBody),
        (status = 400, description = "Something in the call is wrong", body = ErrorResponse),
        (status = 401, description = "Unknown name, or wrong password", body = ErrorResponse),
        (status = 403, description = "Another origin, or http over a network", body = ErrorResponse),
        (status = 429, description = "Too many calls, or too many failures", body = ErrorResponse),
        (status = 503, description = "Not now", body = ErrorResponse),
    ),
)]
pub(super) async fn sign_in(
    State(face): State<Arc<DeskFace>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    face.admit_change(&caller, &headers)?;
    if !cookie::is_safe(&caller.base_url) {
        return Err(ApiError::Insecure);
    }
    let Credentials { name, password, realm } = read(body).await?;
    let password = Secret::new(password);
    // One that does not exist is answered as a login that does not.
    let realm = RealmId::from(realm.as_deref().unwrap_or(DEFAULT_REALM));
    let known = face.accounts.realm(&realm).map(|realm| realm.id.clone());
    let realm = known.unwrap_or_else(|| SYSTEM_REALM.into());
    let wanted = SignIn { realm: &realm, login: &name, password: &password, address: caller.peer };
    let SignedIn { token, session } = face.people.sign_in(wanted).await?;
    // The session that was used until now is not left behind.
    if let Some(before) = cookie::token(&caller.base_url, &headers) {
        face.people.sign_out(before.expose()).await?;
    }
    let cookie = cookie::giving(&caller.base_url, &token);
    Ok(with_cookie(shown(&session).into_response(), cookie))
}

#[utoipa::path(
    get, path = super::SESSION, tag = "agents",
    responses(
        (status = 200, description = "Who is signed in", body = SessionBody),
        (status = 401, description = "Nobody", body = ErrorResponse),
    ),
    security(("agent" = [])),
)]
pub(super) async fn show(
    State(face): State<Arc<DeskFace>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    face.admit(&caller)?;
    let (session, _) = face.signed_in(&caller, &headers).await?;
    Ok(with_cookie(shown(&session).into_response(), None))
}

#[utoipa::path(
    delete, path = super::SESSION, tag = "agents",
    params(EverywhereQuery),
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "Nobody is signed in, and all sessions were to end", body = ErrorResponse),
        (status = 403, description = "Another origin", body = ErrorResponse),
    ),
    security(("agent" = [])),
)]
pub(super) async fn sign_out(
    State(face): State<Arc<DeskFace>>,
    caller: Caller,
    ways: Result<Query<Ways>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    face.admit_change(&caller, &headers)?;
    let Query(ways) = ways.map_err(|error| ApiError::BadField(error.body_text().into()))?;
    if let Some(token) = cookie::token(&caller.base_url, &headers) {
        if ways.everywhere {
            let (session, _) = face.signed_in(&caller, &headers).await?;
            let ended = face.people.sign_out_everywhere(&session.realm, &session.person.login);
            ended.await.map_err(|error| ApiError::internal(&error))?;
        }
        face.people.sign_out(token.expose()).await?;
    }
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookie::taking(&caller.base_url)))
}

#[utoipa::path(
    post, path = super::PASSWORD, tag = "agents",
    request_body = Passwords,
    responses(
        (status = 204, description = "Changed; all sessions of the person are over"),
        (status = 400, description = "The new one has not 10 to 1024 characters", body = ErrorResponse),
        (status = 401, description = "Not signed in, or the old one is wrong", body = ErrorResponse),
        (status = 403, description = "Another origin", body = ErrorResponse),
        (status = 429, description = "Too many failures", body = ErrorResponse),
    ),
    security(("agent" = [])),
)]
pub(super) async fn change_password(
    State(face): State<Arc<DeskFace>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    face.admit_change(&caller, &headers)?;
    let (session, _) = face.signed_in(&caller, &headers).await?;
    let Passwords { old, new } = read(body).await?;
    let (old, new) = (Secret::new(old), Secret::new(new));
    face.people.change_password(&session, &old, &new, caller.peer).await?;
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookie::taking(&caller.base_url)))
}

impl DeskFace {
    /// Lets a call in that changes something: from the server's own pages, and not too often.
    pub(super) fn admit_change(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<(), ApiError> {
        self.admit(caller)?;
        origin::is_own(headers, &caller.base_url).then_some(()).ok_or(ApiError::Forbidden)
    }

    /// Who calls, and by which token.
    pub(super) async fn signed_in(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<(Session, Secret), ApiError> {
        let token = cookie::token(&caller.base_url, headers).ok_or(ApiError::SignedOut)?;
        let session = self.people.session(token.expose()).await?;
        Ok((session.ok_or(ApiError::SignedOut)?, token))
    }
}

fn shown(session: &Session) -> Json<Value> {
    let person = &session.person;
    let mut shown = json!({
        "realm": session.realm,
        "name": person.login,
        "displayName": person.name,
        "roles": person.roles,
        "endsAt": session.ends_at.to_string(),
    });
    if let Some(dn) = &person.dn {
        shown["dn"] = dn.as_str().into();
    }
    Json(shown)
}

async fn read<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let bytes = body::read(body, BodyLimits::bytes(BODY_BYTES_MAX)).await?;
    // What is wrong is not quoted: it may be a password.
    serde_json::from_slice(&bytes)
        .map_err(|_| ApiError::BadField("the body is not the JSON object that is expected".into()))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}
