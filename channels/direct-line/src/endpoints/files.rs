//! Files that were uploaded, or sent by the bot. Whoever knows a file's id may fetch it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maru_door::download;
use maru_hall::BlobId;

use super::Id;
use crate::DirectLine;
use crate::error::Error;
use crate::openapi as doc;

/// Gives a file.
#[utoipa::path(
    get, path = super::ATTACHMENT, tag = "attachments",
    params(("file" = String, Path, description = "The id in an attachment's `contentUrl`")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 404, description = "Unknown conversation", body = doc::ErrorResponse),
    ),
    security(()),
)]
pub(crate) async fn get(State(app): State<Arc<DirectLine>>, Id(id): Id) -> Result<Response, Error> {
    let id = BlobId::parse(&id).ok_or(Error::UnknownFile)?;
    let (blob, bytes) = app.hall.blobs().get(&id).await?;
    Ok(download(&blob.content_type, &blob.name, bytes))
}
