//! Wall-clock time as the log keeps it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: microseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This long after.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This long before.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `earlier` to this; zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// ISO 8601 in UTC with seven fractional digits, as Direct Line writes it:
/// `2016-12-02T12:18:51.0051607Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_microsecond(self.0);
        let time = jiff::tz::Offset::UTC.to_datetime(time.unwrap_or(jiff::Timestamp::UNIX_EPOCH));
        // By hand, since every activity and every line of the log has one.
        let mut text = *b"0000-00-00T00:00:00.0000000Z";
        let parts = [
            (0..4, u32::from(time.year().unsigned_abs())),
            (5..7, u32::from(time.month().unsigned_abs())),
            (8..10, u32::from(time.day().unsigned_abs())),
            (11..13, u32::from(time.hour().unsigned_abs())),
            (14..16, u32::from(time.minute().unsigned_abs())),
            (17..19, u32::from(time.second().unsigned_abs())),
            (20..27, time.subsec_nanosecond().unsigned_abs() / 100),
        ];
        for (place, mut number) in parts {
            for digit in text[place].iter_mut().rev() {
                *digit += (number % 10) as u8;
                number /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_with_seven_fraction_digits() {
        let time = Timestamp::from_micros(1_480_681_131_005_160);
        assert_eq!(time.to_string(), "2016-12-02T12:18:51.0051600Z");
    }

    #[test]
    fn arithmetic_saturates() {
        let far = Timestamp::from_micros(i64::MAX);
        assert_eq!(far.after(Duration::from_secs(1)), far);
        assert_eq!(Timestamp::from_secs(1).since(Timestamp::from_secs(2)), Duration::ZERO);
    }
}
