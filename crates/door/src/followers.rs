//! Following conversations on behalf of whoever has no connection of their own.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use maru_activity::ConversationId;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Tasks that follow conversations for a while, at most one a conversation and so many in all. A
/// channel whose users have no socket learns by one of what the bot says later.
#[derive(Clone)]
pub struct Followers {
    shared: Arc<Shared>,
}

struct Shared {
    max: usize,
    all: Mutex<HashMap<ConversationId, Followed>>,
    count: AtomicU64,
    stopping: CancellationToken,
}

#[derive(Clone, Copy)]
struct Followed {
    until: Instant,
    /// Which task it is: one that ends must not forget the next.
    task: u64,
}

impl Followers {
    /// At most `max` of them, until the server stops.
    pub fn new(max: usize, stopping: CancellationToken) -> Self {
        Self {
            shared: Arc::new(Shared {
                max,
                all: Mutex::default(),
                count: AtomicU64::new(0),
                stopping,
            }),
        }
    }

    /// Follows a conversation for so long from now on: by the task that does already, else by this
    /// one. Says whether it is followed; it is not where there are too many, or the server stops.
    ///
    /// The task ends when [`Following::over`] does, or by itself.
    pub fn follow<F>(
        &self,
        conversation: &ConversationId,
        span: Duration,
        task: impl FnOnce(Following) -> F,
    ) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.shared.stopping.is_cancelled() {
            return false;
        }
        let until = Instant::now() + span;
        let mut all = self.shared.all.lock();
        if let Some(known) = all.get_mut(conversation) {
            known.until = known.until.max(until);
            return true;
        }
        if all.len() >= self.shared.max {
            return false;
        }
        let number = self.shared.count.fetch_add(1, Ordering::Relaxed);
        all.insert(conversation.clone(), Followed { until, task: number });
        drop(all);
        let (shared, id) = (Arc::clone(&self.shared), conversation.clone());
        tokio::spawn(task(Following { shared, id, task: number }));
        true
    }

    /// Whether a conversation is followed now.
    pub fn is_following(&self, conversation: &ConversationId) -> bool {
        self.shared.all.lock().contains_key(conversation)
    }

    /// How many conversations are followed now.
    pub fn len(&self) -> usize {
        self.shared.all.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Followers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followers").field("now", &self.len()).finish_non_exhaustive()
    }
}

/// A conversation being followed. It is not any more when this is dropped.
pub struct Following {
    shared: Arc<Shared>,
    id: ConversationId,
    task: u64,
}

impl Following {
    /// Ends when the time is over, or the server stops. Nobody who asks for the conversation to be
    /// followed after that believes that this task still does.
    pub async fn over(&self) {
        while let Some(until) = self.until() {
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = self.shared.stopping.cancelled() => return,
            }
        }
    }

    fn until(&self) -> Option<Instant> {
        let mut all = self.shared.all.lock();
        let own = all.get(&self.id).copied().filter(|known| known.task == self.task)?;
        if own.until > Instant::now() {
            return Some(own.until);
        }
        all.remove(&self.id);
        None
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut all = self.shared.all.lock();
        if all.get(&self.id).is_some_and(|known| known.task == self.task) {
            all.remove(&self.id);
        }
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("conversation", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_conversation_is_followed_once_and_for_as_long_as_was_asked_last() {
        let stopping = CancellationToken::new();
        let followers = Followers::new(1, stopping.clone());
        let second = Duration::from_secs(1);
        let (one, other) = (ConversationId::from("1"), ConversationId::from("2"));
        assert!(followers.follow(&one, second, |following| async move { following.over().await }));
        assert!(!followers.follow(&other, second, |_| async {}), "there is room for one");
        tokio::time::sleep(second / 2).await;
        assert!(followers.follow(&one, second, |_| async { unreachable!("it is followed") }));
        tokio::time::sleep(second * 3 / 4).await;
        assert_eq!(followers.len(), 1);
        tokio::time::sleep(second).await;
        assert!(followers.is_empty());
        // One that ends by itself makes room too.
        assert!(followers.follow(&other, second, |_| async {}));
        tokio::task::yield_now().await;
        assert!(followers.is_empty());
        stopping.cancel();
        assert!(!followers.follow(&one, second, |_| async {}));
    }
}
