//! Files that customers send (web-chat-desk.md §4.12).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, header};
use maru_door::Caller;
use maru_files::FileData;

use crate::WebChat;
use crate::error::Error;

/// Takes a file for a chat. The answer is its entry for a message's `file_data`.
#[utoipa::path(
    post, path = super::UPLOAD, tag = "web-chat",
    request_body(content_type = "multipart/form-data", description = "One part `file` with a file's name"),
    responses(
        (status = 200, description = "The entry of `file_data`: `name`, `size`, `url`, `mime_type`, and of pictures `preview_url`"),
        (status = 400, description = "The form cannot be read, or there is no file in it"),
        (status = 401, description = "No token, or none that is good"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "Files of this kind are not taken, or the file is not what its name says"),
        (status = 429, description = "Too many files; see Retry-After"),
        (status = 503, description = "It cannot be kept now"),
    ),
    security(("chat" = [])),
)]
pub(crate) async fn post(
    State(app): State<Arc<WebChat>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FileData>, Error> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let (realm, chat) = token.and_then(|token| app.uploads_to(token)).ok_or(Error::BadToken)?;
    let conversation = app.hall.conversation(&realm, &chat).await?.ok_or(Error::BadToken)?;
    let channel = app.channels.get(app.hall.directory(), &realm, &conversation.channel);
    let channel = channel.ok_or(Error::BadToken)?;
    if let Err(wait) = app.paces.uploads.check(&chat) {
        return Err(Error::Rate(wait.as_secs() + 1));
    }
    let bytes_max = channel.settings.file_bytes_max;
    let taking = app.files.take(&conversation, &caller.base_url, (&headers, body), bytes_max);
    let taken = Box::pin(taking).await?;
    app.metrics.uploads.inc();
    Ok(Json(taken))
}
