//! Private keys on the card: which there are, signing, deciphering.
//!
//! The card does the private operation; what it has no padding for is padded here. A signature is
//! opened again with the public key before it is handed out: a fault in the card's computation
//! can give away the private key, and a wrong key is better noticed at once.

mod operation;
mod public;

use kortlab_apdu::Channel;
use kortlab_pkcs15::{Id, KeyUsage, PrivateKey, PrivateKeyAttributes};

use crate::card::Card;
use crate::contents::Contents;
use crate::dialect::KeyLocation;
use crate::error::{CardError, ErrorKind};
use crate::padding::Hash;
use crate::role::PinRole;

pub use public::RsaPublicKey;

/// The lengths of a modulus in bits that are worked with.
const MODULUS_BITS: core::ops::RangeInclusive<u32> = 512..=8192;

/// A private key on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its identifier, which its certificates have too.
    pub id: Id,
    /// Its label.
    pub label: Option<String>,
    /// What kind of key it is.
    pub kind: KeyKind,
    /// The length of its modulus in bits, if it is an RSA key.
    pub bits: Option<u32>,
    /// What the card lets it do.
    pub usage: KeyUsage,
    /// Which of the two PINs protects it.
    pub pin: Option<PinRole>,
    /// The identifier of the authentication object that protects it.
    pub auth_id: Option<Id>,
    /// After how many uses the PIN must be verified again; 1: before each.
    pub user_consent: Option<u32>,
    /// The absolute path of its file; empty if the card names none.
    pub path: Vec<u8>,
    /// The card's own number of it.
    pub reference: Option<u32>,
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// Elliptic curve.
    Ec,
    /// Another kind.
    Other,
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 of a message, hashed here.
    Pkcs1(Hash),
    /// RSASSA-PKCS1-v1_5 of a DigestInfo that the caller has made.
    Pkcs1DigestInfo,
    /// RSASSA-PSS of a message, hashed here, with MGF1 and a salt as long as the digest.
    Pss(Hash),
    /// The bare private operation on an input as long as the modulus.
    Raw,
}

/// How a cryptogram was padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// RSAES-PKCS1-v1_5.
    Pkcs1,
    /// RSAES-OAEP with this hash function, MGF1 with the same, and no label.
    Oaep(Hash),
    /// Not at all: the bare private operation.
    Raw,
}

impl<C: Channel> Card<C> {
    /// The private keys that the card lists.
    pub fn keys(&self) -> Vec<Key> {
        self.private_keys().map(|key| describe(self, key)).collect()
    }

    /// The private key with this identifier.
    ///
    /// # Errors
    /// The card lists none.
    pub fn key(&self, id: &Id) -> Result<Key, CardError> {
        let found = self.private_keys().find(|key| key.id() == id);
        found.map(|key| describe(self, key)).ok_or_else(|| {
            let have: Vec<_> = self
                .private_keys()
                .map(|key| key.id().to_string())
                .collect();
            CardError::new(
                ErrorKind::NotFound,
                format!("the card has no private key {id}"),
            )
            .hint(match have.as_slice() {
                [] => "it lists no private key at all".to_owned(),
                some => format!("it has: {}", some.join(", ")),
            })
        })
    }

    /// The key for `role`: the signature key is the one with identifier 46, else the first whose
    /// usage has nonRepudiation; the authentication key the one with 45, else the first without.
    ///
    /// # Errors
    /// The card lists none.
    pub fn key_for(&self, role: PinRole) -> Result<Key, CardError> {
        let found = crate::pins::role_key(self.contents(), role);
        found.map(|key| describe(self, key)).ok_or_else(|| {
            CardError::new(
                ErrorKind::NotFound,
                format!("the card lists no key for {role}"),
            )
        })
    }

    fn private_keys(&self) -> impl Iterator<Item = &PrivateKey> {
        private_keys(self.contents())
    }
}

impl Key {
    /// Where the key is, in the terms of the card's dialect.
    fn location(&self) -> Result<(KeyLocation, usize), CardError> {
        let bits = self.bits.filter(|bits| MODULUS_BITS.contains(bits));
        let (KeyKind::Rsa, Some(bits)) = (self.kind, bits) else {
            let what = match self.kind {
                KeyKind::Rsa => format!(
                    "is an RSA key of {} bits, by what the card says",
                    self.bits.unwrap_or(0)
                ),
                KeyKind::Ec => "is an elliptic-curve key".to_owned(),
                KeyKind::Other => "is of an unknown kind".to_owned(),
            };
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "the key {} {what}; only RSA of 512 to 8192 bits is supported",
                    self.id
                ),
            ));
        };
        let bits = bits as usize;
        let location = KeyLocation {
            path: self.path.clone(),
            reference: self.reference.and_then(|number| u8::try_from(number).ok()),
            modulus_len: bits.div_ceil(8),
        };
        Ok((location, bits))
    }
}

pub(crate) fn private_keys(contents: &Contents) -> impl Iterator<Item = &PrivateKey> {
    contents
        .private_keys
        .iter()
        .flat_map(|file| file.directory.objects())
}

fn describe<C: Channel>(card: &Card<C>, key: &PrivateKey) -> Key {
    let auth_id = key.common.auth_id.clone();
    let pin = auth_id
        .as_ref()
        .and_then(|auth_id| card.pin_by_id(auth_id))
        .and_then(|(_, role)| role);
    Key {
        id: key.id().clone(),
        label: key.common.label.clone(),
        kind: match key.attributes {
            PrivateKeyAttributes::Rsa { .. } => KeyKind::Rsa,
            PrivateKeyAttributes::Ec { .. } => KeyKind::Ec,
            PrivateKeyAttributes::Other { .. } => KeyKind::Other,
        },
        bits: key.modulus_length(),
        usage: key.usage(),
        pin,
        auth_id,
        user_consent: key.common.user_consent,
        path: key
            .path()
            .filter(|path| !path.path.is_empty())
            .map(|path| card.contents().absolute(path))
            .unwrap_or_default(),
        reference: key.key.key_reference,
    }
}
