//! Direct Line's numbers.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// Streams that are open.
    pub(crate) streams: Gauge,
    /// Frames with activities that were sent.
    pub(crate) frames: Counter,
    /// Tokens that were made, renewed ones among them.
    pub(crate) tokens: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = &metrics;
        registry.register(
            "direct_line_streams_open",
            "Direct Line streams that are open",
            m.streams.clone(),
        );
        registry.register(
            "direct_line_frames_sent",
            "Frames with activities sent over Direct Line streams",
            m.frames.clone(),
        );
        registry.register(
            "direct_line_tokens_minted",
            "Direct Line tokens made, renewed ones among them",
            m.tokens.clone(),
        );
        metrics
    }
}
