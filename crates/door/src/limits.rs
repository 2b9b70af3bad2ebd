//! How often something may be done.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// How many keys are kept before those that have recovered are let go for the first time.
const KEYS: usize = 65_536;

/// How often each key (an address, a site …) may do something: `burst` at once, and after that
/// `per_second`.
pub struct RateLimit<K: Clone + Eq + Hash> {
    limiter: RateLimiter<K, HashMapStateStore<K>, DefaultClock>,
    clock: DefaultClock,
    /// At how many keys to look next for those that have recovered.
    look_at: AtomicUsize,
}

impl<K: Clone + Eq + Hash> RateLimit<K> {
    /// With these numbers for every key.
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let clock = DefaultClock::default();
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self {
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            clock,
            look_at: AtomicUsize::new(KEYS),
        }
    }

    /// Notes that `key` does it once more.
    ///
    /// # Errors
    /// How long to wait, when it was too often.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        if self.limiter.len() > self.look_at.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            // Not at every call again, when there are many that have not recovered.
            let next = self.limiter.len().saturating_mul(2).max(KEYS);
            self.look_at.store(next, Ordering::Relaxed);
        }
        self.limiter.check_key(key).map_err(|early| early.wait_time_from(self.clock.now()))
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for RateLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_burst_and_others_are_not_held_up() {
        let limit = RateLimit::new(NonZeroU32::MIN, NonZeroU32::new(3).unwrap());
        for _ in 0..3 {
            assert!(limit.check(&"a").is_ok());
        }
        let wait = limit.check(&"a").unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        assert!(limit.check(&"b").is_ok());
    }
}
