//! The numbers of Kore's protocol.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// Sockets that are open.
    pub(crate) sockets: Gauge,
    /// Frames that were sent.
    pub(crate) frames: Counter,
    /// Access tokens that were given out.
    pub(crate) grants: Counter,
    /// Assertions that were refused.
    pub(crate) refused: Counter,
    /// Files that were uploaded.
    pub(crate) uploads: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = &metrics;
        registry.register("kore_sockets_open", "Kore RTM sockets that are open", m.sockets.clone());
        registry.register(
            "kore_frames_sent",
            "Frames sent over Kore RTM sockets",
            m.frames.clone(),
        );
        registry.register("kore_grants", "Kore access tokens given out", m.grants.clone());
        registry.register(
            "kore_assertions_refused",
            "JWT assertions of Kore clients that were refused",
            m.refused.clone(),
        );
        registry.register("kore_uploads", "Files uploaded by Kore clients", m.uploads.clone());
        metrics
    }
}
