//! Media of users.

use maru_content::MediaKind;
use maru_courier::{Attached, Source, attach};
use maru_hall::ChannelRecord;

use crate::Kakao;
use crate::config::Manner;

impl Kakao {
    /// What a user shows, as attachments.
    pub(crate) async fn attach(
        &self,
        record: &ChannelRecord,
        manner: &Manner,
        kind: MediaKind,
        urls: &[String],
    ) -> Attached {
        let hosts = &manner.media_hosts;
        let source = Source { name: "kakao-media", hosts, bytes_max: manner.media_bytes_max };
        attach(&self.hall, &self.egress, &record.realm, source, kind, urls).await
    }
}
