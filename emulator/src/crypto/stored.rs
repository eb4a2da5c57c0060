//! Between RSA keys and their numbers in the image.

use super::{KeyError, RsaComponents, RsaKey};
use crate::image::{RsaKeyImage, SecretHex};

impl TryFrom<&RsaKeyImage> for RsaKey {
    type Error = KeyError;

    fn try_from(image: &RsaKeyImage) -> Result<Self, KeyError> {
        Self::from_components(&RsaComponents {
            modulus: image.n.0.clone(),
            public_exponent: image.e.0.clone(),
            private_exponent: image.d.0.clone(),
            prime_p: image.p.0.clone(),
            prime_q: image.q.0.clone(),
        })
    }
}

/// A key that may be used for everything, without user consent.
impl From<&RsaKey> for RsaKeyImage {
    fn from(key: &RsaKey) -> Self {
        let numbers = key.components();
        Self {
            n: numbers.modulus.into(),
            e: numbers.public_exponent.into(),
            d: SecretHex(numbers.private_exponent),
            p: SecretHex(numbers.prime_p),
            q: SecretHex(numbers.prime_q),
            operations: None,
            user_consent: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::CardRng;

    #[test]
    fn a_key_survives_the_image_and_a_changed_number_is_noticed() {
        let key = RsaKey::generate(512, &mut CardRng::from_seed(5)).expect("a key");
        let mut image = RsaKeyImage::from(&key);
        assert_eq!(RsaKey::try_from(&image), Ok(key));
        image.d = SecretHex::new([3]);
        assert_eq!(RsaKey::try_from(&image), Err(KeyError::Invalid));
    }
}
