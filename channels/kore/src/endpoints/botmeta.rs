//! What the SDK wants to know of a bot in webhook mode (kore-rtm.md §1.8).

use axum::response::Response;
use serde_json::json;

use super::PathParts;
use crate::error::Error;
use crate::user::Asserted;
use crate::wire::ok;

/// The bot's name and picture.
pub(crate) async fn get(caller: Asserted, path: PathParts) -> Result<Response, Error> {
    let bot = caller.user.app.bot(path.get("bot")).ok_or(Error::UnknownBot)?;
    Ok(ok(&json!({
        "_id": bot.id,
        "name": bot.name,
        "icon": bot.icon.as_deref().unwrap_or_default(),
    })))
}
