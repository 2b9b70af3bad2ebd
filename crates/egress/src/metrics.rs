//! What is counted, and the one line that every call leaves in the trace.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use crate::{Answer, Failure};

/// Upper bounds in seconds, from a bot on this machine to the longest deadline in use.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    purpose: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPurpose {
    purpose: &'static str,
}

#[derive(Clone, Debug)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

/// Every label value is a constant of the program, so the number of series is bounded.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    calls: Family<ByOutcome, Counter>,
    seconds: Family<ByPurpose, Histogram, Seconds>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let calls = Family::default();
        let seconds = Family::new_with_constructor(Seconds);
        registry.register(
            "egress_calls",
            "Outgoing calls by purpose and outcome: the class of the status, or the failure",
            calls.clone(),
        );
        registry.register_with_unit(
            "egress_call",
            "Duration of outgoing calls by purpose, waiting for the host's limit included",
            Unit::Seconds,
            seconds.clone(),
        );
        Self { calls, seconds }
    }

    fn count(&self, purpose: &'static str, outcome: &'static str, took: Duration) {
        self.calls.get_or_create(&ByOutcome { purpose, outcome }).inc();
        self.seconds.get_or_create(&ByPurpose { purpose }).observe(took.as_secs_f64());
    }
}

/// One call while it runs. Dropped unfinished, it is counted as given up by its caller.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    metrics: &'a Metrics,
    purpose: &'static str,
    host: Arc<str>,
    started: Instant,
    finished: bool,
}

impl<'a> Record<'a> {
    pub(crate) fn start(metrics: &'a Metrics, purpose: &'static str, host: Arc<str>) -> Self {
        Self { metrics, purpose, host, started: Instant::now(), finished: false }
    }

    /// Counts the call and writes its line: never the path or the query, which can be capabilities.
    pub(crate) fn finish(mut self, result: &Result<Answer, Failure>) {
        self.finished = true;
        let took = self.started.elapsed();
        let Self { purpose, ref host, .. } = self;
        let duration_ms = milliseconds(took);
        match result {
            Ok(answer) => {
                self.metrics.count(purpose, class(answer.status), took);
                let (status, bytes) = (answer.status.as_u16(), answer.body.len());
                tracing::debug!(purpose, %host, status, duration_ms, bytes, "call answered");
            }
            Err(failure) => {
                self.metrics.count(purpose, failure.outcome(), took);
                tracing::info!(purpose, %host, %failure, duration_ms, "call failed");
            }
        }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let took = self.started.elapsed();
            self.metrics.count(self.purpose, "given_up", took);
            let duration_ms = milliseconds(took);
            tracing::info!(purpose = self.purpose, host = %self.host, duration_ms, "call given up");
        }
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn class(status: http::StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "other",
    }
}
