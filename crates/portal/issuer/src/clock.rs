//! Time, injected: what the authority and the portal take as "now".

use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use der::DateTime;
use serde::{Deserialize, Serialize};
use x509_cert::time::Time;

/// The last second an X.509 time can hold: 9999-12-31 23:59:59 (RFC 5280 §4.1.2.5).
const LAST_SECOND: u64 = 253_402_300_799;

/// A point in time: whole seconds since 1970-01-01 00:00:00 UTC, at most until the end of the
/// year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Timestamp(u64);

impl Timestamp {
    /// The point `seconds` after the Unix epoch; later than the year 9999 becomes its end.
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self(if seconds > LAST_SECOND {
            LAST_SECOND
        } else {
            seconds
        })
    }

    /// Midnight UTC at the start of a day, or `None` if there is no such day since 1970.
    pub fn from_date(year: u16, month: u8, day: u8) -> Option<Self> {
        let date = DateTime::new(year, month, day, 0, 0, 0).ok()?;
        Some(Self::from_unix_seconds(date.unix_duration().as_secs()))
    }

    /// Seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> u64 {
        self.0
    }

    /// The point `duration` later.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self::from_unix_seconds(self.0.saturating_add(duration.as_secs()))
    }

    /// The point `duration` earlier; not earlier than the epoch.
    #[must_use]
    pub const fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }

    /// The start of this day, UTC.
    #[must_use]
    pub const fn midnight(self) -> Self {
        Self(self.0 - self.0 % DAY.as_secs())
    }

    /// As an X.509 time: UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5).
    pub(crate) fn to_x509(self) -> Result<Time, der::Error> {
        DateTime::from_unix_duration(Duration::from_secs(self.0)).map(Time::from)
    }

    /// From an X.509 time.
    pub(crate) fn from_x509(time: Time) -> Self {
        Self::from_unix_seconds(time.to_unix_duration().as_secs())
    }
}

impl From<u64> for Timestamp {
    /// As [`Timestamp::from_unix_seconds`].
    fn from(seconds: u64) -> Self {
        Self::from_unix_seconds(seconds)
    }
}

impl From<Timestamp> for u64 {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

/// One day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl fmt::Display for Timestamp {
    /// ISO 8601, UTC: `2026-11-24T06:30:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.0)) {
            Ok(date) => date.fmt(f),
            Err(_) => write!(f, "{} s after the epoch", self.0),
        }
    }
}

/// Where "now" comes from.
pub trait Clock: Send {
    /// The present.
    fn now(&self) -> Timestamp;
}

impl<T: Clock + ?Sized> Clock for Box<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is taken as 1970: every certificate is then "not yet valid", which
        // says what is wrong.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix_seconds(since.as_secs())
    }
}

/// A clock that stands still until it is set. Clones show the same time.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<AtomicU64>);

impl FixedClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.unix_seconds())))
    }

    /// Sets it, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_seconds(), Ordering::SeqCst);
    }

    /// Moves it forward.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().after(duration));
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_iso_8601_and_stay_within_x509() {
        let date = Timestamp::from_date(2026, 11, 24).unwrap();
        assert_eq!(date.to_string(), "2026-11-24T00:00:00Z");
        assert_eq!(date.unix_seconds(), 1_795_478_400);
        assert_eq!(date.after(Duration::from_secs(90)).midnight(), date);
        let end = Timestamp::from_unix_seconds(u64::MAX).after(DAY);
        assert_eq!(end.to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_date(2023, 2, 29), None);
        assert!(end.to_x509().is_ok());
    }

    #[test]
    fn clones_of_a_fixed_clock_show_the_same_time() {
        let clock = FixedClock::at(Timestamp::from_unix_seconds(100));
        let other = clock.clone();
        clock.advance(DAY);
        assert_eq!(other.now().unix_seconds(), 86_500);
        other.set(Timestamp::from_unix_seconds(5));
        assert_eq!(clock.now().unix_seconds(), 5);
    }

    #[test]
    fn the_system_clock_is_past_the_day_this_was_written() {
        assert!(SystemClock.now() > Timestamp::from_date(2024, 1, 1).unwrap());
    }
}
