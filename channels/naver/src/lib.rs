//! Naver TalkTalk, chatbot API v1: the webhook that it calls, and the send API by which it is answered.
//!
//! A [`Naver`] is a face of the server; each of its channels is a TalkTalk account. What a user says
//! comes by the webhook, which is answered as soon as it is on disk: a webhook that is slow is switched
//! off by TalkTalk. Everything that is said to the user goes by the send API, from a task that follows
//! the conversation for ten minutes after each word of the user's. What is spoken, clause by clause, is
//! in the crate's README.

mod channels;
mod config;
mod files;
mod follow;
pub mod fuzz;
mod map;
mod metrics;
mod send;
mod users;
mod webhook;
mod wire;

use std::fmt;
use std::sync::Arc;

use maru_accounts::Accounts;
use maru_door::{Face, Followers, RouteSet, Routes};
use maru_egress::Egress;
use maru_hall::Hall;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

pub use config::{Settings, check_settings, import_secret, new_settings};

/// The kind of such a channel's record.
pub const KIND: &str = "naver-talktalk";

/// The name by which bots know the channel: `channelId`.
pub const CHANNEL_KIND: &str = "navertalk";

/// How many conversations are followed at once, on each node.
const FOLLOWED_MAX: usize = 10_000;

/// The face of TalkTalk.
pub struct Naver {
    hall: Hall,
    egress: Egress,
    channels: channels::Channels,
    followers: Followers,
    metrics: metrics::Metrics,
}

impl Naver {
    /// Makes the face, and registers its numbers. Its tasks end with `stopping`.
    pub fn new(
        hall: Hall,
        accounts: Arc<Accounts>,
        egress: Egress,
        stopping: CancellationToken,
        registry: &mut Registry,
    ) -> Arc<Self> {
        Arc::new(Self {
            hall,
            egress,
            channels: channels::Channels::new(accounts),
            followers: Followers::new(FOLLOWED_MAX, stopping),
            metrics: metrics::Metrics::register(registry),
        })
    }
}

impl fmt::Debug for Naver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Naver").field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl Face for Naver {
    fn name(&self) -> &'static str {
        "naver"
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        Routes::of(self)
            .post("/naver/{id}", webhook::receive)
            .get(files::PATH, files::get)
            .not_allowed(webhook::not_allowed)
            .done()
    }
}
