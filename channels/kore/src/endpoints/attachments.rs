//! Uploads and files, for every generation of the SDKs (kore-rtm.md §1.7): the paths differ, and
//! what stands behind them does not.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use maru_door::body::BodyLimits;
use maru_door::{Caller, download};
use maru_hall::BlobId;
use serde_json::{Map, Value};

use super::PathParts;
use crate::Kore;
use crate::error::Error;
use crate::files::is_of;
use crate::ids::iso_millis;
use crate::limits::{BODY_BYTES_MAX, CHUNK_BYTES_MAX, FIELD_BYTES_MAX};
use crate::multipart::{self, MultipartError};
use crate::upload::{Kept, file_name};
use crate::user::{User, bearer};
use crate::wire::error_response::ErrorResponse;
use crate::wire::ok;
use crate::wire::upload::{ChunkKept, FileKept, FileToken, FileUrl};

/// Begins an upload in chunks.
pub(crate) async fn token(
    State(app): State<Arc<Kore>>,
    Uploader(user): Uploader,
) -> Result<Response, UploadError> {
    let (token, until) = app.begin_upload(&user).await?;
    Ok(ok(&FileToken { file_token: token, expires_on: iso_millis(until) }))
}

/// Takes a whole file.
pub(crate) async fn file(
    State(app): State<Arc<Kore>>,
    Uploader(user): Uploader,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, UploadError> {
    let upload_max = user.app.settings.upload_bytes_max;
    let mut form = Form::read(&headers, body, upload_max, upload_max).await?;
    let (sent_as, bytes) = form.file("file")?;
    let name = form.name(sent_as.as_deref());
    Ok(kept(app.keep_file(&user, &name, bytes).await?))
}

/// Takes a chunk. The path's token is the upload's; the form's `messageToken` is another one
/// (kore-rtm.md §1.7), and of no use.
pub(crate) async fn chunk(
    State(app): State<Arc<Kore>>,
    Uploader(user): Uploader,
    path: PathParts,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, UploadError> {
    let upload_max = user.app.settings.upload_bytes_max;
    let mut form = Form::read(&headers, body, CHUNK_BYTES_MAX, upload_max).await?;
    let number = form.number("chunkNo").ok_or(Error::bad("'chunkNo' is missing"))?;
    let (_, bytes) = form.file("chunk")?;
    app.keep_chunk(&user, path.get("token"), number, bytes).await?;
    Ok(ok(&ChunkKept { chunk_no: number.to_string() }))
}

/// Makes a file of the chunks.
pub(crate) async fn merge(
    State(app): State<Arc<Kore>>,
    Uploader(user): Uploader,
    path: PathParts,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, UploadError> {
    let upload_max = user.app.settings.upload_bytes_max;
    let form = Form::read(&headers, body, CHUNK_BYTES_MAX, upload_max).await?;
    let total = form.number("totalChunks").and_then(|total| usize::try_from(total).ok());
    Ok(kept(app.merge(&user, path.get("token"), total, &form.name(None)).await?))
}

/// Says where a file can be fetched, without a credential and for a week.
pub(crate) async fn url(
    State(app): State<Arc<Kore>>,
    Uploader(user): Uploader,
    from: Caller,
    path: PathParts,
) -> Result<Response, UploadError> {
    let realm = &user.app.channel.realm;
    let id = BlobId::parse(path.get("file")).filter(|id| is_of(id, realm));
    let id = id.ok_or(Error::UnknownFile)?;
    let blob = app.hall.blobs().describe(&id).await.map_err(Error::from)?;
    let file_url = app.link_named(&from.base_url, realm, &id, &blob.name);
    Ok(ok(&FileUrl { file_url }))
}

/// Gives the file behind a link. What stands behind the ticket in its path is for people to read.
pub(crate) async fn content(
    State(app): State<Arc<Kore>>,
    path: PathParts,
) -> Result<Response, Error> {
    let id = app.linked(path.get("ticket")).ok_or(Error::UnknownFile)?;
    let (blob, bytes) = app.hall.blobs().get(&id).await?;
    Ok(download(&blob.content_type, &blob.name, bytes))
}

fn kept(kept: Kept) -> Response {
    ok(&FileKept { file_id: kept.id, hash: kept.hash })
}

/// Who uploads: by an access token, or in webhook mode by the assertion itself.
#[derive(Debug)]
pub(crate) struct Uploader(User);

impl FromRequestParts<Arc<Kore>> for Uploader {
    type Rejection = UploadError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Kore>) -> Result<Self, UploadError> {
        let text = bearer(&parts.headers).ok_or(Error::TokenExpired)?;
        let by_token = app.user_of_token(text);
        let user = by_token.or_else(|error| match app.user_of_assertion(text) {
            Ok((user, _)) => Ok(user),
            // Whoever tried with a token wants to know of the token.
            Err(_) => Err(error),
        });
        Ok(Self(user?))
    }
}

/// An error of an upload: the SDK fetches a new token if `httpStatus` says `401`, as a text.
#[derive(Debug)]
pub(crate) struct UploadError(Error);

impl From<Error> for UploadError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for UploadError {
    fn into_response(self) -> Response {
        self.0.note();
        let (status, code, message) = self.0.parts();
        ErrorResponse::new(code, &message).with_http_status(status).into_response(status)
    }
}

/// What an upload's body says: a multipart form with a file, or just fields in any of the forms
/// that fields come in.
#[derive(Debug, Default)]
struct Form {
    fields: HashMap<String, String>,
    /// Files by the names of their parts, each with the file's own name.
    files: HashMap<String, (Option<String>, Bytes)>,
}

impl Form {
    /// Reads a body whose files have at most so many bytes. The whole of it may hold what the page has sent
    /// before, too: twice the largest upload as base64, which has a third more bytes.
    async fn read(
        headers: &HeaderMap,
        body: Body,
        file_max: usize,
        upload_max: usize,
    ) -> Result<Self, Error> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        let whole = upload_max.max(file_max).saturating_mul(2) / 3 * 4 + BODY_BYTES_MAX;
        let limits = BodyLimits::upload(whole);
        let bytes = maru_door::body::read(body, limits).await?;
        let is_multipart = content_type.trim_start().get(..10);
        if is_multipart.is_some_and(|start| start.eq_ignore_ascii_case("multipart/")) {
            return Ok(Self::of_parts(multipart::parse(content_type, &bytes, file_max)?));
        }
        if bytes.len() > BODY_BYTES_MAX {
            return Err(Error::TooLarge(BODY_BYTES_MAX));
        }
        let members: Map<String, Value> = super::parse(&super::object_of(headers, &bytes)?)?;
        let fields = members.into_iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            Value::Number(number) => Some((name, number.to_string())),
            _ => None,
        });
        Ok(Self { fields: fields.collect(), ..Self::default() })
    }

    fn of_parts(parts: Vec<multipart::Part>) -> Self {
        let mut form = Self::default();
        for part in parts {
            if matches!(part.name.as_str(), "file" | "chunk") {
                form.files.insert(part.name, (part.filename, part.bytes));
            } else if part.filename.is_none()
                && part.bytes.len() <= FIELD_BYTES_MAX
                && let Ok(text) = std::str::from_utf8(&part.bytes)
            {
                form.fields.insert(part.name, text.trim().to_owned());
            }
        }
        form
    }

    /// Takes the file of this name, or of the other one, as some clients have it.
    fn file(&mut self, name: &str) -> Result<(Option<String>, Bytes), Error> {
        let other = if name == "file" { "chunk" } else { "file" };
        let file = self.files.remove(name).or_else(|| self.files.remove(other));
        file.ok_or_else(|| Error::bad(format!("the form has no part '{name}'")))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    fn name(&self, sent_as: Option<&str>) -> String {
        file_name(self.text("filename"), sent_as, self.text("fileExtension"))
    }
}

impl From<MultipartError> for Error {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::PartTooLarge(max) => Self::TooLarge(max),
            MultipartError::NoForm
            | MultipartError::TooManyNames
            | MultipartError::HeaderTooLong
            | MultipartError::NoBase64 => Self::bad(error.to_string()),
        }
    }
}
