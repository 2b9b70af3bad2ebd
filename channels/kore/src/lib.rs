//! Kore.ai's web SDK protocol: JWT grant, the RTM socket, history, attachments, webhooks.
//!
//! A [`Kore`] is a face of the server. Each of its apps is a channel's record of kind [`KIND`]: a
//! client id with its secrets, and the bots that its users talk to. Whoever shows a JWT that was
//! signed with one of the secrets is a user of the app. What it speaks, clause by clause, is in the
//! crate's README.

mod apps;
mod assertion;
mod config;
mod cors;
mod endpoints;
mod error;
mod files;
mod form;
pub mod fuzz;
mod grants;
mod history;
mod ids;
mod jwt;
mod limits;
mod links;
mod map;
mod metrics;
mod multipart;
mod rtm;
mod session;
mod ticket;
mod upload;
mod user;
mod webhook;
mod wire;

use std::fmt;
use std::sync::Arc;

use maru_accounts::Accounts;
use maru_door::{Face, RouteSet, Sockets};
use maru_hall::Hall;
use prometheus_client::registry::Registry;

pub use config::{
    AppBot, FRAME_BYTES_MAX, KEEP_ALIVE_SECS, NewApp, SESSION_IDLE_SECS, SOCKETS_PER_USER_MAX,
    Settings, TOKEN_TTL_SECS, UPLOAD_BYTES_MAX, WEBHOOK_WAIT_SECS, check_settings, import_secret,
    new_app_settings, renew_api_key, rotate,
};
pub use jwt::Algorithm;

/// The kind of an app's channel record.
pub const KIND: &str = "kore";

/// The name by which bots know the channel: `channelId`.
pub const CHANNEL_KIND: &str = "kore";

/// The face of Kore's protocol.
pub struct Kore {
    hall: Hall,
    accounts: Arc<Accounts>,
    sockets: Sockets,
    apps: apps::Apps,
    metrics: metrics::Metrics,
    seats: rtm::Seats,
}

impl Kore {
    /// Makes the face, and registers its numbers.
    pub fn new(
        hall: Hall,
        accounts: Arc<Accounts>,
        sockets: Sockets,
        registry: &mut Registry,
    ) -> Arc<Self> {
        let apps = apps::Apps::new(Arc::clone(&accounts));
        let metrics = metrics::Metrics::register(registry);
        let seats = rtm::Seats::default();
        Arc::new(Self { hall, accounts, sockets, apps, metrics, seats })
    }
}

impl fmt::Debug for Kore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kore").field("apps", &self.apps).finish_non_exhaustive()
    }
}

impl Face for Kore {
    fn name(&self) -> &'static str {
        KIND
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        endpoints::routes(self)
    }
}
