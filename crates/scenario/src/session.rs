//! When a session is over.

use std::time::Duration;

use maru_activity::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a scenario began again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// There was no session, or it had come to its end.
    New,
    /// The user was silent for too long.
    Timeout,
    /// The caller asked for it.
    Init,
    /// The caller put the user at another node.
    Moved,
    /// The version that the session was pinned to is gone, or its node is.
    ScenarioChanged,
}

impl Restart {
    /// The word for it, as in a turn's JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Timeout => "timeout",
            Self::Init => "init",
            Self::Moved => "moved",
            Self::ScenarioChanged => "scenario_changed",
        }
    }
}

/// One stretch of talking, pinned to the version of the scenario that it began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// When it began.
    pub started_at: Timestamp,
    /// When the user last said something.
    pub last_message_at: Timestamp,
    /// After how many silent seconds it is over; 0 for never.
    pub timeout_secs: u32,
    /// How many turns there were.
    pub turn: u64,
    /// The version of the scenario.
    pub scenario_version: u64,
}

impl Session {
    /// From when on it is over, if it ever is. At this very moment it still is not.
    pub fn expires_at(&self) -> Option<Timestamp> {
        (self.timeout_secs != 0)
            .then(|| self.last_message_at.after(Duration::from_secs(self.timeout_secs.into())))
    }

    /// Whether the user has been silent for too long. Exactly as long as allowed is not too long:
    /// with 300 s, 300.000 s go on and 300.001 s begin again.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|end| now > end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(silent_micros: i64, timeout_secs: u32) -> bool {
        let session = Session {
            started_at: Timestamp::from_secs(0),
            last_message_at: Timestamp::from_secs(1_000),
            timeout_secs,
            turn: 1,
            scenario_version: 1,
        };
        session.is_over(Timestamp::from_micros(1_000_000_000 + silent_micros))
    }

    #[test]
    fn five_minutes_are_five_minutes() {
        assert!(!after(299_999_000, 300));
        assert!(!after(300_000_000, 300));
        assert!(after(300_000_001, 300));
        assert!(after(300_001_000, 300));
        assert!(!after(-5_000_000, 300), "a clock that ran backwards ends nothing");
        assert!(!after(i64::MAX / 2, 0), "0 is never");
    }
}
