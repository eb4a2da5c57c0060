//! Private keys as they are written in an image.

use serde::{Deserialize, Serialize};

use super::rsa_key::{MAX_BITS, MIN_BITS, is_probable_prime};
use super::{Key, KeyOperation, RsaComponents, RsaKey, StoredKey, UsableKey};
use crate::hex_bytes::{HexBytes, SecretHex};

/// An RSA key pair as unsigned big-endian numbers. The private ones are test secrets: zeroised
/// when dropped and silent in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyImage {
    /// The modulus.
    pub n: HexBytes,
    /// The public exponent.
    pub e: HexBytes,
    /// The private exponent.
    pub d: SecretHex,
    /// The first prime.
    pub p: SecretHex,
    /// The second prime.
    pub q: SecretHex,
    /// What the card lets the key do; absent: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<KeyOperation>>,
    /// Whether each use takes a fresh verification: the PIN counts as not verified afterwards.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub user_consent: bool,
}

/// A number of a key that cannot be, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// The name of the field.
    pub number: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl KeyImage {
    /// Checks the shape of the numbers; whether they are a key pair is seen when it is used.
    ///
    /// # Errors
    /// The first number whose length is not possible.
    pub fn check(&self) -> Result<(), KeyFault> {
        let bits = StoredKey::from(self).key.bits();
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            let what = format!("a modulus of {bits} bits; {MIN_BITS} to {MAX_BITS} are supported");
            return Err(KeyFault { number: "n", what });
        }
        if !bits.is_multiple_of(8) || self.n.0.len() != bits / 8 {
            let what = "whole bytes without leading zeros are needed".to_owned();
            return Err(KeyFault { number: "n", what });
        }
        let limit = self.n.0.len();
        let numbers = [
            ("e", self.e.as_slice()),
            ("d", self.d.as_slice()),
            ("p", self.p.as_slice()),
            ("q", self.q.as_slice()),
        ];
        for (number, bytes) in numbers {
            if bytes.is_empty() || bytes.len() > limit || bytes.iter().all(|&byte| byte == 0) {
                let what = format!("a number of 1 to {limit} bytes, not zero, is needed");
                return Err(KeyFault { number, what });
            }
        }
        Ok(())
    }

    /// Checks that the primes are primes, as far as some rounds of the Miller-Rabin test say, and that
    /// the numbers make a key pair. Apart from [`KeyImage::check`], because it takes far longer.
    ///
    /// # Errors
    /// The first prime that is none; the modulus, if the numbers do not belong together.
    pub fn check_primes(&self) -> Result<(), KeyFault> {
        for (number, bytes) in [("p", &self.p), ("q", &self.q)] {
            if !is_probable_prime(bytes.as_slice()) {
                let what = "is not a prime number".to_owned();
                return Err(KeyFault { number, what });
            }
        }
        let pair = StoredKey::from(self).key.usable();
        pair.map(drop).map_err(|error| KeyFault {
            number: "n",
            what: format!("does not belong to the others: {error}"),
        })
    }
}

impl From<&StoredKey> for KeyImage {
    fn from(stored: &StoredKey) -> Self {
        let Key::Rsa(numbers) = &stored.key;
        Self {
            n: numbers.modulus.as_slice().into(),
            e: numbers.public_exponent.as_slice().into(),
            d: SecretHex(numbers.private_exponent.clone()),
            p: SecretHex(numbers.prime_p.clone()),
            q: SecretHex(numbers.prime_q.clone()),
            operations: stored.operations.clone(),
            user_consent: stored.user_consent,
        }
    }
}

impl From<&KeyImage> for StoredKey {
    fn from(image: &KeyImage) -> Self {
        Self {
            key: Key::Rsa(RsaComponents {
                modulus: image.n.0.clone(),
                public_exponent: image.e.0.clone(),
                private_exponent: image.d.0.clone(),
                prime_p: image.p.0.clone(),
                prime_q: image.q.0.clone(),
            }),
            operations: image.operations.clone(),
            user_consent: image.user_consent,
        }
    }
}

/// A key that may be used for everything, without user consent.
impl From<&RsaKey> for KeyImage {
    fn from(key: &RsaKey) -> Self {
        Self::from(&StoredKey::new(Key::from(key)))
    }
}

/// A key that may be used for everything, without user consent.
impl From<&UsableKey> for KeyImage {
    fn from(key: &UsableKey) -> Self {
        Self::from(&StoredKey::new(Key::from(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyError;
    use crate::random::CardRng;

    #[test]
    fn a_key_survives_the_image_and_a_changed_number_is_noticed() {
        let key = RsaKey::generate(512, &mut CardRng::from_seed(5)).expect("a key");
        let mut image = KeyImage::from(&key);
        let stored = StoredKey::from(&image);
        assert_eq!(stored, StoredKey::new(Key::from(&key)));
        image.d = SecretHex::new([3]);
        let usable = StoredKey::from(&image).key.usable();
        assert_eq!(usable, Err(KeyError::Invalid));
    }
}
