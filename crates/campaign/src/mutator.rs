//! What makes other test cases of one, for an engine that keeps those which bring something new: each
//! stays a list of faults.

use kortlab_faults::Dice;

use crate::engines::seeds;
use crate::recipe::Recipe;

/// How many others are made of one before it is another one's turn. Few: what a test case is good for
/// shows soon, and each that has reached something new is to have its turn soon.
pub const TURNS: u32 = 128;

/// Makes test cases of test cases.
#[derive(Debug)]
pub struct Mutator {
    dice: Dice,
    /// How many commands the program takes about.
    commands: usize,
    /// The example of each mutation: values that mean something.
    examples: Vec<Recipe>,
    /// What was handed out last.
    text: Vec<u8>,
    trim: Option<Trim>,
}

/// A test case that is being made shorter, a fault at a time.
#[derive(Debug)]
struct Trim {
    /// The shortest that still does the same.
    best: Recipe,
    /// The fault that is left out next.
    index: usize,
    /// How many steps were taken, and how many there are.
    step: usize,
    steps: usize,
}

impl Mutator {
    /// One whose chance is decided by a seed, for a program that takes about so many commands.
    pub fn new(seed: u64, commands: usize) -> Self {
        Self {
            dice: Dice::new(seed),
            commands: commands.max(1),
            examples: seeds::examples(),
            text: Vec::new(),
            trim: None,
        }
    }

    /// Another test case, made of this one and sometimes of one more, of at most so many bytes;
    /// nothing if not even one fault has room.
    pub fn mutate(&mut self, case: &[u8], other: &[u8], most: usize) -> &[u8] {
        let recipe = Recipe::from_lines(case);
        let dice = &mut self.dice;
        let mut made = match dice.below(8) {
            0 => recipe.crossed(&Recipe::from_lines(other), dice),
            1..=3 => match recipe.nudged(dice, self.commands) {
                Some(nudged) => nudged,
                None => recipe.varied(dice, self.commands),
            },
            4 | 5 => recipe.varied(dice, self.commands),
            _ => recipe.and(&self.examples, dice),
        };
        // Several changes at once now and then: some paths need two.
        while dice.below(4) == 0 {
            made = made.varied(dice, self.commands);
        }
        if made.faults().is_empty() {
            made = Recipe::any(dice, self.commands);
        }
        while made.to_lines().len() > most && !made.faults().is_empty() {
            made = made.without(made.faults().len() - 1);
        }
        self.text.clear();
        if !made.faults().is_empty() {
            self.text.extend_from_slice(made.to_lines().as_bytes());
        }
        &self.text
    }

    /// Begins to make a test case shorter; gives the most steps that it takes.
    pub fn begin_trim(&mut self, case: &[u8]) -> usize {
        let best = Recipe::from_lines(case);
        let count = best.faults().len();
        // One fault alone cannot be left out.
        let steps = if count > 1 { count } else { 0 };
        self.trim = Some(Trim {
            best,
            index: 0,
            step: 0,
            steps,
        });
        steps
    }

    /// The next shorter test case.
    pub fn trimmed(&mut self) -> &[u8] {
        self.text.clear();
        if let Some(trim) = &self.trim {
            let shorter = trim.best.without(trim.index).to_lines();
            self.text.extend_from_slice(shorter.as_bytes());
        }
        &self.text
    }

    /// Hears whether that did the same as the whole; gives the number of the next step, which is
    /// that of all steps when there is none.
    pub fn after_trim(&mut self, did_the_same: bool) -> usize {
        let Some(trim) = &mut self.trim else {
            return 0;
        };
        match did_the_same {
            true => trim.best = trim.best.without(trim.index),
            false => trim.index += 1,
        }
        trim.step += 1;
        if trim.best.faults().len() <= 1 || trim.index >= trim.best.faults().len() {
            trim.step = trim.steps;
        }
        trim.step
    }
}

#[cfg(test)]
mod tests {
    use kortlab_faults::Fault;

    use super::*;

    #[test]
    fn every_test_case_is_a_list_of_faults_that_fits_and_follows_from_the_seed() {
        let make = |seed| {
            let mut mutator = Mutator::new(seed, 70);
            let mut case = b"\xFF anything \0".to_vec();
            let mut made: Vec<Vec<u8>> = Vec::new();
            for round in 0..500 {
                let other = made.first().cloned().unwrap_or_default();
                let most = if round % 5 == 0 { 40 } else { 1000 };
                let next = mutator.mutate(&case, &other, most).to_vec();
                assert!(next.len() <= most);
                let text = std::str::from_utf8(&next).expect("text");
                assert!(
                    text.lines().all(|line| Fault::parse(line).is_ok()),
                    "{text:?}"
                );
                assert_eq!(
                    Recipe::from_lines(&next).faults().len(),
                    text.lines().count()
                );
                if !next.is_empty() {
                    case.clone_from(&next);
                }
                made.push(next);
            }
            made
        };
        let made = make(7);
        assert_eq!(made, make(7));
        assert_ne!(made, make(8));
        let different: std::collections::BTreeSet<_> = made.iter().collect();
        assert!(different.len() > 400, "{}", different.len());
        assert!(Mutator::new(1, 1).mutate(b"empty", b"", 3).is_empty());
    }

    #[test]
    fn trimming_leaves_what_is_needed_in_as_many_steps_as_it_said() {
        let is_enough = |case: &[u8]| {
            let recipe = Recipe::from_lines(case);
            let has = |fault: &str| recipe.faults().iter().any(|other| other == fault);
            has("sw:sw=6F00") && has("truncate:at=3")
        };
        let case = b"empty\nsw:sw=6F00\nstale\nlost\ntruncate:at=3\nother\n";
        let mut mutator = Mutator::new(1, 70);
        let steps = mutator.begin_trim(case);
        let mut step = 0;
        let mut shortest = case.to_vec();
        let mut taken = 0;
        while step < steps {
            let shorter = mutator.trimmed().to_vec();
            assert!(shorter.len() < shortest.len());
            let enough = is_enough(&shorter);
            if enough {
                shortest = shorter;
            }
            let next = mutator.after_trim(enough);
            assert!(next > step);
            step = next;
            taken += 1;
        }
        assert!(taken <= steps);
        assert_eq!(shortest, b"sw:sw=6F00\ntruncate:at=3\n");
        assert_eq!(mutator.begin_trim(b"empty"), 0);
        assert_eq!(mutator.begin_trim(b""), 0);
        assert_eq!(Mutator::new(1, 1).after_trim(true), 0);
    }
}
