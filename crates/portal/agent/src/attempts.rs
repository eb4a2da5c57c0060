//! How many wrong PINs a portal may cause.
//!
//! A card counts its tries by itself, and is blocked when they are used up. A page that asks for a
//! PIN again and again could have its visitor do just that, so wrong PINs are counted here as
//! well, for each portal over a stretch of time. The card's last try is never used; that is seen
//! to where the PIN is verified.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::origin::Origin;

/// The wrong PINs of late, by the portal on whose behalf they were typed.
#[derive(Debug)]
pub(crate) struct Attempts {
    most: usize,
    window: Duration,
    wrong: Mutex<HashMap<Origin, VecDeque<Instant>>>,
}

impl Attempts {
    /// At most `most` wrong PINs for one portal within `window`.
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        Self {
            most,
            window,
            wrong: Mutex::default(),
        }
    }

    /// How long it takes from `now` until this portal may ask for a PIN again; `None` if it may.
    pub(crate) fn wait(&self, origin: &Origin, now: Instant) -> Option<Duration> {
        self.of(origin, now, |wrong| {
            let oldest = wrong.front().filter(|_| wrong.len() >= self.most)?;
            Some(self.window.saturating_sub(now.duration_since(*oldest)))
        })
    }

    /// Counts a wrong PIN.
    pub(crate) fn count(&self, origin: &Origin, now: Instant) {
        self.of(origin, now, |wrong| {
            // As many as decide are kept; the number of portals is that of the list.
            if wrong.len() >= self.most {
                wrong.pop_front();
            }
            wrong.push_back(now);
        });
    }

    /// The wrong PINs of one portal that still count.
    fn of<T>(
        &self,
        origin: &Origin,
        now: Instant,
        work: impl FnOnce(&mut VecDeque<Instant>) -> T,
    ) -> T {
        let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = all.entry(origin.clone()).or_default();
        wrong.retain(|at| now.duration_since(*at) < self.window);
        work(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_pins_count_for_one_portal_and_for_a_while() {
        let window = Duration::from_secs(15 * 60);
        let attempts = Attempts::new(2, window);
        let origin = |text: &str| text.parse::<Origin>().expect("an origin");
        let one = origin("https://one.example");
        let other = origin("https://other.example");
        let start = Instant::now();
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        attempts.count(&one, start);
        assert_eq!(attempts.wait(&one, start), None);
        attempts.count(&one, after(5));
        assert_eq!(
            attempts.wait(&one, after(5)),
            Some(window - Duration::from_secs(300))
        );
        assert_eq!(attempts.wait(&other, after(5)), None);
        assert_eq!(attempts.wait(&one, after(15)), None);
        // The second still counts, so one more is enough.
        attempts.count(&one, after(15));
        assert_eq!(
            attempts.wait(&one, after(16)),
            Some(Duration::from_secs(240))
        );
    }
}
