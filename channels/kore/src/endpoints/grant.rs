//! An access token for an assertion (kore-rtm.md §1.3), or for no more than one's word (§1.4).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use super::{parse, read_object};
use crate::Kore;
use crate::error::Error;
use crate::ids::iso_millis;
use crate::user::User;
use crate::wire::grant::{AnonymousRequest, Authorization, GrantRequest, GrantResponse, UserInfo};
use crate::wire::ok;

/// Takes an assertion.
pub(crate) async fn by_assertion(
    State(app): State<Arc<Kore>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body).await?;
    let request: GrantRequest = parse(&body)?;
    let user = app.take(&request.assertion).await;
    granted(&app, &user.inspect_err(|error| app.note_refusal(error))?)
}

/// Takes a user's word, where the app allows it.
pub(crate) async fn anonymous(
    State(app): State<Arc<Kore>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body).await?;
    let request: AnonymousRequest = parse(&body)?;
    let user = app.anonymous_user(&request.assertion.issuer, &request.assertion.subject)?;
    granted(&app, &user)
}

fn granted(app: &Kore, user: &User) -> Result<Response, Error> {
    let token = app.grant(user)?;
    Ok(ok(&GrantResponse {
        authorization: Authorization {
            access_token: token.text,
            token_type: "bearer",
            expires_date: iso_millis(token.expires_at),
            issued_date: iso_millis(token.issued_at),
        },
        user_info: UserInfo {
            user_id: user.id(),
            account_id: user.account_id(),
            org_id: user.org_id(),
            identity: user.identity(),
            enroll_type: "free",
            managed_by: user.account_id(),
            f_name: user.first_name.as_deref().unwrap_or_default(),
            l_name: user.last_name.as_deref().unwrap_or_default(),
        },
    }))
}
