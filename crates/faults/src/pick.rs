//! Which of several things a mutation is about: `at=`, or chance if there is a seed.

use std::num::NonZeroUsize;

use crate::Dice;
use crate::parameters::{FaultError, Parameters};

/// Chooses one of the things that a mutation could spoil.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pick {
    at: Option<NonZeroUsize>,
    dice: Option<Dice>,
}

impl Pick {
    /// Reads `at=`: the number of the thing, from 1. Without it the first is taken, or, with
    /// `seed=`, any.
    ///
    /// # Errors
    /// The value makes no sense.
    pub fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        Ok(Self {
            at: parameters.optional("at", "a number from 1", |text| text.parse().ok())?,
            dice: parameters.dice(),
        })
    }

    /// The index of the one to take of `count`, if there is one.
    pub fn of(&mut self, count: usize) -> Option<usize> {
        let index = match (self.at, &mut self.dice) {
            (Some(at), _) => at.get() - 1,
            (None, Some(dice)) => dice.below(count),
            (None, None) => 0,
        };
        (index < count).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(text: &str) -> Pick {
        let mut parameters = Parameters::parse(text).expect("parameters");
        Pick::from_parameters(&mut parameters).expect("a pick")
    }

    #[test]
    fn the_first_the_nth_or_any_is_taken_and_none_of_none() {
        assert_eq!(pick("").of(3), Some(0));
        assert_eq!(pick("at=3").of(3), Some(2));
        assert_eq!(pick("at=4").of(3), None);
        assert_eq!(pick("at=2,seed=1").of(3), Some(1));
        for text in ["", "at=1", "seed=1"] {
            assert_eq!(pick(text).of(0), None, "{text}");
        }
        let mut any = pick("seed=1");
        let taken: Vec<_> = (0..40).filter_map(|_| any.of(3)).collect();
        assert!((0..3).all(|index| taken.contains(&index)), "{taken:?}");
    }
}
