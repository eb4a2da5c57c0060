//! Public keys, read leniently: an RSAPublicKey, a SubjectPublicKeyInfo, or the bare RSA numbers.

use core::fmt;

use bytes::Bytes;
use kortlab_apdu::Channel;
use kortlab_apdu::tlv::{Builder, Tag, Tlv, read_one};
use kortlab_pkcs15::{Id, ObjectValue};
use rsa::BoxedUint;
use rsa::traits::PublicKeyParts as _;

use crate::card::Card;
use crate::certificate::{RSA_ENCRYPTION, RSA_KEYS};
use crate::contents::ends_all;
use crate::error::CardError;

/// An RSA public key.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaPublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl RsaPublicKey {
    /// The key in `der`: an RSAPublicKey (RFC 8017 §A.1.1), or a SubjectPublicKeyInfo of one, also of one
    /// that is for RSASSA-PSS or RSAES-OAEP alone (RFC 4055 §1.2). `None` if it is neither.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let outer = sequence(der)?;
        let mut parts = outer.children();
        let first = parts.next()?.ok()?;
        let second = parts.next()?.ok()?;
        if first.tag == Tag::INTEGER {
            return Self::from_numbers(&outer);
        }
        let algorithm = first.children().next()?.ok()?;
        if algorithm.tag != Tag::OBJECT_IDENTIFIER || !RSA_KEYS.contains(&algorithm.value) {
            return None;
        }
        let (&unused, bits) = second.value.split_first()?;
        if second.tag != Tag::BIT_STRING || unused != 0 {
            return None;
        }
        Self::from_numbers(&sequence(bits)?)
    }

    /// The same where its SubjectPublicKeyInfo lets it be used with PKCS #1 v1.5 as well.
    pub(crate) fn for_all_schemes(spki: &[u8]) -> Option<Self> {
        let algorithm = sequence(spki)?.children().next()?.ok()?;
        let kind = algorithm.children().next()?.ok()?;
        (kind.value == RSA_ENCRYPTION)
            .then(|| Self::from_der(spki))
            .flatten()
    }

    fn from_numbers(numbers: &Tlv<'_>) -> Option<Self> {
        let mut numbers = numbers.children();
        let modulus = numbers.next()?.ok()?;
        let exponent = numbers.next()?.ok()?;
        (modulus.tag == Tag::INTEGER && exponent.tag == Tag::INTEGER).then(|| Self {
            modulus: trimmed(modulus.value).to_vec(),
            exponent: trimmed(exponent.value).to_vec(),
        })
    }

    /// The modulus, big-endian, without leading zeros.
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent, big-endian, without leading zeros.
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// The length of the modulus in bits.
    pub fn bits(&self) -> usize {
        let first = self.modulus.first().map_or(0, |byte| byte.leading_zeros());
        (self.modulus.len() * 8).saturating_sub(first as usize)
    }

    /// The key as a SubjectPublicKeyInfo (RFC 5280 §4.1) in DER.
    pub fn to_spki_der(&self) -> Vec<u8> {
        let numbers = Builder::new()
            .constructed(Tag::SEQUENCE, |key| {
                key.primitive(Tag::INTEGER, &unsigned(&self.modulus))
                    .primitive(Tag::INTEGER, &unsigned(&self.exponent))
            })
            .finish();
        let bits = [&[0x00], numbers.as_slice()].concat();
        Builder::new()
            .constructed(Tag::SEQUENCE, |spki| {
                spki.constructed(Tag::SEQUENCE, |algorithm| {
                    algorithm
                        .primitive(Tag::OBJECT_IDENTIFIER, RSA_ENCRYPTION)
                        .primitive(0x05, &[])
                })
                .primitive(Tag::BIT_STRING, &bits)
            })
            .finish()
    }

    /// What a signature was made of: the public operation on it, as long as the modulus. `None`
    /// if the key or the signature cannot be one.
    pub fn open(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let modulus = BoxedUint::from_be_slice_vartime(&self.modulus);
        let exponent = BoxedUint::from_be_slice_vartime(&self.exponent);
        let key = rsa::PublicKey::new_with_size_limits(modulus, exponent, 512..=8192).ok()?;
        let precision = key.n().bits_precision();
        let input = BoxedUint::from_be_slice(signature, precision).ok()?;
        if input >= *key.n().as_ref() {
            return None;
        }
        let opened = rsa::hazmat::rsa_encrypt(&key, &input).ok()?.to_be_bytes();
        let opened = trimmed(&opened);
        let padding = self.modulus.len().checked_sub(opened.len())?;
        Some([&vec![0; padding], opened].concat())
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({} bits)", self.bits())
    }
}

impl<C: Channel> Card<C> {
    /// The public key that belongs to the private key `id`: from the card's public keys, else
    /// from the first certificate for it. `None` if the card has neither, or not a readable one.
    ///
    /// # Errors
    /// The card is gone.
    pub fn public_key(&mut self, id: &Id) -> Result<Option<RsaPublicKey>, CardError> {
        if let Some(known) = self.public_keys.get(id) {
            return Ok(known.clone());
        }
        let found = self.exclusively(|card| card.find_public_key(id))?;
        self.public_keys.insert(id.clone(), found.clone());
        Ok(found)
    }

    /// The public key with this identifier that EF(PuKDF) lists. `None` if it lists none, or not a
    /// readable one.
    ///
    /// # Errors
    /// The card is gone.
    pub(crate) fn listed_public_key(&mut self, id: &Id) -> Result<Option<RsaPublicKey>, CardError> {
        self.listed(id, RsaPublicKey::from_der)
    }

    /// What `read` makes of the first public key with this identifier that EF(PuKDF) lists, and that
    /// can be read as that.
    ///
    /// # Errors
    /// The card is gone.
    pub(super) fn listed<T>(
        &mut self,
        id: &Id,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, CardError> {
        let keys: Vec<_> = self
            .contents()
            .public_keys_with(id)
            .filter_map(|key| key.value().cloned())
            .collect();
        for value in &keys {
            let content = self.read_quietly(value)?;
            if let Some(key) = content.and_then(|content| read(&content)) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn find_public_key(&mut self, id: &Id) -> Result<Option<RsaPublicKey>, CardError> {
        if let Some(key) = self.listed_public_key(id)? {
            return Ok(Some(key));
        }
        let certificates: Vec<_> = self
            .contents()
            .certificates_with(id)
            .filter_map(|certificate| certificate.value().cloned())
            .collect();
        for value in &certificates {
            let der = self.read_quietly(value)?;
            let key = der.and_then(|der| crate::certificate::public_key(&der));
            if key.is_some() {
                return Ok(key);
            }
        }
        Ok(None)
    }

    /// An object's value; `None` if it cannot be read.
    fn read_quietly(&mut self, value: &ObjectValue) -> Result<Option<Bytes>, CardError> {
        match self.value(value) {
            Ok(bytes) => Ok(Some(bytes)),
            // What was not looked at is not the same as nothing.
            Err(error) if ends_all(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

fn sequence(der: &[u8]) -> Option<Tlv<'_>> {
    read_one(der)
        .ok()
        .filter(|outer| outer.tag == Tag::SEQUENCE)
}

/// A number without the zeros before it.
pub(crate) fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The content of an INTEGER that is not negative.
fn unsigned(number: &[u8]) -> Vec<u8> {
    match number.first() {
        None => vec![0x00],
        Some(0x80..) => [&[0x00], number].concat(),
        Some(_) => number.to_vec(),
    }
}
