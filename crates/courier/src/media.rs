//! What users show: fetched once and kept, before the links die.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use maru_activity::RealmId;
use maru_content::MediaKind;
use maru_egress::{Call, Egress};
use maru_hall::{Hall, clean_filename};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::belongs;

/// How long the media of one message may take in all: whoever brought it waits, and the bot needs its
/// time too.
const FETCH_MAX: Duration = Duration::from_millis(1_500);

/// The most media of one message.
const MEDIA_MAX: usize = 10;

/// Where the media of a channel's users come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What the calls are counted under: `kakao-media`.
    pub name: &'static str,
    /// The hosts, as [`check_hosts`](crate::check_hosts) takes them.
    pub hosts: &'a [String],
    /// The most bytes of one.
    pub bytes_max: usize,
}

/// Media as an activity's attachments, and whether one of them is a file of ours now.
#[derive(Debug, Default)]
pub struct Attached {
    /// The attachments.
    pub attachments: Vec<Value>,
    /// Whether one of them refers to a file of ours.
    pub blobs: bool,
}

/// Fetches media and keeps them. What cannot be had in time, is too large, or is not what it is said to
/// be, is attached by its address: the bot may have better luck.
pub async fn attach(
    hall: &Hall,
    egress: &Egress,
    realm: &RealmId,
    source: Source<'_>,
    kind: MediaKind,
    urls: &[String],
) -> Attached {
    let end = Instant::now() + FETCH_MAX;
    let mut attached = Attached::default();
    for url in urls.iter().take(MEDIA_MAX) {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let name = clean_filename(path).unwrap_or_else(|| "file".to_owned());
        let kept = match fetch(egress, source, kind, url, end).await {
            Some((content_type, bytes)) => keep(hall, realm, content_type, &name, bytes).await,
            None => None,
        };
        attached.blobs |= kept.is_some();
        let (content_type, at) = kept.unwrap_or_else(|| (any_of(kind).to_owned(), url.clone()));
        let attachment = json!({"contentType": content_type, "contentUrl": at, "name": name});
        attached.attachments.push(attachment);
    }
    attached
}

async fn fetch(
    egress: &Egress,
    source: Source<'_>,
    kind: MediaKind,
    url: &str,
    end: Instant,
) -> Option<(String, Bytes)> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() || !belongs(url, source.hosts, true) {
        return None;
    }
    let mut call = Call::new(source.name, Method::GET, url, left);
    call.body_max = Some(source.bytes_max);
    let answer = egress.call(call).await;
    let answer = answer.inspect_err(|failure| tracing::info!(%failure, "a medium was not fetched"));
    let answer = answer.ok().filter(|answer| answer.status.is_success())?;
    let content_type = answer.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let sound = MediaKind::of(&essence) == kind && !answer.body.is_empty();
    sound.then_some((essence, answer.body))
}

async fn keep(
    hall: &Hall,
    realm: &RealmId,
    content_type: String,
    name: &str,
    bytes: Bytes,
) -> Option<(String, String)> {
    match hall.blobs().put(realm, &content_type, name, bytes).await {
        Ok(id) => Some((content_type, format!("blob:{id}"))),
        Err(error) => {
            tracing::warn!(%error, "a user's medium was not kept");
            None
        }
    }
}

fn any_of(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image/*",
        MediaKind::Audio => "audio/*",
        MediaKind::Video => "video/*",
        MediaKind::File => "application/octet-stream",
    }
}
