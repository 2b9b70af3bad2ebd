//! Looks for deliveries that nobody holds: retries that fall due, probes, what a crash left.

use std::time::Duration;

use maru_activity::Timestamp;
use maru_store::{Delivery, DueBots};
use tokio::time::Instant;

use crate::{Error, Hall};

/// How many deliveries are picked up in one look.
const BATCH: usize = 256;

/// How long the worker sleeps at most.
const IDLE: Duration = Duration::from_secs(1);

/// How often the outbox is counted where every node counts the same.
const MEASURE_SHARED: Duration = Duration::from_secs(10);

/// Runs until the hall stops.
pub(crate) async fn work(hall: Hall) {
    // What the last process left open is nobody's now, whatever its time. On a shared store there is
    // no last process: what a dead one left falls due by itself as soon as its lease is over, and
    // what waits for another attempt goes on waiting, however often nodes are started.
    let shared = hall.inner.store.is_shared();
    let mut horizon = (!shared).then_some(Timestamp::from_micros(i64::MAX));
    let mut measured: Option<Instant> = None;
    loop {
        let more = match hall.look(horizon.take()).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "due deliveries were not read");
                false
            }
        };
        let every = if shared { MEASURE_SHARED } else { Duration::ZERO };
        if measured.is_none_or(|at| at.elapsed() >= every) {
            measured = Some(Instant::now());
            if let Err(error) = hall.measure().await {
                tracing::warn!(%error, "the outbox was not counted");
            }
        }
        if more {
            // The rest is looked for as places become free.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let wait = if more { Duration::ZERO } else { hall.next_look() };
        tokio::select! {
            () = hall.inner.stopping.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            () = hall.inner.deliveries.wake.notified() => {}
        }
    }
}

impl Hall {
    /// One look. Says whether there may be more at once.
    async fn look(&self, horizon: Option<Timestamp>) -> Result<bool, Error> {
        let now = self.inner.env.now();
        self.inner.deliveries.soonest.lock().take_if(|at| *at <= now);
        let (closed_to, probes) = self.open_circuits();
        for (realm, bot) in probes {
            let which = DueBots::Only(realm, bot);
            let far = Timestamp::from_micros(i64::MAX);
            let found = self.inner.store.due(far, &which, 1 + self.held_count()).await?;
            self.take(found, 1);
        }
        let limit = BATCH + self.held_count();
        let which = DueBots::Except(closed_to);
        let found = self.inner.store.due(horizon.unwrap_or(now), &which, limit).await?;
        let full = found.len() >= limit;
        let taken = self.take(found, BATCH);
        Ok(full && taken > 0)
    }

    fn held_count(&self) -> usize {
        self.inner.deliveries.held.lock().len()
    }

    /// Starts a task for each that nobody holds yet.
    fn take(&self, found: Vec<Delivery>, most: usize) -> usize {
        let mine = found.into_iter().filter(|d| self.inner.deliveries.hold(d.id)).take(most);
        let mut taken = 0;
        for delivery in mine {
            let hall = self.clone();
            self.inner.tasks.spawn(async move { hall.pick_up(delivery).await });
            taken += 1;
        }
        taken
    }

    /// The bots whose circuits are open, and those of them that want a probe.
    #[expect(clippy::type_complexity, reason = "two lists of the same keys")]
    fn open_circuits(
        &self,
    ) -> (
        Vec<(maru_activity::RealmId, maru_activity::BotId)>,
        Vec<(maru_activity::RealmId, maru_activity::BotId)>,
    ) {
        let (mut open, mut probes) = (Vec::new(), Vec::new());
        let now = Instant::now();
        for (key, runtime) in &*self.inner.deliveries.bots.lock() {
            let circuit = runtime.circuit.lock();
            if circuit.state() != super::CircuitState::Closed {
                open.push(key.clone());
            }
            if circuit.wants_probe(now) {
                probes.push(key.clone());
            }
        }
        (open, probes)
    }

    fn next_look(&self) -> Duration {
        let soonest = *self.inner.deliveries.soonest.lock();
        soonest.map_or(IDLE, |at| at.since(self.inner.env.now()).min(IDLE))
    }

    async fn measure(&self) -> Result<(), Error> {
        let (open, dead, oldest) = self.inner.store.outbox().await?;
        let age = oldest.map_or(0.0, |at| self.inner.env.now().since(at).as_secs_f64());
        self.inner.metrics.outbox(open, dead, age);
        Ok(())
    }
}
