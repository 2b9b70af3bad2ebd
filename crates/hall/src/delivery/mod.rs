//! Handing activities over: turn by turn within a conversation, many conversations at once.
//!
//! Who may hand over a conversation's oldest open delivery is settled by commits alone. The commit
//! that wrote it finds nothing older open (`behind` is false) and hands it over; the commit that
//! settled the one before is told which is `next` and goes on with it. Only what nobody holds (a
//! retry that falls due, what a crash or an overload left) is looked for in the store, by
//! [`work`]. `held` keeps the two from taking the same delivery.
//!
//! Where several processes share the store, the process that holds the conversation's lease does all
//! that, and the others leave it alone. Every settlement says under which lease the delivery was
//! taken; one that comes after the lease went to another process is refused, and that process's
//! outcome counts. Circuits and the places among the attempts in flight are each process's own.

mod circuit;
mod retry;
mod run;
mod settle;
mod watched;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use maru_activity::{BotId, DeliveryId, RealmId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, TryAcquireError, oneshot};

pub use circuit::CircuitState;
pub(crate) use watched::Watched;
pub(crate) use worker::work;

use crate::records::DeliverySettings;
use crate::{Delivered, Hall};
use circuit::Circuit;

/// What the process knows of the deliveries under way.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    /// Those that a task of this process has in hand.
    held: Mutex<HashSet<DeliveryId>>,
    bots: Mutex<HashMap<(RealmId, BotId), Arc<BotRuntime>>>,
    watchers: Mutex<HashMap<DeliveryId, oneshot::Sender<Delivered>>>,
    /// Wakes the worker: a retry was set, a place became free, a circuit closed.
    wake: Notify,
    /// When the earliest retry that was set here falls due.
    soonest: Mutex<Option<Timestamp>>,
}

/// What the process knows of one bot.
#[derive(Debug)]
pub(crate) struct BotRuntime {
    in_flight: Arc<Semaphore>,
    in_flight_max: AtomicUsize,
    /// How many conversations wait in memory for a place.
    waiting: AtomicUsize,
    circuit: Mutex<Circuit>,
}

impl BotRuntime {
    fn new(settings: &DeliverySettings) -> Self {
        Self {
            in_flight: Arc::new(Semaphore::new(settings.in_flight_max)),
            in_flight_max: AtomicUsize::new(settings.in_flight_max),
            waiting: AtomicUsize::new(0),
            circuit: Mutex::new(Circuit::default()),
        }
    }

    /// How the bot's circuit stands.
    pub(crate) fn circuit(&self) -> CircuitState {
        self.circuit.lock().state()
    }

    /// A place among the attempts in flight, if there is one now.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.in_flight.try_acquire()
    }

    /// Follows a changed record: places are added, or taken away as they become free.
    fn adjust(&self, settings: &DeliverySettings) {
        let now = settings.in_flight_max;
        let before = self.in_flight_max.swap(now, Ordering::Relaxed);
        if now > before {
            self.in_flight.add_permits(now - before);
        } else if now < before {
            let surplus = u32::try_from(before - now).unwrap_or(u32::MAX);
            let in_flight = Arc::clone(&self.in_flight);
            tokio::spawn(async move {
                if let Ok(permits) = in_flight.acquire_many_owned(surplus).await {
                    permits.forget();
                }
            });
        }
    }
}

impl Deliveries {
    fn tell_watcher(&self, id: DeliveryId, delivered: Delivered) {
        if let Some(tx) = self.watchers.lock().remove(&id) {
            // Whoever waited may have gone.
            drop(tx.send(delivered));
        }
    }

    /// Whoever watches a delivery is not told here any more what comes of it.
    fn lose(&self, id: DeliveryId) {
        self.watchers.lock().remove(&id);
    }

    /// Takes a delivery in hand, unless another task has it.
    fn hold(&self, id: DeliveryId) -> bool {
        self.held.lock().insert(id)
    }

    fn release(&self, id: DeliveryId) {
        self.held.lock().remove(&id);
    }

    pub(crate) fn runtime(
        &self,
        realm: &RealmId,
        bot: &BotId,
        settings: &DeliverySettings,
    ) -> Arc<BotRuntime> {
        let mut bots = self.bots.lock();
        let runtime = bots
            .entry((realm.clone(), bot.clone()))
            .or_insert_with(|| Arc::new(BotRuntime::new(settings)));
        let runtime = Arc::clone(runtime);
        drop(bots);
        if runtime.in_flight_max.load(Ordering::Relaxed) != settings.in_flight_max {
            runtime.adjust(settings);
        }
        runtime
    }

    /// Sees to it that the worker looks at this time at the latest.
    fn wake_at(&self, due: Timestamp) {
        let mut soonest = self.soonest.lock();
        if soonest.is_none_or(|at| due < at) {
            *soonest = Some(due);
            self.wake.notify_one();
        }
    }
}

impl Hall {
    /// Sees to it that the worker looks now.
    pub(crate) fn wake_deliveries(&self) {
        self.inner.deliveries.wake.notify_one();
    }

    /// How each bot's circuit stands, for operators.
    pub fn circuits(&self) -> Vec<(RealmId, BotId, CircuitState)> {
        let bots = self.inner.deliveries.bots.lock();
        let mut states: Vec<_> = bots
            .iter()
            .map(|((realm, bot), runtime)| {
                (realm.clone(), bot.clone(), runtime.circuit.lock().state())
            })
            .collect();
        states.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        states
    }
}
