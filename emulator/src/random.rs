//! Randomness for the card: injected, and seedable so that a run can be repeated.

use core::convert::Infallible;
use core::fmt;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

/// The card's random generator: ChaCha20, seeded by the operating system or by a number.
///
/// A generator seeded by a number gives the same bytes in every run. It is for tests and
/// demonstrations: its keys are known to everybody who knows the number.
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

    /// The generator with this seed, where it has given this many words of 32 bits.
    pub(crate) fn resumed(seed: [u8; 32], words: u64) -> Self {
        let mut generator = ChaCha20Rng::from_seed(seed);
        generator.set_word_pos(words.into());
        Self(generator)
    }

    /// The seed: whoever knows it knows what comes.
    pub(crate) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.get_seed())
    }

    /// How many words of 32 bits it has given.
    pub fn words(&self) -> u64 {
        u64::try_from(self.0.get_word_pos()).unwrap_or(u64::MAX)
    }

    /// Goes back, or on, to where it had given this many words.
    pub(crate) fn go_to(&mut self, words: u64) {
        self.0.set_word_pos(words.into());
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        Rng::fill_bytes(&mut self.0, bytes);
    }
}

/// The copy goes on with the same bytes as the original.
impl Clone for CardRng {
    fn clone(&self) -> Self {
        Self::resumed(*self.seed(), self.words())
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
    fn a_copy_goes_on_where_the_original_stands() {
        let mut original = CardRng::from_seed(7);
        // In the middle of a word, of a block, and at the end of one.
        for taken in [0, 1, 7, 63, 256, 1000] {
            original.fill(&mut vec![0; taken]);
            let mut copy = original.clone();
            let (mut theirs, mut ours) = ([0; 300], [0; 300]);
            original.fill(&mut theirs);
            copy.fill(&mut ours);
            assert_eq!(ours, theirs, "{taken} bytes later");
        }
    }

    /// What the seeds of images, examples and documents give stays what it is.
    #[test]
    fn a_seed_gives_these_bytes_in_every_version() {
        let mut bytes = [0; 16];
        CardRng::from_seed(7).fill(&mut bytes);
        assert_eq!(hex::encode(bytes), "19454a27b752f905909507d6160ddc88");
    }

    #[test]
    fn a_generator_goes_on_from_wherever_it_was() {
        let mut first = CardRng::from_seed(3);
        // Pieces that end in the middle of words, of blocks and of the four blocks kept ready.
        for length in [0, 1, 2, 3, 4, 5, 61, 64, 127, 192, 255, 256, 257, 1000] {
            let mut bytes = vec![0; length];
            first.fill(&mut bytes);
            let mut again = CardRng::resumed(*first.seed(), first.words());
            assert_eq!(again.words(), first.words(), "after {length} bytes more");
            let (mut one, mut other) = ([0; 41], [0; 41]);
            first.clone().fill(&mut one);
            again.fill(&mut other);
            assert_eq!(one, other, "after {length} bytes more");
        }
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
