//! What the store counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters and gauges. They are told approximately: each is read on its own.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) batches: AtomicU64,
    pub(crate) batched: AtomicU64,
    pub(crate) batches_redone: AtomicU64,
    pub(crate) batches_unsure: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) entries: AtomicU64,
    pub(crate) batch_micros: AtomicU64,
    pub(crate) sync_micros: AtomicU64,
    pub(crate) write_queue: AtomicU64,
    pub(crate) leases_taken: AtomicU64,
    pub(crate) heartbeats_failed: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Takes from a gauge.
pub(crate) fn sub(gauge: &AtomicU64, less: u64) {
    gauge.fetch_sub(less, Ordering::Relaxed);
}

/// Adds a span of time to a counter of microseconds.
pub(crate) fn add_time(counter: &AtomicU64, span: Duration) {
    add(counter, u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
}

impl Numbers {
    pub(crate) fn list(
        &self,
        (connections, waiting): (usize, usize),
    ) -> Vec<(&'static str, &'static str, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "a metric is a double; it is exact to 2⁵³")]
        let value = |number: &AtomicU64| number.load(Ordering::Relaxed) as f64;
        let seconds = |number: &AtomicU64| value(number) / 1e6;
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        vec![
            ("batches_total", "Transactions written.", value(&self.batches)),
            ("batched_commits_total", "Commits that shared them.", value(&self.batched)),
            (
                "batches_redone_total",
                "Times that a transaction was done again, or each of its commits alone.",
                value(&self.batches_redone),
            ),
            (
                "batches_unsure_total",
                "COMMITs of which it had to be looked up whether they took place.",
                value(&self.batches_unsure),
            ),
            ("commits_total", "Commits that took place.", value(&self.commits)),
            ("commits_refused_total", "Commits that failed alone.", value(&self.refused)),
            (
                "commits_repeated_total",
                "Commits whose client key was used before.",
                value(&self.repeated),
            ),
            ("entries_total", "Entries appended.", value(&self.entries)),
            (
                "batch_seconds_total",
                "Time spent on batches, syncs included.",
                seconds(&self.batch_micros),
            ),
            ("sync_seconds_total", "Time spent in COMMIT.", seconds(&self.sync_micros)),
            ("write_queue", "Commits that wait for a batcher.", value(&self.write_queue)),
            (
                "leases_taken_total",
                "Conversations taken over by looking for due deliveries.",
                value(&self.leases_taken),
            ),
            (
                "heartbeats_failed_total",
                "Heartbeats that could not be written.",
                value(&self.heartbeats_failed),
            ),
            ("connections", "Connections of the pool.", count(connections)),
            ("connection_queue", "Callers that wait for a connection.", count(waiting)),
        ]
    }
}
