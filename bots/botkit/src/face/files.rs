//! The files that users send, for BotKit code that looks into them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    X_CONTENT_TYPE_OPTIONS,
};
use maru_hall::BlobId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::BotKitFace;
use crate::error::Error;

/// The media type of what has none that a header can carry.
const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What RFC 8187's `attr-char` has beside letters and digits stays as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A file's bytes. Whoever knows its id may fetch it: BotKit code shows no token for that.
pub(super) async fn file(
    State(face): State<Arc<BotKitFace>>,
    Path(blob): Path<String>,
) -> Result<Response, Error> {
    let id = BlobId::parse(&blob).ok_or(Error::UnknownFile)?;
    let (blob, bytes) = face.hall.blobs().get(&id).await?;
    let name = utf8_percent_encode(&blob.name, ENCODED);
    let disposition = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{name}"));
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(&blob.content_type).unwrap_or(UNKNOWN_TYPE));
    headers
        .insert(CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    // Strangers made it, and it comes from the server's own origin: it may run nothing there.
    headers
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not for long: the person it is about may be erased.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    Ok(response)
}
