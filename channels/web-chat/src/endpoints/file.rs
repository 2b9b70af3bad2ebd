//! Files of chats, for whoever has their address.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use crate::WebChat;
use crate::error::Error;

/// Gives a file.
#[utoipa::path(
    get, path = super::FILE, tag = "web-chat",
    params(
        ("ticket" = String, Path, description = "What the address is good for"),
        ("name" = String, Path, description = "The file's name, for people to read"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 404, description = "There is no such file, or not any more"),
    ),
    security(()),
)]
pub(crate) async fn get(
    State(app): State<Arc<WebChat>>,
    Path((ticket, _)): Path<(String, String)>,
) -> Result<Response, Error> {
    app.files.serve(&ticket).await?.ok_or(Error::UnknownFile)
}
