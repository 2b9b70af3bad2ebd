//! The hall's numbers. Labels have a fixed small set; none names a realm, a conversation or a user.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use maru_activity::{Kind, Role};
use maru_store::Receipt;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::Outcome;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Said {
    role: &'static str,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

#[derive(Debug)]
pub(crate) struct Metrics {
    activities: Family<Said, Counter>,
    post_seconds: Histogram,
    repeated: Counter,
    differing: Counter,
    attempts: Family<Ended, Counter>,
    attempt_seconds: Histogram,
    pub(crate) signals: Counter,
    pub(crate) retries: Counter,
    pub(crate) dead_letters: Counter,
    pub(crate) circuits_open: Gauge,
    open: Gauge,
    dead: Gauge,
    oldest_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            activities: Family::default(),
            post_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            repeated: Counter::default(),
            differing: Counter::default(),
            attempts: Family::default(),
            attempt_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            signals: Counter::default(),
            retries: Counter::default(),
            dead_letters: Counter::default(),
            circuits_open: Gauge::default(),
            open: Gauge::default(),
            dead: Gauge::default(),
            oldest_seconds: Gauge::default(),
        };
        let m = &metrics;
        registry.register("maru_activities", "Activities committed", m.activities.clone());
        registry.register(
            "maru_post_seconds",
            "From the call to the answer that the disk has it",
            m.post_seconds.clone(),
        );
        registry.register(
            "maru_posts_repeated",
            "Posts whose client key was used before",
            m.repeated.clone(),
        );
        registry.register(
            "maru_posts_differing",
            "Repeated posts whose body was another one",
            m.differing.clone(),
        );
        registry.register("maru_signals", "Signals passed on", m.signals.clone());
        registry.register("maru_delivery_attempts", "Attempts made", m.attempts.clone());
        registry.register(
            "maru_delivery_attempt_seconds",
            "How long attempts took",
            m.attempt_seconds.clone(),
        );
        registry.register("maru_delivery_retries", "Attempts put off", m.retries.clone());
        registry.register("maru_dead_letters", "Deliveries given up", m.dead_letters.clone());
        registry.register("maru_circuits_open", "Bots left alone now", m.circuits_open.clone());
        registry.register("maru_outbox_open", "Deliveries open now", m.open.clone());
        registry.register("maru_outbox_dead", "Dead letters kept now", m.dead.clone());
        registry.register(
            "maru_outbox_oldest_seconds",
            "How long the oldest open delivery has waited",
            m.oldest_seconds.clone(),
        );
        metrics
    }

    pub(crate) fn posted(&self, role: Role, kind: &Kind, took: Duration, receipt: &Receipt) {
        if receipt.repeated {
            self.repeated.inc();
            if receipt.differs {
                self.differing.inc();
            }
            return;
        }
        let kind = match kind {
            Kind::Message => "message",
            Kind::Typing => "typing",
            Kind::Event => "event",
            Kind::Invoke => "invoke",
            _ => "other",
        };
        self.activities.get_or_create(&Said { role: role.as_str(), kind }).inc();
        self.post_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn attempted(&self, outcome: &Outcome, took: Duration) {
        self.attempts.get_or_create(&Ended { outcome: outcome.word() }).inc();
        self.attempt_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn outbox(&self, open: u64, dead: u64, oldest_seconds: f64) {
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        self.dead.set(i64::try_from(dead).unwrap_or(i64::MAX));
        self.oldest_seconds.set(oldest_seconds);
    }
}
