//! The numbers of the web chat.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Code {
    pub(crate) code: &'static str,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// Sockets that are open.
    pub(crate) sockets: Gauge,
    /// Frames that were sent.
    pub(crate) frames: Counter,
    calls: Family<Outcome, Counter>,
    resumes: Family<Outcome, Counter>,
    refused: Family<Code, Counter>,
    /// Sockets that were closed because their client did not read.
    pub(crate) slow: Counter,
    /// Files that were uploaded.
    pub(crate) uploads: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = &metrics;
        registry.register(
            "web_chat_sockets_open",
            "Web chat sockets that are open",
            m.sockets.clone(),
        );
        registry.register(
            "web_chat_frames_sent",
            "Frames sent to web chat clients",
            m.frames.clone(),
        );
        registry.register(
            "web_chat_calls",
            "Calls of web chat customers, by outcome: begun, repeated, unknown, forbidden",
            m.calls.clone(),
        );
        registry.register(
            "web_chat_resumes",
            "Chats that clients came back to, by outcome: resumed, unknown, refused",
            m.resumes.clone(),
        );
        registry.register(
            "web_chat_refusals",
            "Frames of web chat clients that were refused, by the error's code",
            m.refused.clone(),
        );
        registry.register(
            "web_chat_slow_readers",
            "Web chat sockets closed because their client did not read",
            m.slow.clone(),
        );
        registry.register(
            "web_chat_uploads",
            "Files uploaded by web chat customers",
            m.uploads.clone(),
        );
        metrics
    }

    pub(crate) fn called(&self, outcome: &'static str) {
        self.calls.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn resumed(&self, outcome: &'static str) {
        self.resumes.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.refused.get_or_create(&Code { code }).inc();
    }
}
