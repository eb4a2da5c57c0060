//! The faults of an execution, and how others are made of them.

use kortlab_faults::{Dice, Fault};
use serde::{Deserialize, Serialize};

/// The most faults in one recipe.
pub const MAX_FAULTS: usize = 8;

/// The faults of an execution, as they are written; the first stands next to the card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recipe(Vec<String>);

impl Recipe {
    /// These faults.
    pub fn new(faults: impl IntoIterator<Item = String>) -> Self {
        Self(faults.into_iter().collect())
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
