//! The webhook channel's calls (kore-rtm.md §1.8), by the assertion itself.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use maru_door::Caller;

use super::{PathParts, parse, read_object};
use crate::Kore;
use crate::error::Error;
use crate::user::Asserted;
use crate::webhook::Request;
use crate::wire::ok;

/// Says something, and gives the answers, or where to poll for them.
pub(crate) async fn post(
    State(app): State<Arc<Kore>>,
    caller: Asserted,
    from: Caller,
    path: PathParts,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body).await?;
    let request: Request = parse(&body)?;
    let mut user = caller.named(request.from.id())?;
    request.from.name(&mut user);
    let bot = user.app.bot(path.get("bot")).ok_or(Error::UnknownBot)?;
    let reply = app.converse(&user, bot, &request, &from.base_url).await?;
    Ok(ok(&reply.body(bot)))
}

/// Gives answers that took longer than a call may.
pub(crate) async fn poll(
    State(app): State<Arc<Kore>>,
    caller: Asserted,
    from: Caller,
    path: PathParts,
) -> Result<Response, Error> {
    let any_user = caller.for_app;
    let user = caller.named(None)?;
    let bot = user.app.bot(path.get("bot")).ok_or(Error::UnknownBot)?;
    let reply = app.poll(&user, any_user, bot, path.get("poll"), &from.base_url).await?;
    Ok(ok(&reply.body(bot)))
}
