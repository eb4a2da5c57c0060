//! Private keys on the card: which there are, signing, deciphering.
//!
//! A key signs and deciphers only as an [`UnlockedKey`], which there is only while the key's PIN is
//! verified: [`Card::unlocked`].
//!
//! The card does the private operation; what it has no padding for is padded here. A signature is
//! opened again with the public key before it is handed out: a fault in the card's computation
//! can give away the private key, and a wrong key is better noticed at once.

mod algorithms;
mod ec_point;
mod operation;
mod public;
mod unlocked;

use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::{Id, KeyUsage, PrivateKey, PrivateKeyAttributes};

use crate::card::Card;
use crate::contents::Contents;
use crate::dialect::{CardAlgorithm, KeyLocation, Operation};
use crate::error::{CardError, ErrorKind};
use crate::padding::Hash;
use crate::role::PinRole;

pub(crate) use ec_point::{EC_DH, EC_MQV, EC_PUBLIC_KEY, EcPoint};
pub use public::RsaPublicKey;
pub(crate) use public::trimmed;
pub use unlocked::UnlockedKey;

/// The lengths of a modulus in bits that are worked with.
const MODULUS_BITS: core::ops::RangeInclusive<u32> = 512..=8192;

/// The most security environments of a TokenInfo that are looked at.
const MAX_ENVIRONMENTS: usize = 4;

/// A private key on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its identifier, which its certificates have too.
    pub id: Id,
    /// Its label.
    pub label: Option<String>,
    /// What kind of key it is.
    pub kind: KeyKind,
    /// The length of its modulus in bits, or of the field of its curve, as far as the card says.
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
    pub path: FilePath,
    /// The card's own number of it.
    pub reference: Option<u32>,
    /// The card's numbers of the algorithms that it works with, as the TokenInfo lists them.
    pub algorithms: Vec<CardAlgorithm>,
    /// The numbers of the card's security environments.
    pub environments: Vec<u8>,
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
    /// RSASSA-PKCS1-v1_5.
    Pkcs1(Hash),
    /// RSASSA-PSS with MGF1 and a salt as long as the digest.
    Pss(Hash),
}

impl Scheme {
    /// The hash function of the message.
    pub const fn hash(self) -> Hash {
        match self {
            Self::Pkcs1(hash) | Self::Pss(hash) => hash,
        }
    }
}

/// What the caller has encoded for the private operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawInput<'a> {
    /// A DigestInfo (RFC 8017 §9.2), which is padded by PKCS#1 v1.5.
    DigestInfo(&'a [u8]),
    /// A block as long as the modulus, with whatever padding.
    Block(&'a [u8]),
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

/// What a key is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task<'a> {
    /// Sign a message of which this is the digest, by this scheme.
    Digest(Scheme, &'a [u8]),
    /// Sign what the caller has encoded.
    Raw(RawInput<'a>),
    /// Decipher a cryptogram.
    Decipher(Encryption, &'a [u8]),
}

impl<C: Channel> Card<C> {
    /// The private keys that the card lists.
    pub fn keys(&self) -> Vec<Key> {
        self.private_keys().map(|key| describe(self, key)).collect()
    }

    /// The private key with this identifier.
    ///
    /// # Errors
    /// The card lists none ([`ErrorKind::NotFound`]), or what it lists could not be read to its end.
    pub fn key(&self, id: &Id) -> Result<Key, CardError> {
        let found = self.contents().private_key(id);
        found.map(|key| describe(self, key)).ok_or_else(|| {
            if let Some(why) = self.contents().why_not_all_private_keys() {
                let what = format!("it cannot be told whether the card has a private key {id}");
                return why.context(&what);
            }
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

    /// The key for `role`: the one with the identifier that the card's profile says, else for
    /// signatures the first whose usage has nonRepudiation, for authentication the first without.
    ///
    /// # Errors
    /// As for [`Card::key`].
    pub fn key_for(&self, role: PinRole) -> Result<Key, CardError> {
        let found = crate::pins::role_key(self.contents(), role);
        found.map(|key| describe(self, key)).ok_or_else(|| {
            if let Some(why) = self.contents().why_not_all_private_keys() {
                let what = format!("it cannot be told whether the card has a key for {role}");
                return why.context(&what);
            }
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
    /// Whether the key may be used for `operation`, as the card's directory says (KeyUsageFlags,
    /// PKCS#15 §6.1.9). Nothing is sent to the card. A key whose usage is empty says nothing, and
    /// may be tried.
    ///
    /// # Errors
    /// The usage does not have it, or this program does not work with keys of this kind.
    pub fn allows(&self, operation: Operation) -> Result<(), CardError> {
        self.location()?;
        let (verb, wanted) = match operation {
            Operation::Sign => (
                "sign",
                KeyUsage::SIGN | KeyUsage::SIGN_RECOVER | KeyUsage::NON_REPUDIATION,
            ),
            Operation::Decipher => ("decipher", KeyUsage::DECRYPT | KeyUsage::UNWRAP),
        };
        if self.usage.bits() == 0 || self.usage.bits() & wanted.bits() != 0 {
            return Ok(());
        }
        Err(CardError::new(
            ErrorKind::Refused,
            format!(
                "the key {} may not {verb}: its usage on the card is {}",
                self.id, self.usage
            ),
        )
        .hint("`kortlab key list` shows what each key may do; nothing was sent to the card"))
    }

    /// Whether this program works with keys of this kind and length.
    pub fn is_supported(&self) -> bool {
        self.location().is_ok()
    }

    /// Where the key is, in the terms of the card's dialect.
    fn location(&self) -> Result<(KeyLocation, usize), CardError> {
        let bits = self.bits.filter(|bits| MODULUS_BITS.contains(bits));
        let (KeyKind::Rsa, Some(bits)) = (self.kind, bits) else {
            let what = match self.kind {
                KeyKind::Rsa => format!(
                    "is an RSA key of {} bits, by what the card says",
                    self.bits.unwrap_or(0)
                ),
                KeyKind::Ec => match self.bits {
                    Some(bits) => format!("is an elliptic-curve key of {bits} bits"),
                    None => "is an elliptic-curve key".to_owned(),
                },
                KeyKind::Other => "is of an unknown kind".to_owned(),
            };
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "the key {} {what}; kortlab works with RSA keys of 512 to 8192 bits only",
                    self.id
                ),
            )
            .hint("another program may be able to use it, such as OpenSC's pkcs11-tool"));
        };
        let bits = bits as usize;
        let location = KeyLocation {
            path: self.path.clone(),
            reference: self.reference.and_then(|number| u8::try_from(number).ok()),
            modulus_len: bits.div_ceil(8),
            algorithms: self.algorithms.clone(),
            environments: self.environments.clone(),
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
    let token = card.contents().token_info.as_ref();
    Key {
        id: key.id().clone(),
        label: key.common.label.clone(),
        kind: match key.attributes {
            PrivateKeyAttributes::Rsa { .. } => KeyKind::Rsa,
            PrivateKeyAttributes::Ec { .. } => KeyKind::Ec,
            PrivateKeyAttributes::Other { .. } => KeyKind::Other,
        },
        bits: key
            .modulus_length()
            .or_else(|| algorithms::field_bits(key, token)),
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
        algorithms: algorithms::of_key(key, token),
        environments: token
            .into_iter()
            .flat_map(|token| &token.se_info)
            .filter_map(|info| u8::try_from(info.se).ok())
            .take(MAX_ENVIRONMENTS)
            .collect(),
    }
}
