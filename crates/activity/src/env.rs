//! Time and randomness, handed in so that a test can replay a whole day from a seed.
//!
//! `clippy.toml` bans the direct calls everywhere else.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::Timestamp;

/// The wall clock. Elapsed time and deadlines use the runtime's own monotonic clock instead.
pub trait Clock: Debug + Send + Sync {
    /// The time now, in microseconds since the Unix epoch. It may run backwards.
    fn now(&self) -> Timestamp;

    /// The time since some moment, which goes on evenly whatever the wall clock is put to: two looks at
    /// both tell a wall clock that was put from time that passed. A clock that is never put has no need
    /// of another.
    fn steady(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.now().as_micros()).unwrap_or(0))
    }
}

/// The source of random bytes. What it gives is used for secrets: it must be unpredictable.
pub trait Random: Debug + Send + Sync {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// A clock and a random source, passed around together.
#[derive(Clone, Debug)]
pub struct Env {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<dyn Random>,
}

impl Env {
    /// The machine's own clock and random source.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A time-ordered UUID (version 7), so that ids made one after the other sort together.
    pub fn uuid(&self) -> Uuid {
        let mut tail = [0; 10];
        self.random.fill(&mut tail);
        let ms = u64::try_from(self.now().as_micros() / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &tail).into_uuid()
    }

    /// `length` random characters of `[0-9A-Za-z]`, each worth 5.95 bits.
    pub fn base62(&self, length: usize) -> String {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut text = String::with_capacity(length);
        let mut bytes = [0; 64];
        while text.len() < length {
            self.random.fill(&mut bytes);
            // 248 is the largest multiple of 62 in a byte: what is above would favour low digits.
            for byte in bytes.iter().filter(|byte| **byte < 248) {
                if text.len() < length {
                    text.push(char::from(ALPHABET[usize::from(byte % 62)]));
                }
            }
        }
        text
    }
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else is handed")]
    fn now(&self) -> Timestamp {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn steady(&self) -> Duration {
        FIRST_LOOK.elapsed()
    }
}

/// What the machine's own steady clock is counted from: it tells spans alone.
static FIRST_LOOK: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The operating system's random source, asked for a block at a time: ids are made on the way of
/// every message, and a system call for each would cost more than the rest of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

/// Random bytes that were asked for and not yet given out. What was given is wiped.
struct Block {
    bytes: [u8; 1024],
    given: usize,
}

thread_local! {
    static BLOCK: RefCell<Block> = const { RefCell::new(Block { bytes: [0; 1024], given: 1024 }) };
}

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        BLOCK.with_borrow_mut(|block| {
            if buffer.len() > block.bytes.len() {
                return ask(buffer);
            }
            if block.bytes.len() - block.given < buffer.len() {
                ask(&mut block.bytes);
                block.given = 0;
            }
            let taken = &mut block.bytes[block.given..block.given + buffer.len()];
            buffer.copy_from_slice(taken);
            taken.fill(0);
            block.given += buffer.len();
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the source that everyone else is handed")]
fn ask(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the operating system's random source answers");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_has_the_length_asked_for_and_only_its_alphabet() {
        let env = Env::system();
        for length in [0, 1, 22, 43, 200] {
            let text = env.base62(length);
            assert_eq!(text.len(), length);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
        }
        assert_ne!(env.base62(22), env.base62(22));
    }

    #[test]
    fn uuids_sort_by_time() {
        let env = Env::system();
        let first = env.uuid();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(first < env.uuid());
    }
}
