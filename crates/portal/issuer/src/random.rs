//! Randomness, injected: from the operating system, or derived from a seed and a purpose.

use core::convert::Infallible;
use core::fmt;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

use crate::IssueError;

/// A ChaCha20 generator for keys, serial numbers, nonces and tokens.
pub struct IssuerRng(ChaCha20Rng);

impl IssuerRng {
    /// Seeded by the operating system.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn from_os() -> Result<Self, IssueError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(IssueError::Random)?;
        Ok(Self(ChaCha20Rng::from_seed(seed)))
    }

    /// The generator for one `purpose` of a test world: the same seed and purpose always give the
    /// same bytes, and different purposes are independent, so that a key can be derived again
    /// without replaying what was drawn before it.
    pub fn from_seed(seed: u64, purpose: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"kortlab-issuer/1\0")
            .chain_update(seed.to_be_bytes())
            .chain_update(purpose.as_bytes())
            .finalize();
        Self(ChaCha20Rng::from_seed(digest.into()))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number below `bound` (which is taken as at least 1), without bias that a test could see.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }
}

impl fmt::Debug for IssuerRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuerRng(…)")
    }
}

impl TryRng for IssuerRng {
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

impl TryCryptoRng for IssuerRng {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_purpose_give_the_same_bytes_and_purposes_differ() {
        let mut once = IssuerRng::from_seed(7, "key");
        let mut again = IssuerRng::from_seed(7, "key");
        assert_eq!(once.bytes::<32>(), again.bytes::<32>());
        let mut other = IssuerRng::from_seed(7, "serial");
        assert_ne!(once.bytes::<32>(), other.bytes::<32>());
        let mut seed = IssuerRng::from_seed(8, "key");
        assert_ne!(again.bytes::<32>(), seed.bytes::<32>());
    }

    #[test]
    fn the_operating_system_seeds_differently_each_time() {
        let one: [u8; 16] = IssuerRng::from_os().unwrap().bytes();
        let two: [u8; 16] = IssuerRng::from_os().unwrap().bytes();
        assert_ne!(one, two);
    }

    #[test]
    fn nothing_of_the_state_is_printed() {
        assert_eq!(
            format!("{:?}", IssuerRng::from_seed(1, "x")),
            "IssuerRng(…)"
        );
    }
}
