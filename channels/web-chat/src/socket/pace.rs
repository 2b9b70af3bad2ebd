//! How fast a client may send frames.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::FRAMES;

/// A bucket of frames that fills again by itself.
#[derive(Debug)]
pub(super) struct Pace {
    /// From when on the bucket is full.
    full_at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one out; says whether there was one.
    pub(super) fn takes_one(&mut self, now: Instant) -> bool {
        let (per_second, burst) = FRAMES;
        let each = Duration::from_secs(1) / per_second;
        self.full_at = self.full_at.max(now) + each;
        self.full_at - now <= each * burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let (per_second, burst) = FRAMES;
        assert!((0..burst).all(|_| pace.takes_one(start)));
        assert!(!pace.takes_one(start));
        let later = start + Duration::from_secs(2);
        assert_eq!((0..burst).filter(|_| pace.takes_one(later)).count() as u32, 2 * per_second - 1);
    }
}
