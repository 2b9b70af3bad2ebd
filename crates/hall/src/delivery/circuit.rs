//! A bot that fails again and again is left alone for a while, then probed.

use std::collections::HashSet;
use std::time::Duration;

use maru_activity::ConversationId;
use tokio::time::Instant;

use crate::Outcome;
use crate::records::DeliverySettings;

/// How far a probe's wait may grow.
const PROBE_MAX: Duration = Duration::from_secs(60);

/// How many conversations are remembered as told. Beyond that a customer may be told again.
const TOLD_MAX: usize = 100_000;

/// How a bot's circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// The bot is called.
    Closed,
    /// The bot is left alone until the next probe.
    Open,
    /// One attempt is under way, to see whether the bot is back.
    Probing,
}

/// What an attempt's outcome does to the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// Nothing.
    Same,
    /// It opened just now.
    Opened,
    /// It closed just now: what waited may go.
    Closed,
}

#[derive(Debug, Default)]
pub(super) struct Circuit {
    failures: u32,
    open: Option<Open>,
    /// Who was told that the bot is away, since it opened.
    told: HashSet<ConversationId>,
}

#[derive(Debug)]
struct Open {
    probe_at: Instant,
    wait: Duration,
    probing: bool,
}

impl Circuit {
    pub(super) fn state(&self) -> CircuitState {
        match &self.open {
            None => CircuitState::Closed,
            Some(Open { probing: false, .. }) => CircuitState::Open,
            Some(Open { probing: true, .. }) => CircuitState::Probing,
        }
    }

    /// Whether an attempt may be made. While it is open, only one at the time of the probe may.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        match &mut self.open {
            None => true,
            Some(open) if !open.probing && now >= open.probe_at => {
                open.probing = true;
                true
            }
            Some(_) => false,
        }
    }

    /// Whether a probe is wanted now.
    pub(super) fn wants_probe(&self, now: Instant) -> bool {
        self.open.as_ref().is_some_and(|open| !open.probing && now >= open.probe_at)
    }

    /// Gives back an admission that came to no attempt.
    pub(super) fn withdraw(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// Counts an outcome. A refusal shows that the bot is there; it only will not have this one.
    pub(super) fn record(
        &mut self,
        outcome: &Outcome,
        settings: &DeliverySettings,
        now: Instant,
    ) -> Turned {
        let failed = match outcome {
            Outcome::Taken { .. } | Outcome::Refused { .. } | Outcome::Later { .. } => false,
            Outcome::Unreachable { .. } | Outcome::Failed { .. } | Outcome::TimedOut => true,
        };
        if !failed {
            self.failures = 0;
            self.told.clear();
            return if self.open.take().is_some() { Turned::Closed } else { Turned::Same };
        }
        self.failures = self.failures.saturating_add(1);
        match &mut self.open {
            Some(open) if open.probing => {
                open.wait = (open.wait * 2).min(PROBE_MAX);
                open.probe_at = now + open.wait;
                open.probing = false;
                Turned::Same
            }
            // The last of those that were under way when it opened.
            Some(_) => Turned::Same,
            None if self.failures >= settings.circuit_failures => {
                let wait = Duration::from_millis(settings.circuit_probe_ms);
                self.open = Some(Open { probe_at: now + wait, wait, probing: false });
                Turned::Opened
            }
            None => Turned::Same,
        }
    }

    /// Whether this conversation is to be told now that the bot is away: once each time.
    pub(super) fn tell(&mut self, conversation: &ConversationId) -> bool {
        self.open.is_some() && self.told.len() < TOLD_MAX && self.told.insert(conversation.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> Outcome {
        Outcome::Unreachable { cause: "no connection".into(), status: None }
    }

    #[test]
    fn it_opens_after_ten_failures_in_a_row_and_one_probe_goes_through() {
        let settings = DeliverySettings::default();
        let (mut circuit, start) = (Circuit::default(), Instant::now());
        for _ in 0..9 {
            assert_eq!(circuit.record(&down(), &settings, start), Turned::Same);
        }
        assert_eq!(circuit.record(&Outcome::taken(), &settings, start), Turned::Same);
        for _ in 0..9 {
            assert_eq!(circuit.record(&down(), &settings, start), Turned::Same);
        }
        assert!(circuit.admit(start));
        assert_eq!(circuit.record(&down(), &settings, start), Turned::Opened);
        assert!(!circuit.admit(start));

        let probe = start + Duration::from_secs(5);
        assert!(circuit.wants_probe(probe));
        assert!(circuit.admit(probe));
        assert!(!circuit.admit(probe), "one probe at a time");
        assert_eq!(circuit.record(&down(), &settings, probe), Turned::Same);
        assert!(!circuit.admit(probe + Duration::from_secs(9)), "the wait doubles");
        let again = probe + Duration::from_secs(10);
        assert!(circuit.admit(again));
        assert_eq!(circuit.record(&Outcome::taken(), &settings, again), Turned::Closed);
        assert_eq!(circuit.state(), CircuitState::Closed);
    }

    #[test]
    fn a_customer_is_told_once_each_time_it_opens() {
        let settings = DeliverySettings { circuit_failures: 1, ..DeliverySettings::default() };
        let (mut circuit, now, one) = (Circuit::default(), Instant::now(), "c".into());
        assert!(!circuit.tell(&one), "not while it is closed");
        circuit.record(&down(), &settings, now);
        assert!(circuit.tell(&one));
        assert!(!circuit.tell(&one));
        circuit.record(&Outcome::taken(), &settings, now);
        circuit.record(&down(), &settings, now);
        assert!(circuit.tell(&one));
    }
}
