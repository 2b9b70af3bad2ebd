//! `session/getsessionid`: ties a browser to its conversations.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use maru_door::Caller;

use crate::DirectLine;
use crate::error::Error;
use crate::openapi as doc;
use crate::wire::json;
use crate::wire::session::Session;

/// The cookie's name in the cloud service, which test clients look for.
const COOKIE: &str = "webchat_session_v2";
const LENGTH: usize = 43;

/// Gives the browser's session id, and makes one where there is none. No credential is needed.
#[utoipa::path(
    get, path = crate::cors::SESSION_PATH, tag = "session",
    responses(
        (status = 200, description = "The browser's session, in a cookie too", body = doc::Session),

    ),
    security(()),
)]
pub(crate) async fn get(
    State(app): State<Arc<DirectLine>>,
    from: Caller,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let id = known(&headers).map_or_else(|| app.hall.env().base62(LENGTH), str::to_owned);
    let mut response = json(StatusCode::OK, &Session { session_id: &id });
    // A page of another site may send it back only over TLS (`SameSite=None` needs `Secure`).
    let site =
        if from.base_url.starts_with("https:") { "SameSite=None; Secure" } else { "SameSite=Lax" };
    let cookie = format!("{COOKIE}={id}; Path=/v3/directline; HttpOnly; {site}");
    let cookie =
        HeaderValue::try_from(cookie).map_err(|e| Error::Internal(e.to_string().into()))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The session that the browser has already, if it is one of ours by its form.
fn known(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|line| line.split(';')).filter_map(|p| p.trim().split_once('='));
    let (_, id) = pairs.find(|(name, _)| *name == COOKIE)?;
    (id.len() == LENGTH && id.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(id)
}
