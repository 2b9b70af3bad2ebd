//! Skills of Open Builder, v2.0 (kakao-naver-chatflow.md §2).

mod callback;
mod config;
mod endpoint;
mod event;
mod map;
mod native;
mod request;

use std::sync::Arc;

use maru_door::Routes;

use crate::Kakao;

pub use config::{SECRET_HEADER, Settings, check_settings, import_secret, new_settings, rotate};
pub(crate) use map::response_of;
pub(crate) use native::Native;
pub(crate) use request::Payload;

/// The kind of a skill's record.
pub const KIND: &str = "kakao-skill";

/// The name by which bots know the channel: `channelId`.
pub const CHANNEL_KIND: &str = "kakao";

pub(crate) fn routes(routes: Routes<Arc<Kakao>>) -> Routes<Arc<Kakao>> {
    endpoint::routes(routes)
}
