//! Randomness for the card: injected, and seedable so that a run can be repeated.

use core::convert::Infallible;
use core::fmt;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// The card's random generator: ChaCha20, seeded by the operating system or by a number.
///
/// A generator seeded by a number gives the same bytes in every run. It is for tests and
/// demonstrations: its keys are known to everybody who knows the number.
#[derive(Clone)]
pub struct CardRng(ChaCha20Rng);

impl CardRng {
    /// A generator seeded by the operating system.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn from_os() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self(ChaCha20Rng::from_seed(seed)))
    }

    /// A generator that gives the same bytes for the same `seed`.
    pub fn from_seed(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        Rng::fill_bytes(&mut self.0, bytes);
    }
}

impl TryRng for CardRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for CardRng {}

/// Says nothing of the state.
impl fmt::Debug for CardRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardRng(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let bytes = |seed| {
            let mut out = [0; 32];
            CardRng::from_seed(seed).fill(&mut out);
            out
        };
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
    }

    #[test]
    fn the_operating_system_gives_another_seed_each_time() {
        let bytes = || {
            let mut out = [0; 32];
            CardRng::from_os().expect("random bytes").fill(&mut out);
            out
        };
        assert_ne!(bytes(), bytes());
    }
}
