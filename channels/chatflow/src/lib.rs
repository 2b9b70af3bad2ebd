//! The ChatFlow REST API: a bot's server asks what to say next.
//!
//! A [`ChatFlowApi`] is a face of the server. A caller shows the secrets of a client and of one of
//! its apps with each call, names its user, and gets a turn: what to say, and how the user answers.
//! What it speaks, call by call, is in the crate's README; what happens inside is `maru_chatflow`'s.
//!
//! [`admin`] is what operators do with clients, apps and scenarios. It is no part of the face.

pub mod admin;
mod answer;
mod credentials;
mod endpoints;
mod error;
mod fields;
pub mod fuzz;
mod limits;
mod openapi;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use maru_chatflow::ChatFlow;
use maru_door::{Face, RateLimit, RouteSet};

pub use openapi::openapi;

/// The face's name.
pub const KIND: &str = "chatflow";

/// How often things may be done, on each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of an app a second, once its burst is used up.
    pub calls_per_second: NonZeroU32,
    /// Calls of an app at once.
    pub calls_burst: NonZeroU32,
    /// Calls with wrong secrets from one address a second, once their burst is used up.
    pub refusals_per_second: NonZeroU32,
    /// Calls with wrong secrets from one address at once.
    pub refusals_burst: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            calls_per_second: number(1_000),
            calls_burst: number(2_000),
            refusals_per_second: number(5),
            refusals_burst: number(50),
        }
    }
}

/// The face of the ChatFlow API.
pub struct ChatFlowApi {
    chatflow: ChatFlow,
    /// By the app's id.
    calls: RateLimit<String>,
    refusals: RateLimit<IpAddr>,
}

impl ChatFlowApi {
    /// Makes the face.
    pub fn new(chatflow: ChatFlow, limits: Limits) -> Arc<Self> {
        let calls = RateLimit::new(limits.calls_per_second, limits.calls_burst);
        let refusals = RateLimit::new(limits.refusals_per_second, limits.refusals_burst);
        Arc::new(Self { chatflow, calls, refusals })
    }
}

impl fmt::Debug for ChatFlowApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatFlowApi").field("chatflow", &self.chatflow).finish_non_exhaustive()
    }
}

impl Face for ChatFlowApi {
    fn name(&self) -> &'static str {
        KIND
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        endpoints::routes(self)
    }
}
