//! Handing activities over: turn by turn within a conversation, many conversations at once.
//!
//! Who may hand over a conversation's oldest open delivery is settled by commits alone. The commit
//! that wrote it finds nothing older open (`behind` is false) and hands it over; the commit that
//! settled the one before is told which is `next` and goes on with it. Only what nobody holds (a
//! retry that falls due, what a crash or an overload left) is looked for in the store, by
//! [`work`]. `held` keeps the two from taking the same delivery.

mod circuit;
mod retry;
mod run;
mod worker;

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use maru_activity::{BotId, DeliveryId, RealmId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, oneshot};

pub use circuit::CircuitState;
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

/// What will come of a delivery, for someone who waits. Dropped when they wait no longer.
#[derive(Debug)]
pub(crate) struct Watched {
    outcome: oneshot::Receiver<Delivered>,
    of: Option<(Hall, DeliveryId)>,
}

impl Watched {
    /// Watches a delivery, from before it is committed.
    pub(crate) fn of(hall: &Hall, id: DeliveryId) -> Self {
        let (tx, outcome) = oneshot::channel();
        hall.inner.deliveries.watchers.lock().insert(id, tx);
        Self { outcome, of: Some((hall.clone(), id)) }
    }

    /// What is known already.
    pub(crate) fn known(delivered: Delivered) -> Self {
        let (tx, outcome) = oneshot::channel();
        drop(tx.send(delivered));
        Self { outcome, of: None }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some((hall, id)) = self.of.take() {
            hall.inner.deliveries.watchers.lock().remove(&id);
        }
    }
}

impl Future for Watched {
    type Output = Result<Delivered, oneshot::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(cx)
    }
}

impl Deliveries {
    fn tell_watcher(&self, id: DeliveryId, delivered: Delivered) {
        if let Some(tx) = self.watchers.lock().remove(&id) {
            // Whoever waited may have gone.
            drop(tx.send(delivered));
        }
    }

    /// Takes a delivery in hand, unless another task has it.
    fn hold(&self, id: DeliveryId) -> bool {
        self.held.lock().insert(id)
    }

    fn release(&self, id: DeliveryId) {
        self.held.lock().remove(&id);
    }

    fn runtime(
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
