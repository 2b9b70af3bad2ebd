//! Microsoft Direct Line 3.0: REST and the WebSocket stream.
//!
//! A [`DirectLine`] is a face of the server. Each of its sites is a channel's record of kind
//! [`KIND`]; the site's two secrets open all of its conversations, and make tokens that open one.
//! What it speaks, clause by clause, is in the crate's README.

mod auth;
mod config;
mod conversations;
mod cors;
mod endpoints;
mod error;
mod limits;
mod map;
mod metrics;
mod openapi;
mod sites;
mod stream;
mod token;
mod upload;
mod wire;

use std::fmt;
use std::sync::Arc;

use maru_accounts::Accounts;
use maru_activity::{ChannelId, RealmId};
use maru_door::{Face, RouteSet, Sockets};
use maru_hall::Hall;
use prometheus_client::registry::Registry;

pub use config::{
    ACTIVITY_BYTES_MAX, Acknowledge, DELIVERED_TIMEOUT_SECS, KEEP_ALIVE_SECS,
    SOCKETS_PER_CONVERSATION_MAX, Settings, TOKEN_TTL_SECS, UPLOAD_BYTES_MAX, UPLOAD_FILES_MAX,
    check_settings, new_site_settings, rotate,
};
pub use openapi::openapi;

/// The kind of a site's channel record.
pub const KIND: &str = "direct-line";

/// The name by which bots know the channel: `channelId`.
pub const CHANNEL_KIND: &str = "directline";

/// The Direct Line face.
pub struct DirectLine {
    hall: Hall,
    accounts: Arc<Accounts>,
    sockets: Sockets,
    sites: sites::Sites,
    seats: stream::Seats,
    metrics: metrics::Metrics,
}

impl DirectLine {
    /// Makes the face, and registers its numbers.
    pub fn new(
        hall: Hall,
        accounts: Arc<Accounts>,
        sockets: Sockets,
        registry: &mut Registry,
    ) -> Arc<Self> {
        Arc::new(Self {
            hall,
            accounts,
            sockets,
            sites: sites::Sites::default(),
            seats: stream::Seats::default(),
            metrics: metrics::Metrics::register(registry),
        })
    }

    /// A token for a new conversation of a site, without showing its secret: for the operator's own
    /// client. `None` if there is no such site.
    pub fn mint(&self, realm: &RealmId, site: &ChannelId, user: Option<String>) -> Option<String> {
        let site = self.sites.get(self.hall.directory(), realm, site)?;
        let key = site.settings.keys.first()?;
        let conversation = self.hall.new_conversation_id();
        let claims = token::Claims::new(&site, &key.id, conversation, user, Vec::new());
        Some(claims.mint(&self.accounts, &site, self.hall.env().now()).ok()?.token)
    }
}

impl fmt::Debug for DirectLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectLine").field("sites", &self.sites).finish_non_exhaustive()
    }
}

impl Face for DirectLine {
    fn name(&self) -> &'static str {
        KIND
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        endpoints::routes(self)
    }
}
