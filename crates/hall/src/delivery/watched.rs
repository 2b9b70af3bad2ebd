//! What will come of a delivery, for someone who waits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use maru_activity::{DeliveryId, RealmId};
use maru_store::{DeliveryState, StateWrite, Store};
use tokio::sync::oneshot;

use crate::{Delivered, Hall};

/// How often the store is asked what came of a delivery that another process hands over.
const LOOK: Duration = Duration::from_millis(250);

/// For how long it is believed that this process tells, where it has the lease.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Where a bot's result (an invoke's) is kept on a shared store: whoever waits for it may be
/// connected to another node than the one that handed the invoke over.
const RESULTS: &str = "hall/result";

/// How long it is kept: far longer than anybody waits.
const RESULT_KEPT: Duration = Duration::from_secs(600);

/// What will come of a delivery. Whoever waits for it bounds the time. Dropped when they wait no
/// longer.
pub(crate) struct Watched {
    outcome: BoxFuture<'static, Delivered>,
    of: Option<(Hall, DeliveryId)>,
}

impl Watched {
    /// Watches a delivery, from before it is committed.
    pub(crate) fn of(hall: &Hall, realm: &RealmId, id: DeliveryId) -> Self {
        let (tx, mut told) = oneshot::channel();
        hall.inner.deliveries.watchers.lock().insert(id, tx);
        let (store, realm) = (Arc::clone(&hall.inner.store), realm.clone());
        let outcome = async move {
            if !store.is_shared() {
                return told.await.unwrap_or(Delivered::TimedOut);
            }
            match tokio::time::timeout(TOLD_WITHIN, &mut told).await {
                Ok(Ok(delivered)) => delivered,
                // Nobody here will tell.
                Ok(Err(_)) => look(&*store, &realm, id).await,
                // Perhaps nobody here will: what stands before it may have been taken over.
                Err(_) => tokio::select! {
                    biased;
                    Ok(delivered) = told => delivered,
                    delivered = look(&*store, &realm, id) => delivered,
                },
            }
        };
        Self { outcome: outcome.boxed(), of: Some((hall.clone(), id)) }
    }

    /// What is known already.
    pub(crate) fn known(delivered: Delivered) -> Self {
        Self { outcome: std::future::ready(delivered).boxed(), of: None }
    }

    /// Another process hands it over: what comes of it is looked for in the store.
    pub(crate) fn elsewhere(self) -> Self {
        if let Some((hall, id)) = &self.of {
            hall.inner.deliveries.lose(*id);
        }
        self
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some((hall, id)) = self.of.take() {
            hall.inner.deliveries.lose(id);
        }
    }
}

impl Future for Watched {
    type Output = Delivered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.outcome.poll_unpin(cx)
    }
}

/// Asks the store until the delivery is settled.
async fn look(store: &dyn Store, realm: &RealmId, id: DeliveryId) -> Delivered {
    loop {
        tokio::time::sleep(LOOK).await;
        let delivery = match store.delivery(realm, id).await {
            Ok(Some(delivery)) => delivery,
            Ok(None) => return Delivered::TimedOut,
            // Whoever waits bounds the time.
            Err(_) => continue,
        };
        match delivery.state {
            DeliveryState::Open => {}
            DeliveryState::Settled => {
                let result = store.state(realm, RESULTS, &id.to_string()).await;
                return Delivered::Taken(result.ok().flatten().map(|state| state.value));
            }
            DeliveryState::Dead => {
                let attempts = store.attempts(realm, id).await.unwrap_or_default();
                let timed_out = attempts.last().is_some_and(|last| last.outcome == "timed_out");
                return if timed_out { Delivered::TimedOut } else { Delivered::Failed(None) };
            }
        }
    }
}

/// Keeps a bot's result for whoever waits on another node.
pub(super) fn keep_result(hall: &Hall, id: DeliveryId, result: &bytes::Bytes) -> StateWrite {
    let until = Some(hall.inner.env.now().after(RESULT_KEPT));
    StateWrite { until, ..StateWrite::put(RESULTS, id.to_string(), result.clone()) }
}
