//! The numbers of TalkTalk.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// Events of users.
    pub(crate) events: Counter,
    /// Events that are nobody's words, or not the bot's to answer.
    pub(crate) ignored: Counter,
    /// Bubbles that were sent.
    pub(crate) sent: Counter,
    /// Bubbles that were refused for good.
    pub(crate) refused: Counter,
    /// Sends that were given up for now.
    pub(crate) failed: Counter,
    /// Conversations that could not be followed, since too many are.
    pub(crate) unfollowed: Counter,
    /// What was not shown as the bot meant it.
    pub(crate) dropped: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let m = &metrics;
        registry.register("naver_events", "Events of TalkTalk users", m.events.clone());
        registry.register(
            "naver_events_ignored",
            "TalkTalk events that the bot is not told of",
            m.ignored.clone(),
        );
        registry.register("naver_sent", "Bubbles sent to TalkTalk users", m.sent.clone());
        registry.register("naver_refused", "Bubbles that TalkTalk refused", m.refused.clone());
        registry.register(
            "naver_sends_failed",
            "Times that sending to TalkTalk was given up until the user's next word",
            m.failed.clone(),
        );
        registry.register(
            "naver_unfollowed",
            "Words of users whose conversation could not be followed",
            m.unfollowed.clone(),
        );
        registry.register(
            "naver_degraded",
            "Parts of answers that TalkTalk cannot show as the bot meant them",
            m.dropped.clone(),
        );
        metrics
    }
}
