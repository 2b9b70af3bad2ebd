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

use maru_accounts::{Accounts, Verifier};
use maru_activity::{ChannelId, ConversationId, RealmId};
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
    tokens: Verifier<token::Claims>,
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
            tokens: Verifier::new(Arc::clone(&accounts), token::AUDIENCE),
            accounts,
            sockets,
            sites: sites::Sites::default(),
            seats: stream::Seats::default(),
            metrics: metrics::Metrics::register(registry),
        })
    }

    /// A token for a conversation of a site, a new one if none is named, without showing its
    /// secret: for the operator's own client. `None` if there is no such site, or if the
    /// conversation is not one of its own.
    ///
    /// # Errors
    /// What the hall says.
    pub async fn mint(
        &self,
        realm: &RealmId,
        site: &ChannelId,
        user: Option<String>,
        conversation: Option<ConversationId>,
    ) -> Result<Option<String>, maru_hall::Error> {
        let Some(site) = self.sites.get(self.hall.directory(), realm, site) else {
            return Ok(None);
        };
        let Some(key) = site.settings.keys.first() else { return Ok(None) };
        let conversation = match conversation {
            None => self.hall.new_conversation_id(),
            Some(id) => match self.hall.conversation(realm, &id).await? {
                Some(found) if found.channel == site.channel.id => id,
                _ => return Ok(None),
            },
        };
        let claims = token::Claims::new(&site, &key.id, conversation, user, Vec::new());
        let minted = claims.mint(&self.accounts, &site, self.hall.env().now());
        Ok(minted.ok().map(|minted| minted.token))
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
