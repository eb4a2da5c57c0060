//! The faults of an execution, and how others are made of them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use kortlab_faults::{Dice, Fault, MAX_FAULTS as MAX_LAYERS};
use serde::{Deserialize, Serialize};

use crate::answers;

/// The most faults in one recipe.
pub const MAX_FAULTS: usize = 8;

/// The most bytes that are looked at of a file with faults.
pub const MAX_LINES: usize = 1 << 18;

/// The faults of an execution, as they are written; the first stands next to the card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recipe(Vec<String>);

impl Recipe {
    /// These faults.
    pub fn new(faults: impl IntoIterator<Item = String>) -> Self {
        Self(faults.into_iter().collect())
    }

    /// The faults of a text that has one a line. Lines that are none are passed over, as are those
    /// beyond [`MAX_LINES`] bytes and beyond as many faults as can be around a card: an engine may
    /// make anything of such a text.
    pub fn from_lines(text: &[u8]) -> Self {
        let text = text.get(..MAX_LINES).unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n');
        let faults = lines
            .filter_map(|line| std::str::from_utf8(line).ok())
            .map(str::trim)
            .filter(|line| Fault::parse(line).is_ok())
            .map(str::to_owned);
        Self(faults.take(MAX_LAYERS).collect())
    }

    /// The faults of such a text in a file, of which no more is read than is looked at.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn from_file(path: &Path) -> io::Result<Self> {
        let mut text = Vec::new();
        let most = u64::try_from(MAX_LINES).unwrap_or(u64::MAX);
        File::open(path)?.take(most).read_to_end(&mut text)?;
        Ok(Self::from_lines(&text))
    }

    /// The faults as a text, one a line. Of none it is a line that is no fault: engines pass over
    /// empty files.
    pub fn to_lines(&self) -> String {
        if self.0.is_empty() {
            return "# the card as it is\n".to_owned();
        }
        self.0.iter().map(|fault| format!("{fault}\n")).collect()
    }

    /// The faults.
    pub fn faults(&self) -> &[String] {
        &self.0
    }

    /// The same without one of them.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let others = self.0.iter().enumerate();
        let others = others.filter(|(other, _)| *other != index);
        Self(others.map(|(_, fault)| fault.clone()).collect())
    }

    /// The same with another in the place of one.
    #[must_use]
    pub fn with(&self, index: usize, fault: String) -> Self {
        let mut faults = self.0.clone();
        if let Some(place) = faults.get_mut(index) {
            *place = fault;
        }
        Self(faults)
    }

    /// One fault, in an execution that takes about so many commands.
    pub fn any(dice: &mut Dice, commands: usize) -> Self {
        Self(vec![any_fault(dice, commands)])
    }

    /// Another recipe that has most of this one: a fault more, a fault less, one of them another.
    #[must_use]
    pub fn varied(&self, dice: &mut Dice, commands: usize) -> Self {
        let mut faults = self.0.clone();
        let index = dice.below(faults.len());
        match dice.below(4) {
            0 if faults.len() > 1 => {
                faults.remove(index);
            }
            1 | 2 if faults.len() < MAX_FAULTS => faults.push(any_fault(dice, commands)),
            _ => match faults.get_mut(index) {
                Some(place) => *place = any_fault(dice, commands),
                None => faults.push(any_fault(dice, commands)),
            },
        }
        Self(faults)
    }
}

impl Recipe {
    /// The same with one number or one digit of one fault changed; nothing if none can be.
    pub fn nudged(&self, dice: &mut Dice, commands: usize) -> Option<Self> {
        let index = dice.below(self.0.len());
        let fault = self.0.get(index)?;
        // A digit of a long list of answers is seldom one that anything depends on.
        if answers::is_list(fault)
            && dice.below(8) > 0
            && let Some(other) = answers::changed(fault, dice)
            && other != *fault
        {
            return Some(self.with(index, other));
        }
        for _ in 0..8 {
            let other = nudged(fault, dice, commands)?;
            if other != *fault && Fault::parse(&other).is_ok() {
                return Some(self.with(index, other));
            }
        }
        None
    }

    /// The same with the faults of one of these besides; the last give way if there are too many.
    #[must_use]
    pub fn and(&self, others: &[Self], dice: &mut Dice) -> Self {
        let mut faults = self.0.clone();
        if let Some(other) = others.get(dice.below(others.len())) {
            faults.truncate(MAX_FAULTS.saturating_sub(other.0.len()));
            faults.extend(other.0.iter().cloned());
        }
        Self(faults)
    }

    /// Some faults of this recipe, and some of another one; of two cards that answer from a list, often
    /// one that begins as the one and goes on as the other.
    #[must_use]
    pub fn crossed(&self, other: &Self, dice: &mut Dice) -> Self {
        let list_of = |recipe: &Self| recipe.0.iter().position(|fault| answers::is_list(fault));
        if let (Some(index), Some(at)) = (list_of(self), list_of(other))
            && dice.below(2) == 0
            && let (Some(one), Some(two)) = (self.0.get(index), other.0.get(at))
            && let Some(spliced) = answers::spliced(one, two, dice)
        {
            return self.with(index, spliced);
        }
        let mut faults: Vec<String> = Vec::new();
        let all = self.0.iter().chain(&other.0);
        faults.extend(all.filter(|_| dice.below(3) > 0).cloned());
        faults.truncate(MAX_FAULTS);
        Self(faults)
    }
}

/// A fault with another number or digit in one of its parameters; nothing if it has none.
fn nudged(fault: &str, dice: &mut Dice, commands: usize) -> Option<String> {
    let (name, parameters) = fault.split_once(':')?;
    let mut parts: Vec<String> = parameters.split(',').map(str::to_owned).collect();
    let index = dice.below(parts.len());
    let part = parts.get_mut(index)?;
    let (of, value) = part.split_once('=')?;
    let other = match value.parse::<i64>() {
        // Which command it is about may be any.
        Ok(_) if matches!(of, "nth" | "from" | "until") && dice.below(2) == 0 => {
            (1 + dice.below(commands.max(1))).to_string()
        }
        Ok(number) => {
            let changed = match dice.below(6) {
                0 => number.checked_add(1),
                1 => number.checked_sub(1),
                2 => number.checked_mul(2),
                3 => Some(number / 2),
                4 => number.checked_neg(),
                _ => i64::try_from(dice.below(300)).ok(),
            };
            changed?.to_string()
        }
        Err(_) => {
            let digits: Vec<char> = value.chars().collect();
            let at = dice.below(digits.len());
            let digit = "0123456789ABCDEF".chars().nth(dice.below(16))?;
            let changed = digits.iter().enumerate();
            let changed = changed.map(|(place, old)| if place == at { digit } else { *old });
            changed.collect()
        }
    };
    *part = format!("{of}={other}");
    Some(format!("{name}:{}", parts.join(",")))
}

/// Any fault that can be read, at one command, at a few, or now and then.
fn any_fault(dice: &mut Dice, commands: usize) -> String {
    loop {
        let fault = Fault::any(dice);
        let at = 1 + dice.below(commands.max(1));
        let moment = match dice.below(8) {
            0 => "chance=10".to_owned(),
            1 => "chance=50".to_owned(),
            2 => format!("from={at}"),
            3 => format!("ins={}", INSTRUCTIONS[dice.below(INSTRUCTIONS.len())]),
            4 => format!("from={at},times={}", 1 + dice.below(4)),
            _ => format!("nth={at}"),
        };
        let fault = format!("{fault},{moment}");
        if Fault::parse(&fault).is_ok() {
            return fault;
        }
    }
}

/// SELECT, READ BINARY, READ RECORD, GET RESPONSE, GET DATA, VERIFY, PSO.
const INSTRUCTIONS: [&str; 7] = ["A4", "B0", "B2", "C0", "CA", "20", "2A"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_lines_and_what_is_none_is_passed_over() {
        let recipe = Recipe::new(["empty:nth=3".to_owned(), "sw:sw=6F00,ins=B0".to_owned()]);
        assert_eq!(recipe.to_lines(), "empty:nth=3\nsw:sw=6F00,ins=B0\n");
        assert_eq!(Recipe::from_lines(recipe.to_lines().as_bytes()), recipe);
        let spoilt = b"empty:nth=3\r\n\xFF\xFE\n\nsw:sw=6F0\n# none\nsw:sw=6F00,ins=B0";
        assert_eq!(Recipe::from_lines(spoilt), recipe);
        let none = Recipe::default();
        assert!(!none.to_lines().is_empty());
        assert_eq!(Recipe::from_lines(none.to_lines().as_bytes()), none);
        let many = "empty\n".repeat(MAX_LINES);
        let faults = Recipe::from_lines(many.as_bytes());
        assert_eq!(faults.faults().len(), MAX_LAYERS);
        assert_eq!(Recipe::from_lines(&[0; 3 * MAX_LINES]), none);
    }

    #[test]
    fn a_nudge_changes_one_fault_a_little_and_a_cross_takes_of_both() {
        let recipe = Recipe::new(["truncate:at=40,nth=7".to_owned(), "stale".to_owned()]);
        let mut dice = Dice::new(3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..400 {
            let Some(nudged) = recipe.nudged(&mut dice, 50) else {
                continue;
            };
            assert_eq!(nudged.faults()[1], "stale");
            assert!(nudged.faults()[0].starts_with("truncate:at="));
            assert_ne!(nudged, recipe);
            seen.insert(nudged.faults()[0].clone());
        }
        assert!(seen.contains("truncate:at=41,nth=7") && seen.contains("truncate:at=40,nth=8"));
        assert!(seen.len() > 50, "{seen:?}");
        let other = Recipe::new(["empty".to_owned()]);
        let crossed: std::collections::BTreeSet<_> = (0..200)
            .map(|_| recipe.crossed(&other, &mut dice).to_lines())
            .collect();
        assert!(
            crossed.contains("truncate:at=40,nth=7\nempty\n"),
            "{crossed:?}"
        );
    }

    #[test]
    fn a_card_that_answers_from_a_list_is_changed_in_its_answers_and_goes_on_as_another() {
        let one = Recipe::new(["answers:list=9000.6A82,atr=3B00".to_owned()]);
        let other = Recipe::new(["answers:list=0102.0304.0506".to_owned(), "stale".to_owned()]);
        let mut dice = Dice::new(3);
        let nudged: std::collections::BTreeSet<_> = (0..200)
            .filter_map(|_| one.nudged(&mut dice, 50))
            .map(|recipe| recipe.faults()[0].matches('.').count())
            .collect();
        assert!(nudged.contains(&0) && nudged.contains(&2), "{nudged:?}");
        let crossed: std::collections::BTreeSet<_> = (0..200)
            .map(|_| one.crossed(&other, &mut dice).to_lines())
            .collect();
        assert!(
            crossed.contains("answers:list=9000.0304.0506,atr=3B00\n"),
            "{crossed:?}"
        );
    }

    #[test]
    fn recipes_follow_from_the_dice_and_have_faults_that_can_be_read() {
        let make = |seed| {
            let mut dice = Dice::new(seed);
            let mut recipe = Recipe::any(&mut dice, 50);
            let mut made = vec![recipe.clone()];
            for _ in 0..300 {
                recipe = recipe.varied(&mut dice, 50);
                assert!((1..=MAX_FAULTS).contains(&recipe.faults().len()));
                made.push(recipe.clone());
            }
            made
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
        for recipe in make(7) {
            for fault in recipe.faults() {
                assert!(Fault::parse(fault).is_ok(), "{fault}");
            }
        }
    }
}
