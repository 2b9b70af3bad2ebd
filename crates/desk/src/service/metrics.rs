//! The desk's numbers. Labels have a fixed small set; none names a realm, an agent or a group.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::floor::Count;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    code: u16,
}

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    offers: Counter,
    answered: Counter,
    rejected: Counter,
    missed: Counter,
    abandoned: Counter,
    failed: Family<Ended, Counter>,
    wait_seconds: Histogram,
    pub(super) waiting: Gauge,
    pub(super) conflicts: Counter,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            offers: Counter::default(),
            answered: Counter::default(),
            rejected: Counter::default(),
            missed: Counter::default(),
            abandoned: Counter::default(),
            failed: Family::default(),
            // From a quarter of a second to over two hours.
            wait_seconds: Histogram::new(exponential_buckets(0.25, 2.0, 16)),
            waiting: Gauge::default(),
            conflicts: Counter::default(),
        };
        let m = &metrics;
        registry.register("desk_offers", "Agents asked about a call", m.offers.clone());
        registry.register("desk_answered", "Calls answered by agents", m.answered.clone());
        registry.register("desk_rejected", "Offers that agents rejected", m.rejected.clone());
        registry.register("desk_missed", "Offers that agents did not answer", m.missed.clone());
        let help = "Customers who gave up before anybody answered";
        registry.register("desk_abandoned", help, m.abandoned.clone());
        let help = "Calls that ended unanswered, by code";
        registry.register("desk_unanswered", help, m.failed.clone());
        let help = "How long those waited whom an agent answered";
        registry.register("desk_wait_seconds", help, m.wait_seconds.clone());
        registry.register("desk_waiting", "Customers who wait now", m.waiting.clone());
        let help = "Steps taken anew because another node was faster";
        registry.register("desk_conflicts", help, m.conflicts.clone());
        metrics
    }

    pub(super) fn count(&self, count: Count) {
        match count {
            Count::Offered => self.offers.inc(),
            Count::Answered(waited) => {
                self.wait_seconds.observe(waited.as_secs_f64());
                self.answered.inc()
            }
            Count::Rejected => self.rejected.inc(),
            Count::Missed => self.missed.inc(),
            Count::Abandoned => self.abandoned.inc(),
            Count::Failed(code) => self.failed.get_or_create(&Ended { code }).inc(),
        };
    }
}
