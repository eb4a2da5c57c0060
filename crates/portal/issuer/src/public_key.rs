//! RSA public keys as certificates and requests carry them.

use der::{Decode as _, Encode as _};
use rsa::BoxedUint;
use rsa::pkcs1::{RsaPublicKey, UintRef};
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use spki::SubjectPublicKeyInfoOwned;

use crate::error::{DocumentError, IssueError, decode_der};
use crate::modulus;
use crate::oid::RSA_ENCRYPTION;
use crate::random::IssuerRng;

/// The size of an authority's key, and of a card's.
pub(crate) const KEY_BITS: usize = 2048;
/// A SubjectPublicKeyInfo of a 4096-bit key has 550 bytes.
const LIMIT: usize = 1024;
/// The least that a card is enrolled with.
const LEAST_BITS: u32 = 2048;
const LEAST_EXPONENT: u64 = 65537;
/// As [`rsa::PublicKey::MAX_PUB_EXPONENT`] has it.
const MOST_EXPONENT_BITS: u32 = 33;
const BITS: core::ops::RangeInclusive<u32> = 1024..=4096;

/// An RSA public key of 1024 to 4096 bits.
///
/// Its JSON form is the DER SubjectPublicKeyInfo in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    key: rsa::PublicKey,
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// Not the DER of an RSA key, or a modulus or exponent outside the accepted range.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, DocumentError> {
        let info: SubjectPublicKeyInfoOwned = decode_der("the public key", der, LIMIT)?;
        Self::from_spki(&info)
    }

    /// A key whose private half is thrown away: for a certificate that fits no card.
    ///
    /// # Errors
    /// The key could not be generated.
    pub fn of_nobody(rng: &mut IssuerRng) -> Result<Self, IssueError> {
        let key = rsa::PrivateKey::new(rng, KEY_BITS).map_err(IssueError::KeyGeneration)?;
        Self::new(key.to_public_key()).map_err(IssueError::PublicKey)
    }

    /// From big-endian modulus and public exponent.
    ///
    /// # Errors
    /// The numbers are not an RSA public key, or outside the accepted range.
    pub fn from_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, DocumentError> {
        let number = |bytes: &[u8]| {
            let bytes = match bytes.iter().position(|byte| *byte != 0) {
                Some(first) => bytes.get(first..).unwrap_or_default(),
                None => &[],
            };
            // 4096 bits at most, so the multiplication cannot overflow.
            if bytes.is_empty() || bytes.len() > LIMIT {
                return Err(refused("a number of it is zero or too long"));
            }
            BoxedUint::from_be_slice(bytes, bytes.len() as u32 * 8)
                .map_err(|_| refused("a number of it is too long"))
        };
        let (modulus, exponent) = (number(modulus)?, number(exponent)?);
        let exponent_bits = exponent.bit_width_vartime();
        let key = rsa::PublicKey::new(modulus, exponent).map_err(|error| match error {
            rsa::Error::PublicExponentTooLarge => refused(format!(
                "its public exponent has {exponent_bits} bits, and {MOST_EXPONENT_BITS} are the \
                 most that is accepted; take {LEAST_EXPONENT}, as nearly all keys do"
            )),
            error => refused(error.to_string()),
        })?;
        Self::new(key)
    }

    pub(crate) fn from_spki(info: &SubjectPublicKeyInfoOwned) -> Result<Self, DocumentError> {
        let der = info.to_der().map_err(|source| DocumentError::Malformed {
            what: "the public key",
            source,
        })?;
        match rsa::PublicKey::from_public_key_der(&der) {
            Ok(key) => Self::new(key),
            // Whose numbers can be read is an RSA key, if one of no use.
            Err(error) => {
                match RsaPublicKey::<UintRef<'_>>::from_der(info.subject_public_key.raw_bytes()) {
                    Ok(numbers) if info.algorithm.oid == RSA_ENCRYPTION => {
                        let (n, e) = (numbers.modulus, numbers.public_exponent);
                        Self::from_components(n.as_bytes(), e.as_bytes())
                    }
                    _ => Err(refused(format!("it is not an RSA key ({error})"))),
                }
            }
        }
    }

    fn new(key: rsa::PublicKey) -> Result<Self, DocumentError> {
        let bits = key.n().bit_width_vartime();
        if !BITS.contains(&bits) {
            return Err(refused(format!(
                "it has {bits} bits; {} to {} are accepted",
                BITS.start(),
                BITS.end()
            )));
        }
        let der = key
            .to_public_key_der()
            .map_err(|error| refused(error.to_string()))?
            .into_vec();
        Ok(Self { key, der })
    }

    /// The DER SubjectPublicKeyInfo, with the NULL parameters of RFC 3279 §2.3.1.
    pub fn spki_der(&self) -> &[u8] {
        &self.der
    }

    /// Why a key is not fit for a card that is enrolled now, in a few words; nothing if it is. Keys
    /// that are only read (on old cards, in messages) may be weaker.
    pub fn weakness(&self) -> Option<String> {
        let bits = self.key.n().bit_width_vartime();
        if bits < LEAST_BITS {
            return Some(format!(
                "it has {bits} bits, and {LEAST_BITS} are the least"
            ));
        }
        if *self.key.e() < BoxedUint::from(LEAST_EXPONENT) {
            return Some(format!(
                "its public exponent is less than {LEAST_EXPONENT} (FIPS 186-5, A.1.1)"
            ));
        }
        modulus::weakness(self.key.n())
    }

    /// Whether its modulus and that of another key have a prime in common: who sees both has both private
    /// keys.
    pub fn shares_a_prime_with(&self, other: &Self) -> bool {
        modulus::share_a_factor(self.key.n(), other.key.n())
    }

    /// The modulus, big-endian, without zeros before it: who has its factors has the private key of
    /// every exponent, so that two keys with one modulus are the same key.
    pub fn modulus(&self) -> Box<[u8]> {
        self.key.n().to_be_bytes_trimmed_vartime()
    }

    /// The size of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.key.n().bit_width_vartime() as usize
    }

    /// Checks an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 §8.2.2) over `message`.
    /// `what` is named in the error.
    ///
    /// # Errors
    /// The signature does not verify.
    pub fn verify_sha256(
        &self,
        what: &'static str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), DocumentError> {
        self.key
            .pkcs1v15_verify::<Sha256>(message, signature)
            .map_err(|_| DocumentError::Signature {
                what,
                key: "it names",
            })
    }

    /// Checks an RSASSA-PSS signature with SHA-256, MGF1 with the same and a salt of 32 bytes (RFC
    /// 8017 §8.1.2) over `message`. `what` is named in the error.
    ///
    /// # Errors
    /// The signature does not verify.
    pub fn verify_pss_sha256(
        &self,
        what: &'static str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), DocumentError> {
        self.key
            .pss_verify::<Sha256>(message, signature)
            .map_err(|_| DocumentError::Signature {
                what,
                key: "it names",
            })
    }

    pub(crate) const fn rsa(&self) -> &rsa::PublicKey {
        &self.key
    }

    pub(crate) fn to_spki(&self) -> Result<SubjectPublicKeyInfoOwned, DocumentError> {
        decode_der("the public key", &self.der, LIMIT)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = DocumentError;

    fn try_from(text: String) -> Result<Self, DocumentError> {
        let der = hex::decode(text).map_err(|error| refused(error.to_string()))?;
        Self::from_spki_der(&der)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        hex::encode(key.der)
    }
}

fn refused(why: impl Into<String>) -> DocumentError {
    DocumentError::unacceptable("the public key", why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::IssuerRng;

    #[test]
    fn a_key_without_null_parameters_equals_the_same_key_with_them() {
        let private = rsa::PrivateKey::new(&mut IssuerRng::from_seed(1, "key"), 1024).unwrap();
        let with = private.to_public_key().to_public_key_der().unwrap();
        let key = PublicKey::from_spki_der(with.as_bytes()).unwrap();
        assert_eq!(key.bits(), 1024);
        let same =
            PublicKey::from_components(&private.n().to_be_bytes(), &private.e().to_be_bytes());
        assert_eq!(same.unwrap(), key);
    }

    #[test]
    fn a_modulus_with_a_small_factor_is_weak() {
        let private = rsa::PrivateKey::new(&mut IssuerRng::from_seed(1, "key"), 2048).unwrap();
        let weakness = |factor: u32| {
            let mut modulus = Vec::new();
            let mut carried = 0;
            for byte in private.n().to_be_bytes().iter().rev() {
                carried += u32::from(*byte) * factor;
                modulus.push(carried as u8);
                carried >>= 8;
            }
            modulus.extend(carried.to_le_bytes());
            modulus.reverse();
            let key = PublicKey::from_components(&modulus, &[1, 0, 1]).unwrap();
            key.weakness()
        };
        assert_eq!(weakness(1), None);
        for factor in [3, 5, 17, 661, 751] {
            let why = weakness(factor);
            let named = format!("divisible by {factor},");
            assert!(
                why.as_ref().is_some_and(|why| why.contains(&named)),
                "{why:?}"
            );
        }
        assert_eq!(weakness(757), None, "larger ones are no small factors");
    }

    #[test]
    fn keys_of_one_modulus_share_it_whatever_the_exponent_and_the_zeros() {
        let private = rsa::PrivateKey::new(&mut IssuerRng::from_seed(1, "key"), 2048).unwrap();
        let modulus = private.n().to_be_bytes();
        let padded = [&[0, 0], &*modulus].concat();
        let one = PublicKey::from_components(&modulus, &[1, 0, 1]).unwrap();
        let other = PublicKey::from_components(&padded, &[1, 0, 3]).unwrap();
        assert_ne!(one, other);
        assert_eq!(one.modulus(), other.modulus());
        assert_eq!(one.modulus().len(), 256);
    }

    #[test]
    fn of_an_rsa_key_of_no_use_the_number_is_named_and_not_the_kind() {
        let private = rsa::PrivateKey::new(&mut IssuerRng::from_seed(1, "key"), 2048).unwrap();
        let modulus = private.n().to_be_bytes();
        let why = |modulus: &[u8], exponent: &[u8]| {
            let [n, e] = [modulus, exponent].map(|bytes| der::asn1::UintRef::new(bytes).unwrap());
            let numbers = RsaPublicKey {
                modulus: n,
                public_exponent: e,
            };
            let key = der::asn1::BitString::from_bytes(&numbers.to_der().unwrap()).unwrap();
            let mut info = PublicKey::new(private.to_public_key())
                .unwrap()
                .to_spki()
                .unwrap();
            info.subject_public_key = key;
            let read = PublicKey::from_spki_der(&info.to_der().unwrap());
            read.map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(why(&modulus, &[1, 0, 1]), Ok(()));
        for (exponent, named) in [
            (&[2, 0, 0, 0, 1][..], "its public exponent has 34 bits"),
            (&[1; 32], "its public exponent has 249 bits"),
            (&[1], "exponent"),
            (&[1, 0, 0], "exponent"),
        ] {
            let error = why(&modulus, exponent).unwrap_err();
            assert!(
                error.contains(named) && !error.contains("not an RSA"),
                "{error}"
            );
        }
        let error = why(&modulus[..64], &[1, 0, 1]).unwrap_err();
        assert!(error.contains("modulus"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        assert!(matches!(
            PublicKey::from_spki_der(&[0x30; 5000]),
            Err(DocumentError::TooLong { limit: 1024, .. })
        ));
        assert!(matches!(
            PublicKey::from_spki_der(&[0x30, 0x02, 0x05, 0x00]),
            Err(DocumentError::Malformed { .. })
        ));
        for (n, e) in [
            (&[][..], &[3][..]),
            (&[0; 9], &[3]),
            (&[0xFF; 16], &[3]),
            (&[0xFF; 128], &[]),
            (&[0xFF; 128], &[2]),
            (&[0xFE; 128], &[3]),
            (&[0xFF; 1024], &[3]),
        ] {
            assert!(PublicKey::from_components(n, e).is_err(), "{n:02X?} {e:?}");
        }
    }
}
