//! Telling how far it has come.

use std::time::Duration;

use tokio::time::Instant;

use crate::terminal::complain;

/// How often it is told.
const EVERY: Duration = Duration::from_secs(2);

/// Tells on the standard error how far a long piece of work has come.
#[derive(Debug)]
pub struct Progress {
    quiet: bool,
    what: String,
    done: u64,
    total: u64,
    /// How much was done when this began: what was there already says nothing of the speed.
    before: u64,
    began: Instant,
    told: Instant,
}

impl Progress {
    /// Tells nothing if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let now = Instant::now();
        let (done, total, before) = (0, 0, 0);
        Self { quiet, what: String::new(), done, total, before, began: now, told: now }
    }

    /// Begins with something of which `total` is to be done, and `done` is already.
    pub(super) fn begin(&mut self, what: impl Into<String>, done: u64, total: u64) {
        let now = Instant::now();
        (self.what, self.done, self.total) = (what.into(), done, total);
        (self.before, self.began, self.told) = (done, now, now);
    }

    /// More was done.
    pub(super) fn add(&mut self, more: u64) {
        self.done += more;
        if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            self.tell();
        }
    }

    /// It is done.
    pub(super) fn end(&self) {
        if self.done > self.before {
            self.tell();
        }
    }

    fn tell(&self) {
        if self.quiet {
            return;
        }
        let Self { what, done, total, .. } = self;
        let percent = done.saturating_mul(100).checked_div(*total).unwrap_or(100).min(100);
        let millis = self.began.elapsed().as_millis().max(1);
        let rate = u128::from(done - self.before) * 1_000 / millis;
        complain(format_args!("{what}: {done} of {total} ({percent} %), {rate}/s"));
    }
}
