//! KakaoTalk Plus Friend partner servers as bots: Maru in the place of the platform that called them.
//!
//! From 2016 to 2019 KakaoTalk's auto-reply platform called *partner servers*: small HTTP servers with
//! five endpoints, whose answers are the bot's words. The platform is gone and the servers are still
//! there. [`PlusFriend::kind`] calls them, unmodified, for users of any channel: what they say is read in
//! `read`, made into activities in `map`, and which keyboard a user has before them is decided in
//! `keyboard`. A partner that fails is left alone for a while (`health`).

mod api_test;
mod config;
mod error;
pub mod fuzz;
mod get;
mod health;
mod heard;
mod home;
mod kept;
mod keyboard;
pub mod limits;
mod links;
mod map;
mod outbound;
mod partner;
mod photo;
mod probe;
mod read;
mod reports;
mod turnstile;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use maru_accounts::InstanceKey;
use maru_activity::env::Env;
use maru_activity::{BotId, RealmId};
use maru_egress::Egress;
use maru_hall::{BadSettings, BotKind, BotRecord, Error, Hall, WeakHall, Whom};
use maru_notify::Notifier;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;

pub use api_test::{ApiTest, Called, Results};
pub use config::{SendMediaAs, Settings};
pub use error::Code;
pub use health::Health;
pub use links::BadBase;
pub use reports::{Endpoint, Report};

use health::{Event, Turned};
use home::Home;
use links::Base;
use outbound::PlusFriendKind;
use partner::Partner;
use probe::Prober;
use reports::{Metrics, Reports};
use turnstile::Turnstile;

/// The kind's name in records, and the protocol's beside an activity ([`maru_hall::Native`]).
pub const KIND: &str = "plus-friend";

/// What [`PlusFriend`] is made of.
#[derive(Debug)]
pub struct Setup<'a> {
    /// What calls the partners, and fetches the pictures they show.
    pub egress: Egress,
    /// Where partners reach this server: the base of the links to files that users send.
    pub callback_url: &'a str,
    /// What users' keys follow from.
    pub key: Arc<InstanceKey>,
    /// The clock and the random source.
    pub env: Env,
    /// What tells operators of partners that fail.
    pub notifier: Notifier,
    /// Where the numbers are registered.
    pub registry: &'a mut Registry,
}

/// Partner servers as bots: makes the kind, and does what operators do with its bots.
///
/// Kinds are made before the hall, and the kind looks into the hall too; so the hall is attached later. A
/// cheap clone.
#[derive(Clone)]
pub struct PlusFriend {
    shared: Arc<Shared>,
}

/// What the kind's bots share.
struct Shared {
    egress: Egress,
    links: Base,
    key: Arc<InstanceKey>,
    env: Env,
    notifier: Notifier,
    metrics: Metrics,
    /// Not kept: the hall keeps the kind, and so what is in here.
    hall: OnceLock<WeakHall>,
    memories: Mutex<HashMap<(RealmId, BotId), Arc<Memory>>>,
}

/// What this node knows of one bot. It outlives changes of the bot's record.
#[derive(Debug, Default)]
struct Memory {
    home: Home,
    reports: Reports,
    users: Turnstile,
    /// Held while the partner's health is changed.
    turning: tokio::sync::Mutex<()>,
}

impl Shared {
    fn memory(&self, realm: &RealmId, bot: &BotId) -> Arc<Memory> {
        let mut memories = self.memories.lock();
        Arc::clone(memories.entry((realm.clone(), bot.clone())).or_default())
    }

    fn hall(&self) -> Result<Hall, Error> {
        let hall = self.hall.get().and_then(WeakHall::upgrade);
        hall.ok_or_else(|| Error::Unavailable("the server is starting or stopping".to_owned()))
    }
}

impl PlusFriend {
    /// Makes it, and registers its numbers.
    ///
    /// # Errors
    /// When `callback_url` is not an absolute `http` or `https` URL, or has a query or a fragment.
    pub fn new(setup: Setup<'_>) -> Result<Self, BadBase> {
        let Setup { egress, callback_url, key, env, notifier, registry } = setup;
        let shared = Shared {
            egress,
            links: Base::new(callback_url)?,
            key,
            env,
            notifier,
            metrics: Metrics::register(registry),
            hall: OnceLock::new(),
            memories: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The kind `plus-friend`.
    pub fn kind(&self) -> Arc<dyn BotKind> {
        Arc::new(PlusFriendKind::new(Arc::clone(&self.shared)))
    }

    /// Gives it the hall, and registers what probes partners that are left alone; before
    /// [`Hall::start`]. The first hall that is given is the one.
    pub fn attach(&self, hall: &Hall) {
        if self.shared.hall.set(hall.downgrade()).is_ok() {
            hall.on_timer(Arc::new(Prober::new(Arc::clone(&self.shared))));
        }
    }

    /// Tests a partner as the platform's "API test" did: its home keyboard must be proper, the other
    /// calls are made for the record. Nothing of it counts as a failure.
    ///
    /// # Errors
    /// [`BadSettings`] if the record is none of this kind's.
    pub async fn test(&self, record: &BotRecord) -> Result<ApiTest, BadSettings> {
        let partner = Partner::of(record, &self.shared)?;
        Ok(api_test::run(&partner).await)
    }

    /// How a partner does.
    ///
    /// # Errors
    /// What the store says.
    pub async fn health(&self, realm: &RealmId, bot: &BotId) -> Result<Health, Error> {
        kept::health(&self.shared.hall()?, realm, bot).await
    }

    /// Sets a bot going again that is in an outage or stopped. Says whether it was.
    ///
    /// # Errors
    /// [`Error::UnknownBot`] if there is none of this kind; what the store says.
    pub async fn restart(&self, realm: &RealmId, bot: &BotId) -> Result<bool, Error> {
        let hall = self.shared.hall()?;
        let turned = self.partner(realm, bot)?.turn(&hall, Event::Restarted).await?;
        Ok(turned == Turned::Recovered)
    }

    /// What a bot's owner should know of its partner, as this node saw it since it started: the newest
    /// first.
    pub fn reports(&self, realm: &RealmId, bot: &BotId) -> Vec<Report> {
        let memories = self.shared.memories.lock();
        let memory = memories.get(&(realm.clone(), bot.clone())).cloned();
        drop(memories);
        memory.map(|memory| memory.reports.list()).unwrap_or_default()
    }

    /// Somebody was erased: each partner of the realm that knows them is told so as of a block, and what
    /// was kept of them goes. A person is known here by the name that they have until they are linked.
    ///
    /// # Errors
    /// What the store says. It may be repeated until it succeeds.
    pub async fn erased(&self, realm: &RealmId, whom: &Whom) -> Result<(), Error> {
        let (channel, user) = match whom {
            Whom::Participant(channel, user) => (channel.as_str(), user.as_str()),
            Whom::Person(person) => match person.as_str().split_once('/') {
                Some(participant) => participant,
                None => return Ok(()),
            },
        };
        let hall = self.shared.hall()?;
        let snapshot = hall.directory().snapshot();
        let bots = snapshot.bots().filter(|bot| bot.realm == *realm && bot.kind == KIND);
        for record in bots {
            let Ok(partner) = Partner::of(record, &self.shared) else { continue };
            let key = partner.user_key(channel, user);
            if kept::is_known(&hall, realm, &key).await? {
                self.part(&partner, channel, user).await?;
            }
        }
        Ok(())
    }

    async fn part(&self, partner: &Partner, channel: &str, user: &str) -> Result<(), Error> {
        let hall = self.shared.hall()?;
        let key = partner.user_key(channel, user);
        let _alone = partner.memory.users.enter(&key).await;
        partner.block(&key, partner.settings.answer_timeout()).await;
        kept::forget(&hall, &partner.record.realm, &key).await
    }

    fn partner(&self, realm: &RealmId, bot: &BotId) -> Result<Partner, Error> {
        let record = self.shared.hall()?.directory().bot(realm, bot);
        let record = record.filter(|record| record.kind == KIND).ok_or(Error::UnknownBot)?;
        Partner::of(&record, &self.shared).map_err(|_| Error::UnknownBot)
    }
}

impl fmt::Debug for PlusFriend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlusFriend").field("links", &self.links).finish_non_exhaustive()
    }
}
