//! Samples drawn from a seed.

use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// A generator of numbers that gives the same ones for the same seed.
pub struct Dice(ChaCha20Rng);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// A number below `sides`; 0 if there are none.
    pub fn below(&mut self, sides: u64) -> u64 {
        // The bias of the remainder is far below anything that a sample could show.
        self.0.next_u64().checked_rem(sides).unwrap_or(0)
    }

    /// `count` of these, in their order; all of them if there are no more.
    pub fn draw<T: Copy>(&mut self, all: &[T], count: usize) -> Vec<T> {
        let mut left = count.min(all.len());
        let mut drawn = Vec::with_capacity(left);
        for (index, one) in all.iter().enumerate() {
            let rest = (all.len() - index) as u64;
            if self.below(rest) < left as u64 {
                drawn.push(*one);
                left -= 1;
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_size_keeps_the_order_and_comes_again_with_its_seed() {
        let all: Vec<u32> = (0..1000).collect();
        let drawn = Dice::new(1).draw(&all, 100);
        assert_eq!(drawn.len(), 100);
        assert!(drawn.is_sorted_by(|a, b| a < b));
        assert_eq!(drawn, Dice::new(1).draw(&all, 100));
        assert_ne!(drawn, Dice::new(2).draw(&all, 100));
        assert_eq!(Dice::new(1).draw(&all, 2000), all);
    }
}
