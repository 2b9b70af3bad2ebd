//! Files that agents send.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::HeaderMap;
use maru_activity::ConversationId;
use maru_door::Caller;
use maru_files::{FILE_BYTES_MAX, FileData};
use serde::Deserialize;

use super::error::ApiError;
use super::openapi::{ChatQuery, ErrorResponse, FileBody};
use super::{DeskFace, number_of};

#[derive(Deserialize)]
pub(super) struct To {
    c: String,
}

/// Takes a file for a chat in which the caller may say something.
#[utoipa::path(
    post, path = super::UPLOAD, tag = "agents",
    params(ChatQuery),
    request_body(content_type = "multipart/form-data", content = Vec<u8>, description = "One part `file`"),
    responses(
        (status = 200, description = "It is kept; name it in a message within a day", body = FileBody),
        (status = 400, description = "Something in the call is wrong", body = ErrorResponse),
        (status = 401, description = "Not signed in", body = ErrorResponse),
        (status = 403, description = "Another origin, or nothing may be said there now", body = ErrorResponse),
        (status = 404, description = "No such chat", body = ErrorResponse),
        (status = 413, description = "It is too large", body = ErrorResponse),
        (status = 415, description = "Files of this kind are not taken", body = ErrorResponse),
    ),
    security(("agent" = [])),
)]
pub(super) async fn take(
    State(face): State<Arc<DeskFace>>,
    caller: Caller,
    to: Result<Query<To>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FileData>, ApiError> {
    face.admit_change(&caller, &headers)?;
    let (session, _) = face.signed_in(&caller, &headers).await?;
    let dn = number_of(&session.person).ok_or(ApiError::NoNumber)?;
    let Query(To { c }) = to.map_err(|error| ApiError::BadField(error.body_text().into()))?;
    let call = ConversationId::from(c);
    let standing = face.service.standing(&session.realm, dn, &call);
    if !standing.reads {
        return Err(ApiError::NoSuchChat);
    }
    if !standing.speaks && !standing.notes {
        return Err(ApiError::Forbidden);
    }
    let conversation = face.hall.conversation(&session.realm, &call).await?;
    let conversation = conversation.ok_or(ApiError::NoSuchChat)?;
    let base_url = &caller.base_url;
    let taken = face.files.take(&conversation, base_url, (&headers, body), FILE_BYTES_MAX);
    Ok(Json(taken.await?))
}
