//! Media of users: fetched once and kept, before their links die.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use maru_content::MediaKind;
use maru_door::clean_filename;
use maru_egress::Call;
use maru_hall::ChannelRecord;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Kakao;
use crate::config::{Manner, belongs};

/// How long fetching may take in all: the bot needs its time too.
const FETCH_MAX: Duration = Duration::from_millis(1_500);

/// The most media of one message.
const MEDIA_MAX: usize = 10;

/// A user's media as attachments, and whether one of them is a file of ours now.
#[derive(Debug, Default)]
pub(crate) struct Attached {
    pub(crate) attachments: Vec<Value>,
    pub(crate) blobs: bool,
}

impl Kakao {
    /// Fetches media. What cannot be had in time, is too large, or is not what it is said to be, is
    /// attached by its address: the bot may have better luck.
    pub(crate) async fn attach(
        &self,
        record: &ChannelRecord,
        manner: &Manner,
        kind: MediaKind,
        urls: &[String],
    ) -> Attached {
        let end = Instant::now() + FETCH_MAX;
        let mut attached = Attached::default();
        for url in urls.iter().take(MEDIA_MAX) {
            let name = name_of(url);
            let fetched = self.fetch(manner, kind, url, end).await;
            let kept = match fetched {
                Some((content_type, bytes)) => {
                    let put =
                        self.hall.blobs().put(&record.realm, &content_type, &name, bytes).await;
                    match put {
                        Ok(id) => Some((content_type, format!("blob:{id}"))),
                        Err(error) => {
                            tracing::warn!(%error, "a user's medium was not kept");
                            None
                        }
                    }
                }
                None => None,
            };
            attached.blobs |= kept.is_some();
            let (content_type, at) = kept.unwrap_or_else(|| (any_of(kind).to_owned(), url.clone()));
            attached
                .attachments
                .push(json!({"contentType": content_type, "contentUrl": at, "name": name}));
        }
        attached
    }

    async fn fetch(
        &self,
        manner: &Manner,
        kind: MediaKind,
        url: &str,
        end: Instant,
    ) -> Option<(String, Bytes)> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || !belongs(url, &manner.media_hosts, true) {
            return None;
        }
        let mut call = Call::new("kakao-media", Method::GET, url, left);
        call.body_max = Some(manner.media_bytes_max);
        let answer = self.egress.call(call).await;
        let answer =
            answer.inspect_err(|failure| tracing::info!(%failure, "a medium was not fetched"));
        let answer = answer.ok().filter(|answer| answer.status.is_success())?;
        let content_type = answer.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence =
            content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let sound = MediaKind::of(&essence) == kind && !answer.body.is_empty();
        sound.then_some((essence, answer.body))
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

/// The last part of an address's path, as a file's name.
fn name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    clean_filename(last).unwrap_or_else(|| "file".to_owned())
}
