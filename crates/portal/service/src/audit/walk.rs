//! Verifying the log, entry by entry, without holding it.

use core::fmt;

use serde::Serialize;

use super::{AuditEntry, AuditHash, Head};

/// A verification on its way. It takes the entries in their order and holds one hash.
#[derive(Clone, Debug)]
pub struct Walk {
    head: Head,
    noted: Option<AuditHash>,
    noted_seen: bool,
    broken: Option<Broken>,
}

/// What came of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The last entry that fits, and so the number of good entries.
    pub head: Head,
    /// The first entry that does not fit; with it the verification ends.
    pub broken: Option<Broken>,
}

/// The first entry that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The number of the entry that is wrong or missing.
    pub sequence: u64,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with an entry, or with the whole log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// The entry with this number is missing.
    Missing,
    /// The entry, or the hash of the one before it, is not what was written.
    Changed,
    /// The hash that was noted is not in the log: entries at the end are missing, or the log was
    /// made anew.
    NotedHashGone,
    /// The log ends otherwise than the running portal has left it: from this entry on.
    OtherEnd,
}

impl Verdict {
    /// Whether every entry fits.
    pub const fn is_good(&self) -> bool {
        self.broken.is_none()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { sequence, hash } = self.head;
        match &self.broken {
            None => write!(
                f,
                "{sequence} entries, all good; the last has the hash {hash}"
            ),
            Some(broken) => write!(f, "{broken}; the {sequence} entries before are good"),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.sequence;
        match self.wrong {
            Wrong::Missing => write!(f, "entry {sequence} is missing"),
            Wrong::Changed => write!(f, "entry {sequence} is not what was written"),
            Wrong::NotedHashGone => write!(
                f,
                "the hash that was noted is not in the log: entries from {sequence} on are missing, or the log was made anew"
            ),
            Wrong::OtherEnd => write!(
                f,
                "from entry {sequence} on, the log is not as the portal has left it"
            ),
        }
    }
}

impl Walk {
    /// Begins before the first entry. If `noted` is given, an entry must have that hash.
    pub fn new(noted: Option<AuditHash>) -> Self {
        Self {
            head: Head::EMPTY,
            noted,
            noted_seen: noted.is_none_or(|noted| noted == AuditHash::BEFORE_THE_FIRST),
            broken: None,
        }
    }

    /// The number of the last entry that fits.
    pub const fn sequence(&self) -> u64 {
        self.head.sequence
    }

    /// Takes the next entry; tells whether to go on.
    pub fn take(&mut self, entry: &AuditEntry) -> bool {
        if self.broken.is_some() {
            return false;
        }
        let sequence = self.head.sequence + 1;
        let hash = entry.expected_hash(&self.head.hash);
        let wrong = if entry.sequence != sequence {
            Wrong::Missing
        } else if entry.hash != hash.to_string() {
            Wrong::Changed
        } else {
            self.head = Head { sequence, hash };
            self.noted_seen |= self.noted == Some(hash);
            return true;
        };
        self.broken = Some(Broken { sequence, wrong });
        false
    }

    /// Ends after the last entry. `left` is the end of the log as the running portal has left it.
    pub fn finish(self, left: Head) -> Verdict {
        let Self { head, .. } = self;
        let wrong = |sequence, wrong| Some(Broken { sequence, wrong });
        let broken = match self.broken {
            Some(broken) => Some(broken),
            None if !self.noted_seen => wrong(head.sequence + 1, Wrong::NotedHashGone),
            None if head.sequence < left.sequence => wrong(head.sequence + 1, Wrong::OtherEnd),
            None if head != left => wrong(left.sequence.max(1), Wrong::OtherEnd),
            None => None,
        };
        Verdict { head, broken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AuditEvent, Subject};
    use crate::operation::Operation;

    fn log(length: u64) -> (Vec<AuditEntry>, Head) {
        let mut head = Head::EMPTY;
        let entries = (0..length).map(|at| {
            let event = AuditEvent {
                at,
                ..AuditEvent::of_the_portal(
                    kortlab_issuer::clock::Timestamp::from_unix_seconds(at),
                    Operation::Start,
                    Subject::default(),
                )
            };
            head.append(&event).unwrap()
        });
        (entries.collect(), head)
    }

    fn verdict(entries: &[AuditEntry], left: Head, noted: Option<AuditHash>) -> Verdict {
        let mut walk = Walk::new(noted);
        for entry in entries {
            if !walk.take(entry) {
                break;
            }
        }
        walk.finish(left)
    }

    fn broken(entries: &[AuditEntry], left: Head) -> Option<(u64, Wrong)> {
        let broken = verdict(entries, left, None).broken;
        broken.map(|broken| (broken.sequence, broken.wrong))
    }

    #[test]
    fn a_log_as_written_is_good_and_so_is_every_hash_noted_from_it() {
        let (entries, head) = log(5);
        assert!(verdict(&entries, head, None).is_good());
        for entry in &entries {
            let noted = Some(entry.hash.parse().unwrap());
            assert!(verdict(&entries, head, noted).is_good());
        }
        assert!(verdict(&[], Head::EMPTY, None).is_good());
    }

    #[test]
    fn every_change_of_every_column_of_every_entry_is_found_where_it_is() {
        let (entries, head) = log(4);
        let changes: [fn(&mut AuditEntry); 6] = [
            |entry| entry.at ^= 1,
            |entry| entry.actor.push('s'),
            |entry| entry.operation.clear(),
            |entry| entry.outcome.push(' '),
            |entry| entry.subject.insert(1, ' '),
            |entry| entry.hash = entry.hash.to_uppercase(),
        ];
        for number in 0..entries.len() {
            for change in changes {
                let mut changed = entries.clone();
                change(&mut changed[number]);
                let found = broken(&changed, head);
                assert_eq!(found, Some((number as u64 + 1, Wrong::Changed)));
            }
        }
    }

    #[test]
    fn text_moved_from_one_column_to_the_next_is_found() {
        let (mut entries, head) = log(1);
        entries[0].actor = "portals".to_owned();
        entries[0].operation = "tart".to_owned();
        assert_eq!(broken(&entries, head), Some((1, Wrong::Changed)));
    }

    #[test]
    fn removed_doubled_and_reordered_entries_are_found() {
        let (entries, head) = log(4);
        for number in 0..3 {
            let mut removed = entries.clone();
            removed.remove(number);
            assert_eq!(
                broken(&removed, head),
                Some((number as u64 + 1, Wrong::Missing))
            );
            // Numbered anew, so that there is no gap.
            for (at, entry) in removed.iter_mut().enumerate() {
                entry.sequence = at as u64 + 1;
            }
            assert_eq!(
                broken(&removed, head),
                Some((number as u64 + 1, Wrong::Changed))
            );
            let mut swapped = entries.clone();
            swapped.swap(number, number + 1);
            assert_eq!(
                broken(&swapped, head),
                Some((number as u64 + 1, Wrong::Missing))
            );
            swapped[number].sequence = number as u64 + 1;
            assert_eq!(
                broken(&swapped, head),
                Some((number as u64 + 1, Wrong::Changed))
            );
            let mut doubled = entries.clone();
            doubled.insert(number, entries[number].clone());
            assert_eq!(
                broken(&doubled, head),
                Some((number as u64 + 2, Wrong::Missing))
            );
        }
    }

    #[test]
    fn missing_last_entries_are_found_with_a_noted_hash_or_by_the_portal_that_wrote_them() {
        let (entries, head) = log(4);
        let short = &entries[..2];
        let end = Head {
            sequence: 2,
            hash: short[1].hash.parse().unwrap(),
        };
        assert_eq!(broken(short, head), Some((3, Wrong::OtherEnd)));
        // A portal that starts afterwards takes the end it finds for the true one: only what was
        // noted outside tells.
        assert!(verdict(short, end, None).is_good());
        let found = verdict(short, end, Some(head.hash)).broken.unwrap();
        assert_eq!((found.sequence, found.wrong), (3, Wrong::NotedHashGone));
    }

    #[test]
    fn a_log_made_anew_is_found_with_a_noted_hash() {
        let (_, head) = log(4);
        let (mut others, _) = log(4);
        others[0].at = 99;
        let mut previous = AuditHash::BEFORE_THE_FIRST;
        for entry in &mut others {
            previous = entry.expected_hash(&previous);
            entry.hash = previous.to_string();
        }
        let end = Head {
            sequence: 4,
            hash: previous,
        };
        assert!(verdict(&others, end, None).is_good());
        assert!(!verdict(&others, end, Some(head.hash)).is_good());
        assert_eq!(broken(&others, head), Some((4, Wrong::OtherEnd)));
    }

    #[test]
    fn verdicts_say_what_to_look_at() {
        let (entries, head) = log(2);
        let good = verdict(&entries, head, None).to_string();
        assert!(good.starts_with("2 entries, all good; the last has the hash "));
        let missing = verdict(&entries[1..], head, None).to_string();
        assert_eq!(missing, "entry 1 is missing; the 0 entries before are good");
    }
}
