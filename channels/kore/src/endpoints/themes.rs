//! The web SDK's theme (kore-rtm.md §1.6). Version 3 shows nothing at all without one.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value};

use super::PathParts;
use crate::Kore;
use crate::error::Error;
use crate::user::User;
use crate::wire::ok;

/// Gives the app's theme, or else says that the SDK's own is to be used.
pub(crate) async fn active(
    State(_): State<Arc<Kore>>,
    user: User,
    path: PathParts,
) -> Result<Response, Error> {
    user.app.bot(path.get("bot")).ok_or(Error::UnknownBot)?;
    let mut theme = Map::from_iter([
        ("activeTheme".to_owned(), Value::Bool(true)),
        ("refId".to_owned(), Value::from("default")),
    ]);
    theme.extend(user.app.settings.theme.clone().unwrap_or_default());
    Ok(ok(&theme))
}
