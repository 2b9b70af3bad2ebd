//! BotKit servers as bots: an unmodified Kore.ai BotKit (the Node.js SDK) answers Maru's users.
//!
//! [`BotKit::kind`] hands what users say and do to the server, one POST an event; [`BotKit::face`]
//! is what the server calls back to say something, to pass a message on to the bot behind it, or to
//! put an agent in its place (`kore-rtm.md` §5.1). What a Kore message or template is in Maru's own
//! language is decided in `map`.

mod addresses;
mod backend;
mod config;
mod error;
mod face;
mod heard;
mod ids;
mod kept;
mod map;
mod outbound;
mod token;
mod wire;

use std::fmt;
use std::sync::{Arc, OnceLock};

use maru_accounts::InstanceKey;
use maru_activity::env::Env;
use maru_door::Face;
use maru_egress::Egress;
use maru_hall::{BotKind, Hall, WeakHall};

pub use addresses::BadCallback;
pub use config::{
    AgentTransfer, Algorithm, Authentication, NewBot, Settings, Variable, import_secret,
    new_settings, rotate,
};
pub use face::Limits;

use addresses::Addresses;
use backend::OnRelay;
use face::BotKitFace;
use outbound::BotKitKind;

/// The kind's name in records, the face's, and the protocol's among client keys.
pub const KIND: &str = "botkit";

/// The protocol's name beside an activity ([`maru_hall::Native`]): what a channel of Kore clients sends
/// as it stands.
const NATIVE: &str = "kore";

/// BotKit servers as bots: makes the kind, and the face that the servers call back.
///
/// Kinds are made before the hall, and the kind looks into the hall too; so the two share what is
/// made here, and the hall comes with the face.
#[derive(Clone)]
pub struct BotKit {
    shared: Arc<Shared>,
}

/// What the kind and the face share.
struct Shared {
    egress: Egress,
    addresses: Addresses,
    key: Arc<InstanceKey>,
    env: Env,
    /// Not kept: the hall keeps the kind, and so what is in here.
    hall: OnceLock<WeakHall>,
}

impl BotKit {
    /// `egress` calls the servers; they call back at `callback_url`, which should have no path: BotKit
    /// looks for the bot's id at a fixed place of the URL. `key` opens the bots' sealed secrets.
    ///
    /// # Errors
    /// When `callback_url` is not an absolute `http` or `https` URL, or has a query or a fragment.
    pub fn new(
        egress: Egress,
        callback_url: &str,
        key: Arc<InstanceKey>,
        env: Env,
    ) -> Result<Self, BadCallback> {
        let addresses = Addresses::new(callback_url)?;
        let hall = OnceLock::new();
        Ok(Self { shared: Arc::new(Shared { egress, addresses, key, env, hall }) })
    }

    /// The kind `botkit`.
    pub fn kind(&self) -> Arc<dyn BotKind> {
        Arc::new(BotKitKind::new(Arc::clone(&self.shared)))
    }

    /// The face that the servers call back, made before the hall is started. The first hall that is given
    /// is the one.
    pub fn face(&self, hall: Hall, limits: Limits) -> Arc<dyn Face> {
        self.shared.hall.get_or_init(|| hall.downgrade());
        let face = Arc::new(BotKitFace::new(Arc::clone(&self.shared), hall, limits));
        face.hall.on_timer(Arc::new(OnRelay::of(&face)));
        face
    }
}

impl fmt::Debug for BotKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotKit").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
