//! The portal's clock: the machine's, or set aside from it by an administrator.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kortlab_issuer::clock::{Clock, Timestamp};

/// A clock that runs on from wherever it is set. Clones show the same time. A restart of the
/// portal brings it back to the time of the clock beneath.
#[derive(Clone)]
pub struct PortalClock {
    beneath: Arc<dyn Clock + Sync>,
    /// Seconds to add to the clock beneath.
    aside: Arc<AtomicI64>,
}

impl PortalClock {
    /// Shows what the clock `beneath` shows, until it is set.
    pub fn over(beneath: impl Clock + Sync + 'static) -> Self {
        Self {
            beneath: Arc::new(beneath),
            aside: Arc::new(AtomicI64::new(0)),
        }
    }

    /// Sets it to `now`, also backwards; it runs on from there.
    pub fn set(&self, now: Timestamp) {
        let beneath = self.beneath.now().unix_seconds();
        // Timestamps end with the year 9999: their difference fits.
        let aside = now.unix_seconds() as i64 - beneath as i64;
        self.aside.store(aside, Ordering::SeqCst);
    }

    /// Moves it forward.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().after(duration));
    }

    /// Brings it back to the clock beneath.
    pub fn follow(&self) {
        self.aside.store(0, Ordering::SeqCst);
    }

    /// What it would show when the clock beneath shows this.
    pub(crate) fn showing(&self, beneath: Timestamp) -> Timestamp {
        let seconds = beneath.unix_seconds();
        Timestamp::from_unix_seconds(seconds.saturating_add_signed(self.seconds_ahead()))
    }

    /// What the clock beneath shows.
    pub(crate) fn beneath(&self) -> Timestamp {
        self.beneath.now()
    }

    /// Puts it so many seconds ahead of the clock beneath.
    pub(crate) fn put_ahead(&self, seconds: i64) {
        self.aside.store(seconds, Ordering::SeqCst);
    }

    /// By how many seconds it is ahead of the clock beneath; negative if it is behind.
    pub fn seconds_ahead(&self) -> i64 {
        self.aside.load(Ordering::SeqCst)
    }
}

impl Clock for PortalClock {
    fn now(&self) -> Timestamp {
        self.showing(self.beneath())
    }
}

impl fmt::Debug for PortalClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortalClock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use kortlab_issuer::clock::{DAY, FixedClock};

    use super::*;

    #[test]
    fn a_clock_that_is_set_runs_on_and_follows_again() {
        let beneath = FixedClock::at(Timestamp::from_unix_seconds(1_000_000));
        let clock = PortalClock::over(beneath.clone());
        let same = clock.clone();
        clock.advance(DAY);
        beneath.advance(Duration::from_secs(5));
        assert_eq!(same.now().unix_seconds(), 1_086_405);
        assert_eq!(same.seconds_ahead(), 86_400);
        same.set(Timestamp::from_unix_seconds(10));
        assert_eq!(clock.now().unix_seconds(), 10);
        clock.set(Timestamp::from_unix_seconds(u64::MAX));
        assert_eq!(clock.now().to_string(), "9999-12-31T23:59:59Z");
        clock.follow();
        assert_eq!(clock.now(), beneath.now());
    }
}
