//! What several lists and answers say of one certificate together: [`Verdict`].
//!
//! It does not depend on the order in which they were given.

use crate::certificate::shortest;
use crate::revocation::{Revocation, RevokedEntry};

/// How new something is that was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Age {
    /// thisUpdate, in seconds since the epoch; `None` if it cannot be read.
    since: Option<i64>,
    /// The number of the list (RFC 5280 §5.2.3), in its shortest form; `None` if it has none.
    number: Option<Vec<u8>>,
}

impl Age {
    pub(crate) fn new(since: Option<i64>, number: Option<&[u8]>) -> Self {
        // A number is not negative; a zero before it says no more than that.
        let number = number.map(|number| match shortest(number) {
            [0, rest @ ..] => rest.to_vec(),
            number => number.to_vec(),
        });
        Self { since, number }
    }

    /// Whether this is certainly newer: of a later time, or of the same and with a higher number. What has
    /// no time that can be read is not older than anything.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (self.since, other.since) else {
            return false;
        };
        let numbers = (&self.number, &other.number);
        own > others
            || own == others
                && matches!(numbers, (Some(own), Some(other)) if by_size(own) > by_size(other))
    }
}

fn by_size(number: &[u8]) -> (usize, &[u8]) {
    (number.len(), number)
}

/// The newest of these; one with a number before one without. `None`: there are none.
pub(crate) fn newest<'a>(ages: impl Iterator<Item = &'a Age>) -> Option<&'a Age> {
    ages.max_by_key(|age| (age.since, age.number.as_deref().map(by_size)))
}

/// What is said of one certificate, gathered.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    is_asked: bool,
    is_unverified: bool,
    is_not_issued: bool,
    /// The newest that calls it good.
    good: Option<Age>,
    /// All that revoke it: one list may have a number, and another one none.
    revoked: Vec<(Age, RevokedEntry)>,
}

impl Verdict {
    /// Something is about it, whatever that is worth.
    pub(crate) const fn asked(&mut self) {
        self.is_asked = true;
    }

    /// Something would call it good if it were known whose it is.
    pub(crate) const fn unverified(&mut self) {
        self.is_unverified = true;
    }

    /// A responder that may speak for its issuer does not know it.
    pub(crate) const fn not_issued(&mut self) {
        self.is_not_issued = true;
    }

    /// Something in force calls it good.
    pub(crate) fn good(&mut self, age: Age) {
        let newer = newest(self.good.iter().chain([&age])).cloned();
        self.good = newer;
    }

    /// Something revokes it, in force or not.
    pub(crate) fn revoked(&mut self, age: Age, entry: RevokedEntry) {
        self.revoked.push((age, entry));
    }

    /// What counts: the newest, and of what is as new, what speaks against the certificate. That a responder
    /// does not know it outweighs whatever calls it good, and is outweighed by what revokes it.
    pub(crate) fn revocation(&self) -> Revocation {
        let is_over = |age: &Age| {
            let good = self.good.as_ref();
            good.is_some_and(|good| good.is_newer_than(age))
        };
        let revoked = self.revoked.iter().filter(|(age, _)| !is_over(age));
        if let Some((_, entry)) = revoked.max_by_key(|(age, _)| age.since) {
            return Revocation::Revoked(*entry);
        }
        match self {
            Self {
                is_not_issued: true,
                ..
            } => Revocation::NotIssued,
            Self { good: Some(_), .. } => Revocation::Good,
            Self {
                is_unverified: true,
                ..
            } => Revocation::Unverified,
            Self { is_asked: true, .. } => Revocation::Unknown,
            _ => Revocation::NotChecked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: RevokedEntry = RevokedEntry {
        since: None,
        reason: None,
    };

    #[test]
    fn a_time_that_cannot_be_read_is_not_older_and_a_number_counts_at_the_same_time_only() {
        let age =
            |since, number: Option<u8>| Age::new(since, number.as_ref().map(std::slice::from_ref));
        for (newer, older, expected) in [
            (age(Some(2), Some(1)), age(Some(1), Some(9)), true),
            (age(Some(1), Some(9)), age(Some(2), Some(1)), false),
            (age(Some(1), Some(9)), age(Some(1), Some(1)), true),
            (age(Some(1), Some(1)), age(Some(1), Some(1)), false),
            (age(Some(1), Some(1)), age(Some(1), None), false),
            (age(Some(1), None), age(Some(1), Some(1)), false),
            (age(Some(1), Some(1)), age(None, Some(1)), false),
            (age(None, Some(1)), age(Some(1), Some(1)), false),
        ] {
            assert_eq!(newer.is_newer_than(&older), expected, "{newer:?} {older:?}");
        }
        let long = Age::new(Some(1), Some(&[0x01, 0x00]));
        assert!(long.is_newer_than(&Age::new(Some(1), Some(&[0x00, 0xFF]))));
    }

    #[test]
    fn no_order_of_what_is_said_changes_what_counts() {
        let age =
            |since, number: Option<u8>| Age::new(since, number.as_ref().map(std::slice::from_ref));
        // Good or revoked, when, and by which number.
        let said = [
            (true, Some(1), Some(1)),
            (true, Some(1), Some(2)),
            (true, Some(1), None),
            (false, Some(1), Some(1)),
            (false, Some(1), Some(2)),
            (false, Some(1), None),
            (true, Some(2), None),
            (false, None, None),
        ];
        for first in said {
            for second in said {
                for third in said {
                    let all = [first, second, third];
                    // A revocation counts unless something good is newer than it.
                    let counts = |(is_good, since, number): (bool, _, _)| {
                        let own = age(since, number);
                        let over = |&(is_good, since, number): &(bool, _, _)| {
                            is_good && age(since, number).is_newer_than(&own)
                        };
                        !is_good && !all.iter().any(over)
                    };
                    let is_revoked = all.into_iter().any(counts);
                    let mut verdict = Verdict::default();
                    for (is_good, since, number) in all {
                        match is_good {
                            true => verdict.good(age(since, number)),
                            false => verdict.revoked(age(since, number), ENTRY),
                        }
                    }
                    let expected = match is_revoked {
                        true => Revocation::Revoked(ENTRY),
                        false => Revocation::Good,
                    };
                    assert_eq!(verdict.revocation(), expected, "{all:?}");
                }
            }
        }
    }

    #[test]
    fn that_a_responder_does_not_know_it_outweighs_good_and_not_revoked_whatever_comes_first() {
        let old = Age::new(Some(1), None);
        let new = Age::new(Some(2), None);
        let mut verdict = Verdict::default();
        assert_eq!(verdict.revocation(), Revocation::NotChecked);
        verdict.asked();
        assert_eq!(verdict.revocation(), Revocation::Unknown);
        verdict.unverified();
        assert_eq!(verdict.revocation(), Revocation::Unverified);
        verdict.good(new.clone());
        assert_eq!(verdict.revocation(), Revocation::Good);
        verdict.not_issued();
        assert_eq!(verdict.revocation(), Revocation::NotIssued);
        verdict.revoked(old, ENTRY);
        assert_eq!(verdict.revocation(), Revocation::NotIssued);
        verdict.revoked(new, ENTRY);
        assert_eq!(verdict.revocation(), Revocation::Revoked(ENTRY));
    }
}
