//! Things to do at a time, which a restart does not forget.
//!
//! A timer is set, moved and cleared by commits ([`TimerWrite`](maru_store::TimerWrite)). When it
//! falls due, whoever registered for its scope is called, on one of the nodes. A node may die at any
//! point of that, and another may believe that it did; so it is the handler's own commit that makes
//! sure that a timer is acted on once:
//!
//! - it clears or moves the timer in the *same* commit that does what was to be done, with
//!   [`TimerWrite::expect`](maru_store::TimerWrite::expect) set to the due time that it was given
//!   ([`Post::timers`](crate::Post::timers), [`Hall::write`]);
//! - [`Error::Conflict`](crate::Error::Conflict) then means that somebody else has acted, or moved
//!   it: it is no failure, and there is nothing left to do;
//! - what does not go through a commit (a call to the network) may be repeated after a crash.
//!
//! A handler that fails, or leaves the timer as it is, is called again a while later.

use std::collections::HashMap;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use maru_activity::{RealmId, Timestamp};
use maru_store::Timer;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Error, Hall};

/// How long the runner sleeps at most.
const IDLE: Duration = Duration::from_secs(1);

/// How many timers are taken in one look.
const BATCH: usize = 256;

/// How many may be in hand at once.
const IN_HAND_MAX: usize = 1_024;

/// The wait before the next look when there is more at once.
const MORE: Duration = Duration::from_millis(20);

/// How long a timer rests whose handler failed or left it as it was.
const REST: Duration = Duration::from_secs(10);

/// Acts on the timers of one scope. See the module's contract: it acts once because its own commit
/// says which timer it saw.
#[async_trait]
pub trait OnTimer: Debug + Send + Sync {
    /// The scope: a protocol or a service.
    fn scope(&self) -> &'static str;

    /// Acts on a timer that is due. Several may be acted on at once, but never one timer twice at
    /// once on one node.
    ///
    /// # Errors
    /// [`Error::Conflict`]: somebody else has acted. Any other: it is tried again later.
    async fn fire(&self, timer: &Timer) -> Result<(), Error>;
}

type Key = (RealmId, String, String);

/// Who acts on timers, and on which ones now.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    handlers: Mutex<HashMap<&'static str, Arc<dyn OnTimer>>>,
    held: Mutex<HashMap<Key, Held>>,
    wake: Notify,
    /// When the earliest timer that was set here falls due.
    soonest: Mutex<Option<Timestamp>>,
}

/// A timer that is not to be taken.
#[derive(Debug)]
struct Held {
    due_at: Timestamp,
    /// `None`: it is in hand.
    rests_until: Option<Instant>,
}

/// What one look came to.
#[derive(Debug, Default)]
struct Look {
    /// How many were due and could not be taken.
    passed_over: usize,
    /// Whether there may be more at once.
    more: bool,
}

impl Timers {
    /// Sees to it that the runner looks at this time at the latest.
    pub(crate) fn wake_at(&self, due: Timestamp) {
        let mut soonest = self.soonest.lock();
        if soonest.is_none_or(|at| due < at) {
            *soonest = Some(due);
            self.wake.notify_one();
        }
    }

    fn in_hand(&self) -> usize {
        self.held.lock().values().filter(|held| held.rests_until.is_none()).count()
    }

    /// Takes a timer in hand, unless it is or rests.
    fn hold(&self, timer: &Timer) -> Option<Key> {
        let key = (timer.realm.clone(), timer.scope.clone(), timer.key.clone());
        let mut held = self.held.lock();
        let now = Instant::now();
        held.retain(|_, held| held.rests_until.is_none_or(|until| until > now));
        // At another time it is another one, but not before the first is out of hand.
        if held.get(&key).is_some_and(|h| h.rests_until.is_none() || h.due_at == timer.due_at) {
            return None;
        }
        held.insert(key.clone(), Held { due_at: timer.due_at, rests_until: None });
        Some(key)
    }
}

impl Hall {
    /// Registers who acts on the timers of a scope; before [`Hall::start`]. A later one for the
    /// same scope takes the place of the first.
    pub fn on_timer(&self, handler: Arc<dyn OnTimer>) {
        self.inner.timers.handlers.lock().insert(handler.scope(), handler);
    }

    /// One look for timers that are due. Those that the last one passed over must not hide the rest.
    async fn look_for_timers(&self, last: &Look) -> Result<Look, Error> {
        let timers = &self.inner.timers;
        if timers.handlers.lock().is_empty() || timers.in_hand() >= IN_HAND_MAX {
            return Ok(Look::default());
        }
        let now = self.inner.env.now();
        timers.soonest.lock().take_if(|at| *at <= now);
        let limit = BATCH + last.passed_over;
        let found = self.inner.store.timers(now, limit).await?;
        let full = found.len() >= limit;
        let all = found.len();
        let mut taken = 0;
        for timer in found {
            let handler = timers.handlers.lock().get(timer.scope.as_str()).cloned();
            if let Some(handler) = handler
                && let Some(key) = timers.hold(&timer)
            {
                let hall = self.clone();
                self.inner.tasks.spawn(async move { hall.fire(&*handler, &timer, key).await });
                taken += 1;
            }
        }
        Ok(Look { passed_over: all - taken, more: full && taken > 0 })
    }

    async fn fire(&self, handler: &dyn OnTimer, timer: &Timer, key: Key) {
        let scope = timer.scope.as_str();
        match AssertUnwindSafe(handler.fire(timer)).catch_unwind().await {
            Ok(Ok(()) | Err(Error::Conflict(_))) => {}
            Ok(Err(error)) => tracing::warn!(scope, %error, "a timer was not acted on"),
            Err(_) => tracing::error!(scope, "whoever acts on a timer panicked"),
        }
        // What was acted on is gone or due later, and this is forgotten. What was left as it was
        // rests, instead of being tried again at once and without end.
        let rests_until = Some(Instant::now() + REST);
        self.inner.timers.held.lock().insert(key, Held { due_at: timer.due_at, rests_until });
    }

    fn next_timer(&self) -> Duration {
        let soonest = *self.inner.timers.soonest.lock();
        soonest.map_or(IDLE, |at| at.since(self.inner.env.now()).min(IDLE))
    }
}

/// Runs until the hall stops.
pub(crate) async fn run(hall: Hall) {
    let mut look = Look::default();
    loop {
        look = match hall.look_for_timers(&look).await {
            Ok(look) => look,
            Err(error) => {
                tracing::warn!(%error, "due timers were not read");
                Look::default()
            }
        };
        let wait = if look.more { MORE } else { hall.next_timer() };
        tokio::select! {
            () = hall.inner.stopping.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            () = hall.inner.timers.wake.notified() => {}
        }
    }
}
