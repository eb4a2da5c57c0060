//! A private key as a card keeps it, and the one that is made of it for use.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyError, RsaComponents, RsaKey};

/// The key in a key file, and what the card lets it do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The numbers.
    pub key: Key,
    /// What the card lets the key do; `None`: everything.
    pub operations: Option<Vec<KeyOperation>>,
    /// Whether each use takes a fresh verification: the PIN counts as not verified afterwards.
    pub user_consent: bool,
}

/// The numbers of a key. Whether they are those of a key pair is seen when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// An RSA key pair.
    Rsa(RsaComponents),
}

/// A key pair that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsableKey {
    /// An RSA key pair.
    Rsa(RsaKey),
}

/// What a private key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOperation {
    /// PERFORM SECURITY OPERATION: COMPUTE DIGITAL SIGNATURE.
    Sign,
    /// PERFORM SECURITY OPERATION: DECIPHER.
    Decipher,
    /// INTERNAL AUTHENTICATE.
    Authenticate,
}

impl StoredKey {
    /// A key that may be used for everything, without user consent.
    pub const fn new(key: Key) -> Self {
        Self {
            key,
            operations: None,
            user_consent: false,
        }
    }

    /// Whether the card lets the key do this.
    pub fn allows(&self, operation: KeyOperation) -> bool {
        self.operations
            .as_ref()
            .is_none_or(|allowed| allowed.contains(&operation))
    }
}

impl Key {
    /// A new key with a modulus of `bits` bits and this public exponent, big-endian.
    ///
    /// # Errors
    /// A length or an exponent that the card does not do.
    pub fn generate(
        bits: usize,
        public_exponent: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, KeyError> {
        let exponent = public_exponent
            .iter()
            .try_fold(0_u32, |number, &byte| {
                let shifted = number.checked_mul(0x100)?;
                Some(shifted | u32::from(byte))
            })
            .ok_or(KeyError::Exponent)?;
        RsaKey::generate_with_exponent(bits, exponent, rng).map(|key| Self::from(&key))
    }

    /// The key with these primes and this public exponent, big-endian.
    ///
    /// # Errors
    /// They make no key.
    pub fn from_primes(p: &[u8], q: &[u8], public_exponent: &[u8]) -> Result<Self, KeyError> {
        RsaKey::from_primes(p, q, public_exponent).map(|key| Self::from(&key))
    }

    /// The length of the modulus in bits.
    pub fn bits(&self) -> usize {
        let Self::Rsa(numbers) = self;
        let significant = numbers.modulus.iter().position(|&byte| byte != 0);
        let bytes = significant
            .and_then(|start| numbers.modulus.get(start..))
            .unwrap_or_default();
        bytes
            .first()
            .map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
    }

    /// The modulus, as it is kept.
    pub fn modulus(&self) -> &[u8] {
        let Self::Rsa(numbers) = self;
        &numbers.modulus
    }

    /// The bytes of non-volatile memory that the key takes: modulus, exponent, and the five numbers
    /// of the Chinese remainder form, each half as long as the modulus.
    pub fn footprint(&self) -> u64 {
        let Self::Rsa(numbers) = self;
        let modulus = numbers.modulus.len() as u64;
        modulus + numbers.public_exponent.len() as u64 + modulus.div_ceil(2) * 5
    }

    /// The key pair, for use.
    ///
    /// # Errors
    /// The numbers do not make one.
    pub fn usable(&self) -> Result<UsableKey, KeyError> {
        let Self::Rsa(numbers) = self;
        RsaKey::from_components(numbers).map(UsableKey::Rsa)
    }
}

impl From<RsaKey> for UsableKey {
    fn from(key: RsaKey) -> Self {
        Self::Rsa(key)
    }
}

impl From<&UsableKey> for Key {
    fn from(key: &UsableKey) -> Self {
        let UsableKey::Rsa(key) = key;
        Self::from(key)
    }
}

impl From<&RsaKey> for Key {
    fn from(key: &RsaKey) -> Self {
        Self::Rsa(key.components())
    }
}

impl UsableKey {
    /// The length of the modulus in bits.
    pub fn bits(&self) -> usize {
        let Self::Rsa(key) = self;
        key.bits()
    }

    /// The public key as PKCS#15 holds it (§6.4.2): DER of PKCS#1's RSAPublicKey.
    pub fn public_key_der(&self) -> Vec<u8> {
        let Self::Rsa(key) = self;
        key.public_key_pkcs1_der()
    }

    /// The length of what goes in and of what comes out, in bytes.
    pub fn size(&self) -> usize {
        let Self::Rsa(key) = self;
        key.size()
    }

    /// The raw private operation, blinded by numbers from `rng`.
    ///
    /// # Errors
    /// The input is not for this key, or its numbers were none of a key.
    pub fn apply(
        &self,
        input: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let Self::Rsa(key) = self;
        key.raw_private_blinded(input, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::CardRng;

    #[test]
    fn a_key_is_as_long_as_it_was_made_and_comes_back_whole() {
        let mut rng = CardRng::from_seed(5);
        let key = Key::generate(512, &[1, 0, 1], &mut rng).expect("a key");
        assert_eq!((key.bits(), key.modulus().len()), (512, 64));
        assert_eq!(key.footprint(), 64 + 3 + 5 * 32);
        let usable = key.usable().expect("a key");
        assert_eq!(usable.size(), 64);
        let UsableKey::Rsa(rsa) = &usable;
        assert_eq!(Key::from(rsa), key);
        let exponent = Key::generate(512, &[1, 0, 0, 0, 1], &mut rng);
        assert_eq!(exponent, Err(KeyError::Exponent));
    }

    #[test]
    fn a_key_without_a_list_does_everything_and_one_with_it_that_alone() {
        let key = Key::generate(512, &[3], &mut CardRng::from_seed(6)).expect("a key");
        let mut stored = StoredKey::new(key);
        assert!(stored.allows(KeyOperation::Decipher));
        stored.operations = Some(vec![KeyOperation::Sign]);
        assert!(stored.allows(KeyOperation::Sign));
        assert!(!stored.allows(KeyOperation::Decipher));
    }
}
