//! Pictures of users: fetched once and kept, before their links die.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use maru_content::MediaKind;
use maru_door::clean_filename;
use maru_egress::Call;
use serde_json::{Value, json};

use crate::Naver;
use crate::channels::Channel;
use crate::config::belongs;

/// How long fetching may take: the webhook is to be answered soon.
const FETCH_MAX: Duration = Duration::from_millis(1_500);

impl Naver {
    /// A user's picture as an attachment, and whether it is a file of ours now. What cannot be had in
    /// time, is too large, or is no picture, is attached by its address.
    pub(crate) async fn attach(&self, channel: &Channel, url: &str) -> (Value, bool) {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let name = clean_filename(path).unwrap_or_else(|| "picture".to_owned());
        if let Some((content_type, bytes)) = self.fetch(channel, url).await {
            let realm = &channel.record.realm;
            match self.hall.blobs().put(realm, &content_type, &name, bytes).await {
                Ok(id) => {
                    let at = format!("blob:{id}");
                    let file = json!({"contentType": content_type, "contentUrl": at, "name": name});
                    return (file, true);
                }
                Err(error) => tracing::warn!(%error, "a user's picture was not kept"),
            }
        }
        (json!({"contentType": "image/*", "contentUrl": url, "name": name}), false)
    }

    async fn fetch(&self, channel: &Channel, url: &str) -> Option<(String, Bytes)> {
        if !belongs(url, &channel.settings.media_hosts) {
            return None;
        }
        let mut call = Call::new("naver-media", Method::GET, url, FETCH_MAX);
        call.body_max = Some(channel.settings.media_bytes_max);
        let answer = self.egress.call(call).await;
        let answer =
            answer.inspect_err(|failure| tracing::info!(%failure, "a picture was not fetched"));
        let answer = answer.ok().filter(|answer| answer.status.is_success())?;
        let content_type = answer.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence =
            content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let sound = MediaKind::of(&essence) == MediaKind::Image && !answer.body.is_empty();
        sound.then_some((essence, answer.body))
    }
}
