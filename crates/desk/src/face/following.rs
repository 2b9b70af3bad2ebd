//! Following the logs of many chats at once.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use maru_activity::ConversationId;
use maru_hall::{Conversation, Error, Event, Subscription};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The chats that one socket follows. Nothing is buffered: each has at most one event at hand.
#[derive(Default)]
pub(super) struct Following {
    /// Never locked: a future that is only sent, and not shared, can be in what is shared by this.
    waits: Mutex<FuturesUnordered<BoxFuture<'static, Option<Heard>>>>,
    begun: u64,
}

/// What came of one of them.
pub(super) struct Heard {
    /// The chat.
    pub(super) conversation: Arc<Conversation>,
    /// What came.
    pub(super) event: Result<Event, Error>,
    on: Followed,
}

impl Heard {
    /// The chat's id.
    pub(super) fn call(&self) -> &ConversationId {
        &self.conversation.id
    }
}

/// One that is followed, for as long as this lives.
struct Followed {
    number: u64,
    subscription: Subscription,
    stopped: oneshot::Receiver<()>,
}

/// Follows a chat for as long as it lives.
#[derive(Debug)]
pub(super) struct Follow {
    number: u64,
    _stop: oneshot::Sender<()>,
}

impl Follow {
    /// Whether that is what it heard, and not what an earlier one did.
    pub(super) fn heard(&self, heard: &Heard) -> bool {
        self.number == heard.on.number
    }
}

impl Following {
    /// Follows one more.
    pub(super) fn follow(
        &mut self,
        conversation: Arc<Conversation>,
        subscription: Subscription,
    ) -> Follow {
        let (stop, stopped) = oneshot::channel();
        self.begun += 1;
        let number = self.begun;
        self.wait(conversation, Followed { number, subscription, stopped });
        Follow { number, _stop: stop }
    }

    /// Goes on with one whose event was seen to.
    pub(super) fn go_on(&mut self, heard: Heard) {
        self.wait(heard.conversation, heard.on);
    }

    fn wait(&mut self, conversation: Arc<Conversation>, mut on: Followed) {
        self.waits.get_mut().push(Box::pin(async move {
            let event = tokio::select! {
                // Whoever followed it does so no more.
                _ = &mut on.stopped => return None,
                event = on.subscription.next() => event,
            };
            Some(Heard { conversation, event, on })
        }));
    }

    /// What comes next. Never ends; may be dropped and called again.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            match self.waits.get_mut().next().await {
                Some(Some(heard)) => return heard,
                Some(None) => {}
                None => std::future::pending().await,
            }
        }
    }
}
