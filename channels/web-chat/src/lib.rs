//! The web chat's protocol `nxchat.v1`: customers who call a number, and talk to bots and people.
//!
//! A [`WebChat`] is a face of the server. Each of its channels is a record of kind [`KIND`]: the names
//! by which customers' pages call its realm, and who may. One WebSocket is one chat, and one chat is one
//! conversation, whose id is the `Cid`. What becomes of the call is the desk's matter
//! ([`maru_hall::Desk`]): it stands in the conversation's log, and this crate tells the customer of it.
//! What is spoken, clause by clause, is in the crate's README and in `docs/web-chat-protocol.md`.

mod channels;
mod cid;
mod config;
mod cors;
mod endpoints;
mod error;
pub mod fuzz;
mod identity;
mod limits;
mod map;
mod metrics;
mod openapi;
mod origin;
mod root;
mod session;
mod socket;
mod upload_token;
mod wire;

use std::fmt;
use std::sync::Arc;

use maru_accounts::Accounts;
use maru_door::{Face, RouteSet, Sockets};
use maru_files::Files;
use maru_hall::Hall;
use prometheus_client::registry::Registry;

pub use config::{Identity, Settings, check_settings, import_secret, new_settings, rotate};
pub use endpoints::socket::is_handshake;
pub use openapi::openapi;
pub use root::Root;

/// The kind of a web chat's channel record.
pub const KIND: &str = "web-chat";

/// The name by which bots know the channel: `channelId`.
pub const CHANNEL_KIND: &str = "webchat";

/// The face of the web chat.
pub struct WebChat {
    hall: Hall,
    accounts: Arc<Accounts>,
    sockets: Sockets,
    files: Files,
    channels: channels::Channels,
    paces: limits::Paces,
    metrics: metrics::Metrics,
}

impl WebChat {
    /// Makes the face, and registers its numbers.
    pub fn new(
        hall: Hall,
        accounts: Arc<Accounts>,
        sockets: Sockets,
        files: Files,
        registry: &mut Registry,
    ) -> Arc<Self> {
        let channels = channels::Channels::new(Arc::clone(&accounts));
        let metrics = metrics::Metrics::register(registry);
        let paces = limits::Paces::default();
        Arc::new(Self { hall, accounts, sockets, files, channels, paces, metrics })
    }
}

impl fmt::Debug for WebChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebChat").field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl Face for WebChat {
    fn name(&self) -> &'static str {
        KIND
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        endpoints::routes(self)
    }
}
