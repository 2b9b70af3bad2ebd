//! A webhook that fails again and again is left alone for a while, then tried once.

use tokio::time::Instant;

use crate::limits::{CIRCUIT_REST, FAILURES};

/// How a webhook did lately, as this node saw it.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    failures: u32,
    /// Since it is open: when it may be tried again, and whether somebody does now.
    open: Option<(Instant, bool)>,
}

/// What an outcome did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    Same,
    Opened,
    Closed,
}

impl Circuit {
    /// Whether the webhook may be called now. Of those who ask while it is open one may, once in a
    /// while.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        match &mut self.open {
            None => true,
            Some((at, trying)) if !*trying && now >= *at => {
                *trying = true;
                true
            }
            Some(_) => false,
        }
    }

    /// Notes what came of a call.
    pub(crate) fn note(&mut self, is_well: bool, now: Instant) -> Turned {
        if is_well {
            self.failures = 0;
            return if self.open.take().is_some() { Turned::Closed } else { Turned::Same };
        }
        self.failures = self.failures.saturating_add(1);
        let was_open = self.open.is_some();
        if was_open || self.failures >= FAILURES {
            self.open = Some((now + CIRCUIT_REST, false));
        }
        if !was_open && self.open.is_some() { Turned::Opened } else { Turned::Same }
    }

    /// Gives back an admission that came to no call.
    pub(crate) fn withdraw(&mut self) {
        if let Some((_, trying)) = &mut self.open {
            *trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ten_failures_in_a_row_open_it_and_one_success_closes_it() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());
        for _ in 0..9 {
            assert_eq!(circuit.note(false, now), Turned::Same);
        }
        assert_eq!(circuit.note(true, now), Turned::Same);
        for _ in 0..9 {
            assert_eq!(circuit.note(false, now), Turned::Same);
        }
        assert!(circuit.admits(now));
        assert_eq!(circuit.note(false, now), Turned::Opened);
        assert!(!circuit.admits(now + CIRCUIT_REST - Duration::from_millis(1)));
        let later = now + CIRCUIT_REST;
        assert!(circuit.admits(later));
        assert!(!circuit.admits(later), "one at a time");
        assert_eq!(circuit.note(false, later), Turned::Same);
        assert!(!circuit.admits(later + CIRCUIT_REST / 2));
        assert!(circuit.admits(later + CIRCUIT_REST));
        circuit.withdraw();
        assert!(circuit.admits(later + CIRCUIT_REST));
        assert_eq!(circuit.note(true, later), Turned::Closed);
        assert!(circuit.admits(later));
    }
}
