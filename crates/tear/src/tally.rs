//! What many cuts came to.

use kortlab_card::Way;

use crate::trial::Verdict;
use crate::violation::Violation;

/// How many violations are kept to be shown; all are counted.
const KEPT: usize = 20;

/// The count.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many cuts were made.
    pub runs: u64,
    /// After how many the change was completed.
    pub completed: u64,
    /// After how many it was undone.
    pub undone: u64,
    /// After how many there was nothing to recover.
    pub nothing: u64,
    /// In how many a new program found a directory that did not read cleanly before recovery.
    pub torn: u64,
    /// How many violations there were.
    pub violations: u64,
    /// The first of them, and where.
    pub kept: Vec<(String, Violation)>,
}

impl Tally {
    /// Counts one cut, which `place` describes.
    pub fn count(&mut self, verdict: Verdict, place: impl FnOnce() -> String) {
        self.runs += 1;
        match verdict.way {
            Some(Way::Completed) => self.completed += 1,
            Some(Way::RolledBack) => self.undone += 1,
            None => self.nothing += 1,
        }
        self.torn += u64::from(verdict.torn);
        self.violations += verdict.violations.len() as u64;
        if verdict.violations.is_empty() || self.kept.len() >= KEPT {
            return;
        }
        let place = place();
        let violations = verdict.violations.into_iter();
        self.kept
            .extend(violations.map(|violation| (place.clone(), violation)));
    }

    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.completed += other.completed;
        self.undone += other.undone;
        self.nothing += other.nothing;
        self.torn += other.torn;
        self.violations += other.violations;
        self.kept.extend(other.kept);
        self.kept.truncate(KEPT);
    }

    /// The violations that were kept, one a line.
    pub fn violations_text(&self) -> String {
        let line = |(place, violation): &(String, Violation)| format!("{place}: {violation}\n");
        self.kept.iter().map(line).collect()
    }
}
