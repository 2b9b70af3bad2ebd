//! The auto reply API v2.0 of Plus Friend: Maru as the partner's server (kakao-naver-chatflow.md §1).

mod config;
mod endpoints;
mod map;
mod wire;

use std::sync::Arc;

use maru_door::Routes;

use crate::Kakao;

pub use config::{Settings, check_settings, new_settings};
pub(crate) use endpoints::not_allowed;
pub(crate) use map::{answer_of, waiting};
pub(crate) use wire::Incoming;
pub(crate) use wire::response as respond;

/// The kind of such a channel's record.
pub const KIND: &str = "kakao-plus-friend";

/// The name by which bots know the channel: `channelId`.
pub const CHANNEL_KIND: &str = "kakao";

pub(crate) fn routes(routes: Routes<Arc<Kakao>>) -> Routes<Arc<Kakao>> {
    endpoints::routes(routes)
}
