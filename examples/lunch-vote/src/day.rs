//! Days, as those who vote count them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time. It is handed in, so that a test can let days pass.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Asia/Seoul is nine hours ahead of UTC, all the year round.
const SEOUL_AHEAD_SECS: u64 = 9 * 3_600;

const DAY_SECS: u64 = 86_400;

/// The day in Seoul, counted from the Unix epoch. It ends at midnight there.
pub(crate) fn day_in_seoul(now: SystemTime) -> i64 {
    let secs = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(secs.saturating_add(SEOUL_AHEAD_SECS) / DAY_SECS).unwrap_or(i64::MAX)
}
