//! What is counted.

use std::sync::atomic::Ordering;

use async_nats::Client;
use async_nats::connection::State;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) published: Counter,
    pub(crate) received: Counter,
    pub(crate) dropped: Counter,
    pub(crate) own: Counter,
    pub(crate) malformed: Counter,
    pub(crate) subscriptions: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry, client: Client) -> Self {
        let m = Self::default();
        registry.register("hints_published", "Hints handed to the connection", m.published.clone());
        registry.register("hints_received", "Hints of other nodes that came", m.received.clone());
        registry.register(
            "hints_dropped",
            "Hints not carried: no connection, too many, too large, or too old",
            m.dropped.clone(),
        );
        registry.register("hints_own", "Hints that came back and were ignored", m.own.clone());
        registry.register(
            "hints_malformed",
            "Messages that came and were not understood",
            m.malformed.clone(),
        );
        registry.register(
            "hints_subscriptions",
            "Conversations that are listened to on this node",
            m.subscriptions.clone(),
        );
        registry.register_collector(Box::new(Connection(client)));
        m
    }
}

/// How the connection stands, asked for when somebody looks.
#[derive(Debug)]
struct Connection(Client);

impl Collector for Connection {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let connected = ConstGauge::new(i64::from(self.0.connection_state() == State::Connected));
        let metric = encoder.encode_descriptor(
            "hints_connected",
            "Whether hints reach the other nodes now",
            None,
            MetricType::Gauge,
        )?;
        connected.encode(metric)?;
        let connects = self.0.statistics().connects.load(Ordering::Relaxed);
        let reconnects = ConstCounter::new(connects.saturating_sub(1));
        let metric = encoder.encode_descriptor(
            "hints_reconnects",
            "How often the connection was made again",
            None,
            MetricType::Counter,
        )?;
        reconnects.encode(metric)
    }
}
