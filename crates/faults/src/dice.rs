//! Chance that can be thrown again: the same seed, the same throws.

use core::fmt;

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Seeded chance.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The throws of this seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `sides`; 0 if there are none.
    pub fn below(&mut self, sides: usize) -> usize {
        // Of 64 bits the remainder is even enough for any number of sides that memory can hold.
        let sides = sides.max(1) as u64;
        usize::try_from(self.0.next_u64() % sides).unwrap_or(0)
    }

    /// A seed for other dice.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// This many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// The copy throws what the original will throw.
impl Clone for Dice {
    fn clone(&self) -> Self {
        Self(ChaCha8Rng::deserialize_state(&self.0.serialize_state()))
    }
}

/// By what they will throw.
impl PartialEq for Dice {
    fn eq(&self, other: &Self) -> bool {
        self.0.serialize_state() == other.0.serialize_state()
    }
}

impl Eq for Dice {}

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_throws_what_the_original_throws() {
        let mut dice = Dice::new(7);
        dice.bytes(33);
        let mut copy = dice.clone();
        assert_eq!(copy, dice);
        assert_eq!(copy.bytes(99), dice.bytes(99));
        copy.seed();
        assert_ne!(copy, dice);
    }

    #[test]
    fn the_same_seed_throws_the_same_and_another_does_not() {
        let throws = |seed| {
            let mut dice = Dice::new(seed);
            (0..50).map(|_| dice.below(6)).collect::<Vec<_>>()
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        assert!((0..6).all(|side| throws(7).contains(&side)));
        assert_eq!(Dice::new(7).below(0), 0);
    }
}
