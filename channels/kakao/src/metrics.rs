//! The numbers of Kakao's protocols.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// Users' messages.
    pub(crate) messages: Counter,
    /// Those that were answered with a request for patience.
    pub(crate) late: Counter,
    /// Answers by callback.
    pub(crate) callbacks: Counter,
    /// Answers by events.
    pub(crate) events: Counter,
    /// Callbacks and events that Kakao did not take.
    pub(crate) failed: Counter,
    /// What was not shown as the bot meant it.
    pub(crate) dropped: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = &metrics;
        registry.register("kakao_messages", "Messages of KakaoTalk users", m.messages.clone());
        registry.register(
            "kakao_late_answers",
            "Messages of KakaoTalk users that the bot had not answered in time",
            m.late.clone(),
        );
        registry.register("kakao_callbacks", "Answers given by callback", m.callbacks.clone());
        registry.register("kakao_events", "Answers pushed by the Event API", m.events.clone());
        registry.register(
            "kakao_pushes_failed",
            "Callbacks and events that Kakao did not take",
            m.failed.clone(),
        );
        registry.register(
            "kakao_degraded",
            "Parts of answers that KakaoTalk cannot show as the bot meant them",
            m.dropped.clone(),
        );
        metrics
    }
}
