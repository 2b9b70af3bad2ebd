//! What is lossy: told to whoever listens now, and never logged.

use std::sync::Arc;
use std::time::Duration;

use maru_hints::{Hint, Signal};
use maru_store::{Conversation, Route};

use crate::delivery::CircuitState;
use crate::posting::PostedId;
use crate::{Hall, Handed, Post, Posted};

/// How long a bot may take over a signal.
const BUDGET: Duration = Duration::from_secs(5);

impl Hall {
    /// Passes a signal on: to whoever listens, and once to the bot.
    pub(crate) fn signal(&self, conversation: &Arc<Conversation>, post: &Post) -> Posted {
        let at = self.inner.env.now();
        let id: Box<str> =
            format!("{}|t{}", conversation.id, self.inner.env.base62(11)).into_boxed_str();
        let signal = Signal {
            id: id.clone(),
            at,
            role: post.role,
            sender: post.activity.from.id.as_str().into(),
            body: post.activity.body.clone(),
        };
        self.inner.metrics.signals.inc();
        let hint = Hint::Signal(Arc::new(signal));
        self.inner.hints.tell(&conversation.realm, &conversation.id, hint);
        let handed = Handed {
            delivery: None,
            attempt: 1,
            replay: false,
            conversation: Arc::clone(conversation),
            id: id.clone(),
            at,
            kind: post.activity.kind.clone(),
            role: post.role,
            body: post.activity.body.clone(),
            meta: post.meta.clone(),
            budget: BUDGET,
        };
        if !self.inner.stopping.is_cancelled() {
            let hall = self.clone();
            self.inner.tasks.spawn(async move { hall.hand_signal(handed).await });
        }
        Posted { id: PostedId::Signal(id), at, repeated: false, delivered: None }
    }

    /// Passes a signal to the bot that answers: once, if there is a place, and never mind.
    async fn hand_signal(&self, handed: Handed) {
        let conversation = &handed.conversation;
        let Ok(Route::Bot(bot)) = self.head(conversation).await.map(|head| head.route) else {
            return;
        };
        let Some(bot) = self.inner.directory.bot_entry(&conversation.realm, &bot) else {
            return;
        };
        let settings = &bot.record.delivery;
        let runtime = self.inner.deliveries.runtime(&conversation.realm, &bot.record.id, settings);
        if runtime.circuit() != CircuitState::Closed {
            return;
        }
        if let Ok(_permit) = runtime.place() {
            let budget = handed.budget;
            drop(tokio::time::timeout(budget, bot.bot.deliver(handed)).await);
        }
    }
}
