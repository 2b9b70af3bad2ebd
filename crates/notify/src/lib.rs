//! Alerts to an operator, by a command or an HTTP gateway.
//!
//! A part of the server that sees trouble says so with [`Notifier::raise`], as often as it likes: the
//! operator hears of one cause at most once an hour, from one of the nodes. When the trouble is over
//! [`Notifier::settle`] says so once, if the operator had heard of it. What was told is kept in the
//! store, so neither a restart nor another node tells it again.
//!
//! Telling is best effort: a way that fails is tried again a little, logged and counted. An alert is
//! never the only trace of a trouble.

mod alert;
mod command;
mod gateway;
mod ledger;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use maru_activity::RealmId;
use maru_activity::env::Env;
use maru_egress::Egress;
use maru_store::Store;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

pub use alert::{Alert, Event};
pub use command::Command;
pub use gateway::{BadGateway, Gateway};

use ledger::Ledger;

/// The operator hears of one cause at most this often.
pub const QUIET: Duration = Duration::from_secs(3_600);

/// How often a way is tried.
const TRIES: u32 = 3;

/// The wait before the second try, where nothing else is said.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How the operator is told. Both ways may be set, or none: then alerts are logged alone.
#[derive(Clone, Debug)]
pub struct Ways {
    /// A program to run.
    pub command: Option<Command>,
    /// An HTTP gateway to call.
    pub gateway: Option<Gateway>,
    /// The wait before the second try; before the third it is four times as long.
    pub retry_after: Duration,
}

impl Default for Ways {
    fn default() -> Self {
        Self { command: None, gateway: None, retry_after: RETRY_AFTER }
    }
}

/// Why a way did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{way}: {cause}")]
pub struct Failed {
    /// `command` or `gateway`.
    pub way: &'static str,
    /// For an operator to read.
    pub cause: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Told {
    way: &'static str,
    outcome: &'static str,
}

/// Tells the operator. A cheap clone.
#[derive(Clone)]
pub struct Notifier {
    inner: Arc<Inner>,
}

/// Something that is being said, until all of it is done.
type Saying = (Event, JoinHandle<()>);

struct Inner {
    ledger: Ledger,
    ways: Ways,
    egress: Egress,
    env: Env,
    told: Family<Told, Counter>,
    tasks: TaskTracker,
    /// What is being said, by its cause.
    under_way: Mutex<HashMap<(RealmId, String), Saying>>,
}

impl Notifier {
    /// Makes it, and registers its numbers.
    pub fn new(
        store: Arc<dyn Store>,
        egress: Egress,
        env: Env,
        ways: Ways,
        registry: &mut Registry,
    ) -> Self {
        let told = Family::default();
        registry.register("alerts", "Alerts to the operator by way and outcome", told.clone());
        let ledger = Ledger::new(store, env.clone());
        let tasks = TaskTracker::new();
        let under_way = Mutex::default();
        Self { inner: Arc::new(Inner { ledger, ways, egress, env, told, tasks, under_way }) }
    }

    /// Says that there is trouble. Returns at once; what comes of it is logged. `alert.cause` names
    /// the trouble, within its realm.
    pub fn raise(&self, realm: &RealmId, alert: Alert) {
        self.in_background(realm, alert, Event::Raised);
    }

    /// Says that the trouble of this cause is over. Does nothing if the operator was not told of it.
    pub fn settle(&self, realm: &RealmId, alert: Alert) {
        self.in_background(realm, alert, Event::Settled);
    }

    /// Tells the operator a test, whatever was told before, and waits for what comes of it. It is
    /// tried once.
    ///
    /// # Errors
    /// The ways that did not work. No way at all is no error: the list of those that did is empty.
    pub async fn test(
        &self,
        realm: &RealmId,
        to: Option<String>,
    ) -> Result<Vec<&'static str>, Vec<Failed>> {
        let alert = Alert {
            cause: "test".to_owned(),
            title: "A test".to_owned(),
            text: "This is a test of Maru's alerts. Nothing is wrong.".to_owned(),
            to,
        };
        let outcomes = self.tell(realm, &alert, Event::Test).await;
        let failed: Vec<Failed> = outcomes.iter().filter_map(|(_, o)| o.clone().err()).collect();
        match failed.is_empty() {
            true => Ok(outcomes.into_iter().map(|(way, _)| way).collect()),
            false => Err(failed),
        }
    }

    /// Waits until what was said has been told, at most this long.
    pub async fn finish(&self, grace: Duration) {
        self.inner.tasks.close();
        let _ = tokio::time::timeout(grace, self.inner.tasks.wait()).await;
    }

    fn in_background(&self, realm: &RealmId, alert: Alert, event: Event) {
        let (this, realm) = (self.clone(), realm.clone());
        let cause = (realm.clone(), alert.cause.clone());
        let mut under_way = self.inner.under_way.lock();
        under_way.retain(|_, (_, task)| !task.is_finished());
        let before = match under_way.remove(&cause) {
            // It is being told already.
            Some(same) if same.0 == event => {
                under_way.insert(cause, same);
                return;
            }
            before => before,
        };
        let task = self.inner.tasks.spawn(async move {
            // An end that is said before its beginning was noted would be lost.
            if let Some((_, before)) = before {
                let _ = before.await;
            }
            let ledger = &this.inner.ledger;
            let is_news = match event {
                Event::Raised => ledger.raised(&realm, &alert.cause).await,
                Event::Settled => ledger.settled(&realm, &alert.cause).await,
                Event::Test => Ok(true),
            };
            // A store that cannot be asked is trouble enough to be told of.
            let is_news = is_news.unwrap_or_else(|error| {
                tracing::warn!(realm.id = %realm, %error, "told without looking at what was told before");
                event == Event::Raised
            });
            if is_news {
                this.tell(&realm, &alert, event).await;
            }
        });
        under_way.insert(cause, (event, task));
    }

    async fn tell(
        &self,
        realm: &RealmId,
        alert: &Alert,
        event: Event,
    ) -> Vec<(&'static str, Result<(), Failed>)> {
        let message = alert::Message { event, realm, alert, at: self.inner.env.now() };
        tracing::warn!(realm.id = %realm, cause = alert.cause, event = event.word(), "{}", alert.title);
        let Ways { command, gateway, .. } = &self.inner.ways;
        let tries = if event == Event::Test { 1 } else { TRIES };
        let by_command = async {
            let command = command.as_ref()?;
            Some(("command", self.insist("command", tries, || command.run(&message)).await))
        };
        let by_gateway = async {
            let gateway = gateway.as_ref()?;
            let call = || gateway.call(&self.inner.egress, &message);
            Some(("gateway", self.insist("gateway", tries, call).await))
        };
        let (by_command, by_gateway) = tokio::join!(by_command, by_gateway);
        by_command.into_iter().chain(by_gateway).collect()
    }

    async fn insist<F>(
        &self,
        way: &'static str,
        tries: u32,
        attempt: impl Fn() -> F,
    ) -> Result<(), Failed>
    where
        F: Future<Output = Result<(), String>>,
    {
        let mut wait = self.inner.ways.retry_after;
        let mut tried = 1;
        loop {
            let outcome = attempt().await;
            let label = Told { way, outcome: if outcome.is_ok() { "told" } else { "failed" } };
            self.inner.told.get_or_create(&label).inc();
            match outcome {
                Ok(()) => return Ok(()),
                Err(cause) if tried == tries => {
                    tracing::error!(way, cause, "the operator could not be told");
                    return Err(Failed { way, cause });
                }
                Err(cause) => tracing::warn!(way, cause, "the operator is told again"),
            }
            tokio::time::sleep(wait).await;
            tried += 1;
            wait *= 4;
        }
    }
}

/// Without the ways, which may hold secrets.
impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ways { command, gateway, .. } = &self.inner.ways;
        f.debug_struct("Notifier")
            .field("command", &command.is_some())
            .field("gateway", &gateway.is_some())
            .finish_non_exhaustive()
    }
}
