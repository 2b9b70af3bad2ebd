//! KakaoTalk, in the two ways in which its users reach a bot on a server of one's own.
//!
//! A [`Kakao`] is a face of the server with two kinds of channels. In [`plus_friend`] Maru is the
//! partner's server of the auto reply API, which the platform (or whatever still speaks it) calls for
//! each word of a user. In [`skill`] it is a skill of Open Builder, today's way to KakaoTalk. Both ask
//! for the whole answer in one call, so a turn is a [`Hall::converse`] under a budget, and what comes
//! later is handed to the user's next call. What is spoken, clause by clause, is in the crate's README.

mod channels;
mod config;
mod files;
pub mod fuzz;
mod json;
mod kept;
mod media;
mod metrics;
pub mod plus_friend;
pub mod skill;
mod talk;
mod turns;

use std::fmt;
use std::sync::Arc;

use maru_accounts::Accounts;
use maru_door::{Face, Followers, RouteSet, Routes};
use maru_egress::Egress;
use maru_hall::Hall;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

/// How many users' later answers are waited for at once, of each way to push them.
const FOLLOWED_MAX: usize = 1_000;

/// The face of Kakao's protocols.
pub struct Kakao {
    hall: Hall,
    egress: Egress,
    channels: channels::Channels,
    turns: turns::Turns,
    /// Waiting for what is to be called back with.
    callbacks: Followers,
    /// Waiting for what is to be pushed by events.
    events: Followers,
    metrics: metrics::Metrics,
}

impl Kakao {
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
            turns: turns::Turns::default(),
            callbacks: Followers::new(FOLLOWED_MAX, stopping.clone()),
            events: Followers::new(FOLLOWED_MAX, stopping),
            metrics: metrics::Metrics::register(registry),
        })
    }
}

impl fmt::Debug for Kakao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kakao").field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl Face for Kakao {
    fn name(&self) -> &'static str {
        "kakao"
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        let routes = Routes::of(self).get(files::PATH, files::get);
        let routes = plus_friend::routes(routes);
        skill::routes(routes).not_allowed(plus_friend::not_allowed).done()
    }
}
