//! When a partner is called and when it is left alone: one pure step
//! (`kakao-naver-chatflow.md` §1.6, §1.9 rule 11).
//!
//! Failures in a row bring an *outage*: users are told so without a call, until a probe succeeds. Too
//! many failures in one day of Asia/Seoul *stop* the bot until its owner restarts it.

use maru_activity::Timestamp;
use serde::{Deserialize, Serialize};

/// Asia/Seoul is nine hours ahead of UTC, all the year round.
const SEOUL_SECS: i64 = 9 * 3_600;

const DAY_SECS: i64 = 86_400;

/// How a partner stands. Kept in the store, so that all nodes agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// How often in a row the partner failed.
    pub failures_in_a_row: u32,
    /// How often it failed on [`day`](Self::day).
    pub failures_today: u32,
    /// The day that is counted: days since the Unix epoch, in Asia/Seoul.
    pub day: i64,
    /// Since when it is left alone because it failed too often in a row.
    pub outage_since: Option<Timestamp>,
    /// Since when it is stopped because it failed too often in a day. Only its owner sets it going.
    pub stopped_since: Option<Timestamp>,
}

/// What a call came to, or what the owner did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The partner failed.
    Failed,
    /// It answered as it should.
    Succeeded,
    /// Its owner set it going again.
    Restarted,
}

/// What changed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Nothing that anybody need be told of.
    Same,
    /// It is left alone from now on.
    Outage,
    /// It is stopped from now on.
    Stopped,
    /// It is called again.
    Recovered,
}

/// What is set for a bot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How many failures in a row bring an outage.
    pub(crate) outage_failures: u32,
    /// How many failures a day are borne; one more stops the bot.
    pub(crate) daily_failures_max: u32,
}

impl Health {
    /// Whether the partner is called.
    pub fn is_called(&self) -> bool {
        self.outage_since.is_none() && self.stopped_since.is_none()
    }

    /// One step.
    pub(crate) fn step(&self, event: Event, now: Timestamp, rules: Rules) -> (Self, Turned) {
        match event {
            Event::Failed => self.failed(now, rules),
            Event::Succeeded => {
                let next = Self { failures_in_a_row: 0, outage_since: None, ..self.clone() };
                (next, if self.outage_since.is_some() { Turned::Recovered } else { Turned::Same })
            }
            Event::Restarted => {
                let turned = if self.is_called() { Turned::Same } else { Turned::Recovered };
                (Self::default(), turned)
            }
        }
    }

    fn failed(&self, now: Timestamp, rules: Rules) -> (Self, Turned) {
        let mut next = self.clone();
        let today = day_in_seoul(now);
        if next.day != today {
            (next.day, next.failures_today) = (today, 0);
        }
        next.failures_today = next.failures_today.saturating_add(1);
        next.failures_in_a_row = next.failures_in_a_row.saturating_add(1);
        if next.stopped_since.is_some() {
            return (next, Turned::Same);
        }
        if next.failures_today > rules.daily_failures_max {
            (next.stopped_since, next.outage_since) = (Some(now), None);
            return (next, Turned::Stopped);
        }
        if next.outage_since.is_none() && next.failures_in_a_row >= rules.outage_failures {
            next.outage_since = Some(now);
            return (next, Turned::Outage);
        }
        (next, Turned::Same)
    }
}

fn day_in_seoul(now: Timestamp) -> i64 {
    now.as_secs().saturating_add(SEOUL_SECS).div_euclid(DAY_SECS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RULES: Rules = Rules { outage_failures: 10, daily_failures_max: 1_000 };
    const NOON: Timestamp = Timestamp::from_secs(1_000_000);

    fn all(events: &[Event], mut health: Health, now: Timestamp) -> (Health, Turned) {
        let mut turned = Turned::Same;
        for event in events {
            (health, turned) = health.step(*event, now, RULES);
        }
        (health, turned)
    }

    #[test]
    fn the_tenth_failure_in_a_row_is_an_outage_and_a_success_ends_it() {
        let (nine, turned) = all(&[Event::Failed; 9], Health::default(), NOON);
        assert_eq!((nine.is_called(), turned), (true, Turned::Same));
        let (interrupted, _) = all(&[Event::Succeeded, Event::Failed], nine.clone(), NOON);
        assert_eq!(interrupted.failures_in_a_row, 1);
        let (ten, turned) = all(&[Event::Failed], nine, NOON);
        assert_eq!((ten.is_called(), turned), (false, Turned::Outage));
        let (eleven, turned) = all(&[Event::Failed], ten.clone(), NOON);
        assert_eq!((eleven.is_called(), turned), (false, Turned::Same), "it is told once");
        let (well, turned) = all(&[Event::Succeeded], ten.clone(), NOON);
        assert_eq!((well.is_called(), turned), (true, Turned::Recovered));
        assert_eq!(well.failures_today, 10, "a day's failures are counted on");
        assert_eq!(all(&[Event::Restarted], ten, NOON), (Health::default(), Turned::Recovered));
    }

    #[test]
    fn a_thousand_failures_a_day_are_borne_and_one_more_is_not() {
        let day = |mut health: Health, failures: u32, now| {
            let mut stopped = 0;
            for _ in 0..failures {
                let turned;
                (health, turned) = health.step(Event::Failed, now, RULES);
                stopped += u32::from(turned == Turned::Stopped);
                (health, _) = health.step(Event::Succeeded, now, RULES);
            }
            (health, stopped)
        };
        // 1970-01-12T13:46:40Z is 22:46 in Seoul; its day ends 73 min 20 s later.
        let (full, stopped) = day(Health::default(), 1_000, NOON);
        assert_eq!((full.is_called(), stopped), (true, 0));
        let midnight = NOON.after(Duration::from_secs(4_400));
        let (over, stopped) = day(full.clone(), 1, midnight.before(Duration::from_secs(1)));
        assert_eq!((over.is_called(), stopped), (false, 1), "a success does not set it going");
        let (next_day, stopped) = day(full, 1, midnight);
        assert_eq!((next_day.failures_today, stopped), (1, 0));
        let (still, _) = day(over, 5, midnight);
        assert!(!still.is_called(), "nor does another day");
        assert!(all(&[Event::Restarted], still, midnight).0.is_called());
    }
}
