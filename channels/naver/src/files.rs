//! Files that a bot sent: TalkTalk fetches them by their addresses. Whoever knows a file's id may.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use maru_activity::Links;
use maru_door::download;
use maru_hall::{BlobError, BlobId};

use crate::Naver;

/// Where they are.
pub(crate) const PATH: &str = "/naver/files/{file}";

/// Gives a file.
pub(crate) async fn get(State(app): State<Arc<Naver>>, Path(file): Path<String>) -> Response {
    let Some(id) = BlobId::parse(&file) else { return StatusCode::NOT_FOUND.into_response() };
    match app.hall.blobs().get(&id).await {
        Ok((blob, bytes)) => download(&blob.content_type, &blob.name, bytes),
        Err(BlobError::Unknown) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!(%error, "a file was not given");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Links to files of ours, for whoever reaches this server there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileLinks<'a>(pub(crate) &'a str);

impl Links for FileLinks<'_> {
    fn link(&self, blob: &str) -> String {
        format!("{}/naver/files/{blob}", self.0)
    }
}
