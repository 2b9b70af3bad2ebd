//! The history (kore-rtm.md §4), by an access token or, in webhook mode, by the assertion itself.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use maru_door::Caller;
use serde_json::json;

use super::PathParts;
use crate::Kore;
use crate::error::Error;
use crate::history::Query;
use crate::user::{Asserted, User};
use crate::wire::ok;

/// What the user and the bot that `botId` names said to each other.
pub(crate) async fn rtm(
    State(app): State<Arc<Kore>>,
    user: User,
    from: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let query = query.as_deref();
    let bot = super::query(query, "botId").filter(|bot| !bot.is_empty());
    let bot = bot.ok_or(Error::bad("'botId' is missing"))?;
    answer(&app, &user, &bot, &from.base_url, query).await
}

/// The same for a client in webhook mode.
pub(crate) async fn webhook(
    State(app): State<Arc<Kore>>,
    caller: Asserted,
    from: Caller,
    path: PathParts,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let user = caller.named(None)?;
    answer(&app, &user, path.get("bot"), &from.base_url, query.as_deref()).await
}

async fn answer(
    app: &Kore,
    user: &User,
    bot: &str,
    base_url: &str,
    query: Option<&str>,
) -> Result<Response, Error> {
    let bot = user.app.bot(bot).ok_or(Error::UnknownBot)?;
    let history = app.history(user, bot, base_url, &Query::of(query)).await?;
    Ok(ok(&json!({
        "total": history.total,
        "moreAvailable": history.more,
        "icon": bot.icon.as_deref().unwrap_or_default(),
        "messages": history.messages,
    })))
}
