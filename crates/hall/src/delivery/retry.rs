//! The retry rules, as one function of what is known.

use std::time::Duration;

use maru_activity::Timestamp;
use maru_store::{Delivery, Settle};

use crate::Outcome;
use crate::records::DeliverySettings;

/// The waits between the tries of a bot that failed: three tries within about ten seconds.
const AFTER_FAILURE: [Duration; 2] = [Duration::from_millis(1_500), Duration::from_secs(6)];

/// The wait before a bot that cannot be reached is tried again; it doubles from here.
const UNREACHABLE_FIRST: Duration = Duration::from_secs(1);

/// The longest wait before a bot that cannot be reached is tried again.
const UNREACHABLE_MAX: Duration = Duration::from_secs(15 * 60);

/// What an attempt knows beside its outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The time now.
    pub(super) now: Timestamp,
    /// How often the bot failed at this delivery before (not: was not reached).
    pub(super) failures_before: u32,
    /// Whether an answer of the turn has come.
    pub(super) answered: bool,
    /// Random, from 0 to 1: spreads the waits.
    pub(super) jitter: f64,
}

/// How a delivery goes on after an attempt (design: "Retry rules").
pub(super) fn decide(
    outcome: &Outcome,
    delivery: &Delivery,
    settings: &DeliverySettings,
    known: Known,
) -> Settle {
    if matches!(outcome, Outcome::Taken { .. }) {
        return Settle::Settled;
    }
    if delivery.once {
        return Settle::Dead(describe(outcome));
    }
    match outcome {
        Outcome::Taken { .. } => Settle::Settled,
        Outcome::Refused { .. } => Settle::Dead(describe(outcome)),
        Outcome::Unreachable { .. } => {
            let wait = backoff(delivery.attempts, known.jitter);
            within_schedule(wait, outcome, delivery, settings, known.now)
        }
        Outcome::Later { after, .. } => {
            let wait = after.unwrap_or_else(|| backoff(delivery.attempts, known.jitter));
            within_schedule(wait, outcome, delivery, settings, known.now)
        }
        Outcome::TimedOut if !settings.retry_timeouts => Settle::Dead(describe(outcome)),
        Outcome::Failed { .. } | Outcome::TimedOut => {
            let tries = usize::try_from(known.failures_before).unwrap_or(usize::MAX);
            match AFTER_FAILURE.get(tries) {
                Some(wait) if !known.answered => {
                    Settle::Retry(known.now.after(spread(*wait, known.jitter)))
                }
                Some(_) => Settle::Dead(format!("{} after it had answered", describe(outcome))),
                None => Settle::Dead(describe(outcome)),
            }
        }
    }
}

fn within_schedule(
    wait: Duration,
    outcome: &Outcome,
    delivery: &Delivery,
    settings: &DeliverySettings,
    now: Timestamp,
) -> Settle {
    let end = delivery.created_at.after(Duration::from_secs(settings.retry_for_secs));
    let next = now.after(wait);
    // A replayed dead letter begins its schedule anew; it was created long ago.
    if next <= end || delivery.replay {
        Settle::Retry(next)
    } else {
        Settle::Dead(format!("the schedule is used up; {}", describe(outcome)))
    }
}

/// 1 s, 2 s, 4 s … 15 min, each spread over ±25 %.
fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doubled = UNREACHABLE_FIRST.saturating_mul(1_u32 << attempts.min(10));
    spread(doubled.min(UNREACHABLE_MAX), jitter)
}

fn spread(wait: Duration, jitter: f64) -> Duration {
    wait.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
}

fn describe(outcome: &Outcome) -> String {
    outcome.cause().to_owned()
}

#[cfg(test)]
mod tests {
    use maru_activity::DeliveryId;
    use maru_store::DeliveryState;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn delivery(attempts: u32) -> Delivery {
        Delivery {
            id: DeliveryId(uuid::Uuid::nil()),
            realm: "r".into(),
            conversation: "c".into(),
            seq: 0,
            bot: "b".into(),
            state: DeliveryState::Open,
            once: false,
            replay: false,
            attempts,
            created_at: NOW,
            due_at: NOW,
            cause: None,
            lease: 0,
        }
    }

    fn known() -> Known {
        Known { now: NOW, failures_before: 0, answered: false, jitter: 0.5 }
    }

    fn secs(settle: &Settle) -> u64 {
        match settle {
            Settle::Retry(at) => at.since(NOW).as_secs(),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_have_reached_the_bot_is_tried_for_a_day() {
        let (settings, down) = (
            DeliverySettings::default(),
            Outcome::Unreachable { cause: "refused".into(), status: None },
        );
        let waits: Vec<u64> =
            (0..12).map(|n| secs(&decide(&down, &delivery(n), &settings, known()))).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        let late = Known { now: NOW.after(Duration::from_secs(86_400)), ..known() };
        assert!(matches!(decide(&down, &delivery(99), &settings, late), Settle::Dead(_)));
    }

    #[test]
    fn retry_after_is_honored() {
        let outcome = Outcome::Later { after: Some(Duration::from_secs(77)), cause: "429".into() };
        let settings = DeliverySettings::default();
        assert_eq!(secs(&decide(&outcome, &delivery(0), &settings, known())), 77);
    }

    #[test]
    fn a_bot_that_fails_gets_three_tries_unless_it_has_answered() {
        let failed = Outcome::Failed { cause: "500".into(), status: Some(500) };
        let settings = DeliverySettings::default();
        let after = |failures_before, answered| {
            let known = Known { failures_before, answered, ..known() };
            decide(&failed, &delivery(failures_before), &settings, known)
        };
        assert!(matches!(after(0, false), Settle::Retry(_)));
        assert!(matches!(after(1, false), Settle::Retry(_)));
        assert!(matches!(after(2, false), Settle::Dead(_)));
        assert!(matches!(after(0, true), Settle::Dead(_)));
    }

    #[test]
    fn refusals_and_timeouts_are_dead_at_once_unless_configured() {
        let refused = Outcome::Refused { cause: "400".into(), status: Some(400) };
        let mut settings = DeliverySettings::default();
        assert!(matches!(decide(&refused, &delivery(0), &settings, known()), Settle::Dead(_)));
        let Settle::Dead(cause) = decide(&Outcome::TimedOut, &delivery(0), &settings, known())
        else {
            unreachable!("a timeout is not retried by default");
        };
        assert_eq!(cause, "timed out, may have been handled");
        settings.retry_timeouts = true;
        let settle = decide(&Outcome::TimedOut, &delivery(0), &settings, known());
        assert!(matches!(settle, Settle::Retry(_)));
    }

    #[test]
    fn what_is_tried_once_is_never_tried_again() {
        let once = Delivery { once: true, ..delivery(0) };
        let settings = DeliverySettings::default();
        for outcome in [
            Outcome::Unreachable { cause: String::new(), status: None },
            Outcome::Later { after: None, cause: String::new() },
            Outcome::Failed { cause: String::new(), status: None },
        ] {
            assert!(matches!(decide(&outcome, &once, &settings, known()), Settle::Dead(_)));
        }
        assert_eq!(decide(&Outcome::taken(), &once, &settings, known()), Settle::Settled);
    }
}
