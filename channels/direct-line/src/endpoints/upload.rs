//! Uploads, in their three forms (direct-line.md §1.2).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures_util::future::try_join_all;
use http::{HeaderMap, StatusCode, header};
use maru_activity::{Limits, RealmId};
use maru_door::multipart::{Multipart, MultipartError, MultipartLimits};
use maru_hall::{BlobId, Meta};

use super::Id;
use crate::DirectLine;
use crate::auth::Credential;
use crate::conversations::check_delivered;
use crate::error::Error;
use crate::limits::DEPTH_MAX;
use crate::map::{Incoming, Sender};
use crate::openapi as doc;
use crate::upload::{File, Stored, Upload, disposition_name};
use crate::wire::json;
use crate::wire::resource_response::ResourceResponse;

/// Posts one message with files.
#[utoipa::path(
    post, path = super::UPLOAD, tag = "activities",
    params(doc::ConversationPath, ("userId" = Option<String>, Query, description = "Who sends it, where no activity says so")),
    request_body(content_type = "multipart/form-data", description = "A part of type `application/vnd.microsoft.activity`, if wanted, and a part a file; or, with any other content type, the bytes of one file"),
    responses(
        (status = 200, description = "It is on disk", body = doc::ResourceResponse),
        (status = 400, description = "Something in the call is wrong", body = doc::ErrorResponse),
        (status = 401, description = "No credential, or none of ours", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
        (status = 404, description = "Unknown conversation", body = doc::ErrorResponse),
        (status = 413, description = "The body is too large", body = doc::ErrorResponse),
        (status = 502, description = "The bot did not take it (`acknowledge = \"delivered\"`)", body = doc::ErrorResponse),
        (status = 503, description = "It cannot be kept now", body = doc::ErrorResponse),
        (status = 504, description = "The bot did not answer in time (`acknowledge = \"delivered\"`)", body = doc::ErrorResponse),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn post(
    State(app): State<Arc<DirectLine>>,
    caller: Credential,
    Id(id): Id,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let target = app.locate(&caller, &id).await?;
    let settings = &caller.site.settings;
    // All is read before anything is made of it: the activity may come behind the files.
    let upload = Box::pin(read_upload(&headers, body, &caller)).await?;
    let Upload { activity, files, .. } = upload;
    let named = super::query(query.as_deref(), "userId");
    let sender = Sender {
        bound: caller.user(),
        named: named.as_deref(),
        conversation: &id,
        reserved: settings.enhanced_authentication,
    };
    let limits = Limits { bytes_max: settings.activity_bytes_max, depth_max: DEPTH_MAX };
    let mut incoming = match &activity {
        Some(text) => Incoming::parse(text, &limits, &sender)?,
        None if files.is_empty() => {
            return Err(Error::MissingProperty("Invalid or missing attachments in HTTP body"));
        }
        None => Incoming::empty_message(&sender)?,
    };
    let realm = &caller.site.channel.realm;
    let stored = try_join_all(files.into_iter().map(|file| keep(&app, realm, file))).await?;
    let blobs: Vec<BlobId> = stored.iter().map(|file| file.id.clone()).collect();
    let meta = Meta { blobs: !stored.is_empty(), ..Meta::default() };
    incoming.attach(stored);
    let incoming = incoming.finish()?;
    let conversation = app.ensure_begun(&caller, target, Some(&incoming.0.from)).await?;
    let posted = app.say(&caller, &conversation, incoming, meta).await?;
    if posted.repeated {
        // The first post has its own; nothing refers to these.
        forget(&app, &blobs).await;
    }
    check_delivered(&posted)?;
    let id = posted.id.in_conversation(&conversation.id);
    Ok(json(StatusCode::OK, &ResourceResponse { id }))
}

/// Reads a form, or a body that is one file.
async fn read_upload(
    headers: &HeaderMap,
    body: Body,
    caller: &Credential,
) -> Result<Upload, Error> {
    let settings = &caller.site.settings;
    let mut upload = Upload::default();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_multipart) {
        let bytes = super::read(body, settings.upload_bytes_max).await?;
        if !bytes.is_empty() {
            let disposition = headers.get(header::CONTENT_DISPOSITION);
            let disposition =
                disposition.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
            let name = disposition.and_then(disposition_name);
            upload.add(name.as_deref(), content_type, bytes);
        }
        return Ok(upload);
    }
    let limits = MultipartLimits {
        // The activity is a part, too.
        max_parts: settings.upload_files_max + 1,
        ..MultipartLimits::bytes(settings.upload_bytes_max)
    };
    let mut form = Multipart::new(headers, body, limits)?;
    while let Some(part) = form.next().await? {
        upload.add(part.filename.as_deref(), part.content_type.as_deref(), part.bytes);
        if upload.files.len() > settings.upload_files_max {
            let most = settings.upload_files_max;
            return Err(Error::bad(format!("at most {most} files are taken at once")));
        }
    }
    Ok(upload)
}

fn is_multipart(content_type: &str) -> bool {
    content_type.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
}

impl From<MultipartError> for Error {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::Body(error) => error.into(),
            MultipartError::PartTooLarge { max_part_bytes } => Self::TooLarge(max_part_bytes),
            MultipartError::TooManyParts { .. }
            | MultipartError::HeaderTooLarge { .. }
            | MultipartError::NotMultipart
            | MultipartError::Malformed => Self::bad(error.to_string()),
        }
    }
}

async fn keep(app: &DirectLine, realm: &RealmId, file: File) -> Result<Stored, Error> {
    let File { sent_as, name, content_type, bytes } = file;
    let id = app.hall.blobs().put(realm, &content_type, &name, bytes).await?;
    Ok(Stored { id, sent_as, name, content_type })
}

async fn forget(app: &DirectLine, blobs: &[BlobId]) {
    for blob in blobs {
        if let Err(error) = app.hall.blobs().delete(blob).await {
            tracing::warn!(%error, "a file that nothing refers to was left behind");
        }
    }
}
