//! What is known of the store, and as of when: an OCSP answer says no later time than that (RFC 6960
//! §2.4: thisUpdate is the most recent time at which the status is known to have been correct).

use core::time::Duration;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::ocsp::ANSWER_VALIDITY;

/// For how long answers are given without knowing more: they say as of when they are.
const PATIENCE: Duration = Duration::from_secs(ANSWER_VALIDITY.as_secs() / 2);
/// A store of which nothing was heard for so long is one that hangs.
const SILENCE: Duration = Duration::from_secs(30);

/// When the store was known last to be as this program knows it, by the machine's clock.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// In seconds since the Unix epoch.
    as_of: AtomicU64,
    /// Whether another portal is known to have the store.
    is_taken: AtomicBool,
}

impl Hold {
    /// What this program knows was so at this time, or is newer. The time is one before the store
    /// was asked.
    pub(crate) fn is_good_as_of(&self, time: Timestamp) {
        self.as_of.store(time.unix_seconds(), Ordering::SeqCst);
        self.is_taken.store(false, Ordering::SeqCst);
    }

    /// Another portal has the store: what is known here is known to be old.
    pub(crate) fn is_taken(&self) {
        self.is_taken.store(true, Ordering::SeqCst);
    }

    /// When what is known was so.
    pub(crate) fn as_of(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.as_of.load(Ordering::SeqCst))
    }

    /// Whether too little is known of the present to say what a certificate is worth.
    pub(crate) fn is_behind(&self, now: Timestamp) -> bool {
        self.is_taken.load(Ordering::SeqCst) || now > self.as_of().after(PATIENCE)
    }

    /// Whether the store has not answered for longer than it should take.
    pub(crate) fn is_silent(&self, now: Timestamp) -> bool {
        now > self.as_of().after(SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_good_for_half_an_hour_or_until_another_has_the_store() {
        let hold = Hold::default();
        let time = Timestamp::from_unix_seconds(1_800_000_000);
        assert!(hold.is_behind(time), "nothing is known yet");
        hold.is_good_as_of(time);
        assert_eq!(hold.as_of(), time);
        assert!(!hold.is_silent(time.after(Duration::from_secs(30))));
        assert!(hold.is_silent(time.after(Duration::from_secs(31))));
        assert!(!hold.is_behind(time.after(Duration::from_secs(1800))));
        assert!(hold.is_behind(time.after(Duration::from_secs(1801))));
        hold.is_taken();
        assert!(hold.is_behind(time));
        hold.is_good_as_of(time);
        assert!(!hold.is_behind(time));
    }
}
