//! Time and randomness that a test decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use maru_activity::Timestamp;
use maru_activity::env::{Clock, Env, Random, SystemClock, SystemRandom};
use parking_lot::Mutex;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock {
    now: AtomicI64,
    /// How far it was moved on, in microseconds.
    steady: AtomicU64,
}

impl FakeClock {
    /// Standing at this time.
    pub fn at(now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.as_micros()), steady: AtomicU64::new(0) }
    }

    /// Moves it on: time passes.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.now.fetch_add(by, Ordering::SeqCst);
        self.steady.fetch_add(by.unsigned_abs(), Ordering::SeqCst);
    }

    /// Puts it, back too: real clocks do that. No time passes.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Duration {
        Duration::from_micros(self.steady.load(Ordering::SeqCst))
    }
}

/// The system's clock, which goes on and can be put forward.
#[derive(Debug, Default)]
pub struct ClockAhead(AtomicI64);

impl ClockAhead {
    /// Puts it forward by so many seconds.
    pub fn by_secs(&self, secs: i64) {
        self.0.fetch_add(secs * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ClockAhead {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.0.load(Ordering::SeqCst))
    }
}

/// A clock that goes on and can be put forward, and the system's randomness, with the clock's own handle.
pub fn env_ahead() -> (Env, Arc<ClockAhead>) {
    let clock = Arc::new(ClockAhead::default());
    (Env { clock: Arc::clone(&clock) as _, random: Arc::new(SystemRandom) }, clock)
}

/// Bytes that follow from a seed (SplitMix64). They are no secret: for tests alone.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// From this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// The next number.
    pub fn next_u64(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// A clock at 2026-01-01T00:00:00Z and randomness from a seed, with the clock's own handle.
pub fn fake_env(seed: u64) -> (Env, Arc<FakeClock>) {
    let clock = Arc::new(FakeClock::at(Timestamp::from_secs(1_767_225_600)));
    let env = Env { clock: Arc::clone(&clock) as _, random: Arc::new(SeededRandom::new(seed)) };
    (env, clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_day() {
        let (one, _) = fake_env(7);
        let (same, _) = fake_env(7);
        let (other, _) = fake_env(8);
        let first = (one.base62(22), one.uuid());
        assert_eq!(first, (same.base62(22), same.uuid()));
        assert_ne!(first, (other.base62(22), other.uuid()));
    }

    #[test]
    fn the_clock_moves_only_when_it_is_told_to() {
        let (env, clock) = fake_env(1);
        let begun = env.now();
        assert_eq!(env.now(), begun);
        clock.advance(Duration::from_secs(90));
        assert_eq!(env.now().since(begun), Duration::from_secs(90));
        let steady = clock.steady();
        clock.set(begun.before(Duration::from_secs(1)));
        assert!(env.now() < begun);
        assert_eq!((steady, clock.steady()), (Duration::from_secs(90), steady));
    }
}
