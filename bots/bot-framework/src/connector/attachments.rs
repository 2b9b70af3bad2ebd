//! Files: kept for a bot, described, and fetched by whoever knows the id.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use maru_door::body::BodyError;
use maru_hall::clean_filename;
use maru_hall::{Blob, BlobId};

use super::caller::{AtAttachment, AtView, Called, InConversation, Named};
use super::{Connector, read};
use crate::error::Error;
use crate::wire::attachments::{AttachmentData, AttachmentInfo, AttachmentView};
use crate::wire::{ErrorResponse, ResourceResponse};

/// What is shown in place rather than saved: pictures that hold no script, sound, film.
const SHOWN_IN_PLACE: [&str; 7] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "audio/", "video/"];

/// The media type of what has none, or none that a header can carry.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The room that a file's type and name have in the JSON around it, in bytes.
const AROUND_FILE_MAX: usize = 4 * 1024;

/// Stands between a file and its thumbnail in an attachment's id; no blob's id has it.
const BETWEEN: char = '~';

const ORIGINAL: &str = "original";
const THUMBNAIL: &str = "thumbnail";

/// An attachment's id: that of its blob, and of its thumbnail's blob if it has one.
struct AttachmentId {
    original: BlobId,
    thumbnail: Option<BlobId>,
}

impl AttachmentId {
    fn parse(text: &str) -> Result<Self, Error> {
        let blob = |text| BlobId::parse(text).ok_or(Error::UnknownAttachment);
        match text.split_once(BETWEEN) {
            None => Ok(Self { original: blob(text)?, thumbnail: None }),
            Some((original, thumbnail)) => {
                Ok(Self { original: blob(original)?, thumbnail: Some(blob(thumbnail)?) })
            }
        }
    }
}

/// Keeps a file that the bot will then show: its address is `v3/attachments/{id}/views/original`.
#[utoipa::path(
    post,
    path = "/b/{key}/v3/conversations/{conversation}/attachments",
    tag = "attachments",
    params(("key", description = "The bot's capability"), ("conversation", description = "Its id")),
    request_body(content = AttachmentData),
    responses(
        (status = 200, body = ResourceResponse, description = "It is kept"),
        (status = "4XX", body = ErrorResponse),
        (status = 503, body = ErrorResponse, description = "Not now"),
    )
)]
pub(super) async fn upload(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(InConversation { conversation }): Named<InConversation>,
    body: Body,
) -> Result<Json<ResourceResponse>, Error> {
    let conversation = connector.conversation(&bot, &conversation).await?;
    let bytes_max = connector.limits.attachment_bytes_max;
    // Base64 makes four bytes of three; there may be a thumbnail as large.
    let body = read(body, bytes_max.saturating_mul(3) + AROUND_FILE_MAX).await?;
    let data: AttachmentData<'_> = serde_json::from_slice(&body)
        .map_err(|error| Error::Unreadable(error.to_string().into()))?;
    let original = decoded("originalBase64", &data.original_base64, bytes_max)?;
    let thumbnail = data.thumbnail_base64.as_deref().filter(|text| !text.is_empty());
    let thumbnail =
        thumbnail.map(|text| decoded("thumbnailBase64", text, bytes_max)).transpose()?;
    let kind = data.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(UNKNOWN_TYPE);
    let name = data.name.as_deref().and_then(clean_filename);
    let name = name.unwrap_or_else(|| "file".to_owned());
    // The bot shows it by its address, now or later: no entry refers to it.
    let blobs = connector.hall.blobs();
    let mut id = blobs.put_for(&conversation, kind, &name, original).await?.to_string();
    if let Some(thumbnail) = thumbnail {
        let thumbnail = blobs.put_for(&conversation, kind, &name, thumbnail).await?;
        id = format!("{id}{BETWEEN}{thumbnail}");
    }
    Ok(Json(ResourceResponse { id }))
}

/// What a file is. Whoever knows its id may know.
#[utoipa::path(
    get,
    path = "/v3/attachments/{attachment}",
    tag = "attachments",
    params(("attachment", description = "Its id, which cannot be guessed")),
    responses((status = 200, body = AttachmentInfo), (status = 404, body = ErrorResponse))
)]
pub(super) async fn info(
    State(connector): State<Arc<Connector>>,
    Named(AtAttachment { attachment }): Named<AtAttachment>,
) -> Result<Json<AttachmentInfo>, Error> {
    let id = AttachmentId::parse(&attachment)?;
    let blobs = connector.hall.blobs();
    let original = blobs.describe(&id.original).await?;
    let mut views = vec![AttachmentView { view_id: ORIGINAL, size: original.bytes }];
    if let Some(thumbnail) = &id.thumbnail {
        let size = blobs.describe(thumbnail).await?.bytes;
        views.push(AttachmentView { view_id: THUMBNAIL, size });
    }
    Ok(Json(AttachmentInfo { name: original.name, kind: original.content_type, views }))
}

/// A file's bytes. Whoever knows its id may fetch it: bots do, and users to whom bots show it.
#[utoipa::path(
    get,
    path = "/v3/attachments/{attachment}/views/{view}",
    tag = "attachments",
    params(
        ("attachment", description = "Its id, which cannot be guessed"),
        ("view", description = "`original` or `thumbnail`"),
    ),
    responses(
        (status = 200, description = "The bytes", content_type = "*/*"),
        (status = 404, body = ErrorResponse),
    )
)]
pub(super) async fn view(
    State(connector): State<Arc<Connector>>,
    Named(AtView { attachment, view }): Named<AtView>,
) -> Result<Response, Error> {
    let id = AttachmentId::parse(&attachment)?;
    let blob = match view.as_str() {
        ORIGINAL => id.original,
        THUMBNAIL => id.thumbnail.ok_or(Error::UnknownAttachment)?,
        _ => return Err(Error::UnknownAttachment),
    };
    let (blob, bytes) = connector.hall.blobs().get(&blob).await?;
    Ok(file(&blob, bytes))
}

fn decoded(member: &'static str, text: &str, bytes_max: usize) -> Result<Bytes, Error> {
    if text.is_empty() {
        return Err(Error::Missing(member));
    }
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| Error::Unreadable(format!("'{member}' is no base64: {error}").into()))?;
    if bytes.len() > bytes_max {
        return Err(BodyError::TooLarge { max_bytes: bytes_max }.into());
    }
    Ok(bytes.into())
}

/// A file as a browser gets it. Strangers made it, and it comes from the server's own origin: it
/// may run nothing there, whatever it claims to be.
fn file(blob: &Blob, bytes: Bytes) -> Response {
    let kind = blob.content_type.as_str();
    let in_place = SHOWN_IN_PLACE.iter().any(|shown| {
        let head = kind.as_bytes().get(..shown.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(shown.as_bytes()))
    });
    let disposition = if in_place { "inline" } else { "attachment" };
    let name = percent_encoded(&blob.name);
    let disposition = HeaderValue::try_from(format!("{disposition}; filename*=UTF-8''{name}"));
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(kind);
    headers.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static(UNKNOWN_TYPE)));
    headers
        .insert(CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    headers
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    // Not for long: the person it is about may be erased.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    response
}

/// The characters of RFC 8187's `attr-char` as they are, all others in percents.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_run_nothing_and_only_harmless_kinds_are_shown_in_place() {
        let served = |kind: &str, name: &str| {
            let blob = Blob { content_type: kind.to_owned(), name: name.to_owned(), bytes: 1 };
            file(&blob, Bytes::from_static(b"x")).headers().clone()
        };
        for (kind, way) in [
            ("image/png", "inline"),
            ("IMAGE/JPEG", "inline"),
            ("audio/ogg", "inline"),
            ("text/html", "attachment"),
            ("image/svg+xml", "attachment"),
            ("image/pn", "attachment"),
            ("", "attachment"),
        ] {
            let headers = served(kind, "a b.png");
            let disposition = headers[CONTENT_DISPOSITION].to_str().unwrap();
            assert_eq!(disposition, format!("{way}; filename*=UTF-8''a%20b.png"), "{kind}");
            assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
        }
        let headers = served("bad\r\ntype", "한\".txt");
        assert_eq!(headers[CONTENT_TYPE], UNKNOWN_TYPE);
        assert_eq!(headers[CONTENT_DISPOSITION], "attachment; filename*=UTF-8''%ED%95%9C%22.txt");
    }
}
