//! EF(PuKDF), public keys (PKCS#15 §6.4).

use kortlab_apdu::tlv::Tlv;

use crate::cdf::Usage;
use crate::common::{CommonObjectAttributes, Id, Path};
use crate::directory::{self, Directory, ObjectUnknown, SUB_CLASS, sealed};
use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Schema, Writer};
use crate::finding::Notes;
use crate::flags::KeyUsage;
use crate::frame::Shape;
use crate::key::{CommonKeyAttributes, CredentialIdentifier, KeyInfo};
use crate::value::{ObjectValue, VALUE_TAGS};

/// The content of EF(PuKDF), and of the file of trusted public keys.
pub type PuKdf = Directory<PublicKey>;

/// A PublicKeyType (PKCS#15 §6.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Label, flags, authId.
    pub common: CommonObjectAttributes,
    /// Identifier, usage, reference.
    pub key: CommonKeyAttributes,
    /// Subject name and trusted usage.
    pub public: Option<CommonPublicKeyAttributes>,
    /// What depends on the kind of key.
    pub attributes: PublicKeyAttributes,
    /// Elements that this version does not know.
    pub unknown: ObjectUnknown,
}

/// CommonPublicKeyAttributes (PKCS#15 §6.1.12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonPublicKeyAttributes {
    /// The subject's Name as its certificate has it, kept as it is.
    pub subject_name: Option<Element>,
    /// What the holder trusts the key for.
    pub trusted_usage: Option<Usage>,
    /// Further names of the key (ISO/IEC 7816-15 §8.2.11).
    pub key_identifiers: Vec<CredentialIdentifier>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// What depends on the kind of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKeyAttributes {
    /// PublicRSAKeyAttributes (PKCS#15 §6.4.2).
    Rsa {
        /// Where the key is, or the key itself.
        value: ObjectValue,
        /// The modulus' length in bits.
        modulus_length: u32,
        /// Parameters and operations.
        key_info: Option<KeyInfo>,
        /// Elements that this version does not know.
        unknown: Unknown,
    },
    /// PublicECKeyAttributes (PKCS#15 §6.4.3).
    Ec {
        /// Where the key is, or the key itself.
        value: ObjectValue,
        /// Parameters and operations.
        key_info: Option<KeyInfo>,
        /// Elements that this version does not know.
        unknown: Unknown,
    },
    /// Another kind: 1 Diffie-Hellman, 2 DSA, 3 KEA.
    Other {
        /// The number of the alternative.
        choice: u8,
        /// The typeAttributes, kept as they are.
        attributes: Element,
    },
}

const RSA_SCHEMA: Schema = &[VALUE_TAGS, &[0x02], KeyInfo::TAGS];
const EC_SCHEMA: Schema = &[VALUE_TAGS, KeyInfo::TAGS];
const PUBLIC_SCHEMA: Schema = &[&[0x30], &[0xA0], &[0xA1]];
const TYPE_SCHEMA: Schema = &[&[0x30]];

impl PublicKey {
    /// An RSA key with this value (a file, or the key itself), its modulus of `bits` bits.
    pub fn rsa(
        common: CommonObjectAttributes,
        key: CommonKeyAttributes,
        value: impl Into<ObjectValue>,
        bits: u32,
    ) -> Self {
        let attributes = PublicKeyAttributes::Rsa {
            value: value.into(),
            modulus_length: bits,
            key_info: None,
            unknown: Unknown::default(),
        };
        Self::new(common, key, attributes)
    }

    /// An elliptic-curve key with this value (a file, or the key itself).
    pub fn ec(
        common: CommonObjectAttributes,
        key: CommonKeyAttributes,
        value: impl Into<ObjectValue>,
    ) -> Self {
        let attributes = PublicKeyAttributes::Ec {
            value: value.into(),
            key_info: None,
            unknown: Unknown::default(),
        };
        Self::new(common, key, attributes)
    }

    fn new(
        common: CommonObjectAttributes,
        key: CommonKeyAttributes,
        attributes: PublicKeyAttributes,
    ) -> Self {
        Self {
            common,
            key,
            public: None,
            attributes,
            unknown: ObjectUnknown::default(),
        }
    }

    /// The key's identifier.
    pub fn id(&self) -> &Id {
        &self.key.id
    }

    /// What the card lets the key do.
    pub fn usage(&self) -> KeyUsage {
        self.key.usage
    }

    /// Where the key is, or the key itself.
    pub fn value(&self) -> Option<&ObjectValue> {
        match &self.attributes {
            PublicKeyAttributes::Rsa { value, .. } | PublicKeyAttributes::Ec { value, .. } => {
                Some(value)
            }
            PublicKeyAttributes::Other { .. } => None,
        }
    }

    /// The key's file, if the object names one.
    pub fn path(&self) -> Option<&Path> {
        self.value().and_then(ObjectValue::path)
    }
}

impl CommonPublicKeyAttributes {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let mut fields = Fields::open("CommonPublicKeyAttributes", PUBLIC_SCHEMA, tlv, notes);
        Self {
            subject_name: fields.read(notes, fields::element),
            trusted_usage: fields.read(notes, Usage::decode),
            key_identifiers: fields
                .read(notes, CredentialIdentifier::decode_list)
                .unwrap_or_default(),
            unknown: fields.finish(notes),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let subject_name = self.subject_name.as_ref().map(Element::encode);
        let usage = self.trusted_usage.as_ref().map(|usage| usage.encode(0xA0));
        Writer::new()
            .maybe(subject_name.transpose()?)
            .maybe(usage.transpose()?)
            .maybe(CredentialIdentifier::encode_list(
                0xA1,
                &self.key_identifiers,
            )?)
            .finish(0x30, &self.unknown)
    }
}

impl PublicKeyAttributes {
    fn decode(choice: Option<u8>, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        match choice {
            None => {
                let mut fields = Fields::open("PublicRSAKeyAttributes", RSA_SCHEMA, tlv, notes);
                Some(Self::Rsa {
                    value: fields.need("value", notes, ObjectValue::decode_any)?,
                    modulus_length: fields
                        .need("modulusLength", notes, |tlv, notes| {
                            fields::unsigned("modulusLength", tlv, notes)
                        })
                        .unwrap_or_default(),
                    key_info: fields.read(notes, KeyInfo::decode),
                    unknown: fields.finish(notes),
                })
            }
            Some(0) => {
                let mut fields = Fields::open("PublicECKeyAttributes", EC_SCHEMA, tlv, notes);
                Some(Self::Ec {
                    value: fields.need("value", notes, ObjectValue::decode_any)?,
                    key_info: fields.read(notes, KeyInfo::decode),
                    unknown: fields.finish(notes),
                })
            }
            Some(choice) => Some(Self::Other {
                choice,
                attributes: Element::of(tlv),
            }),
        }
    }

    fn choice(&self) -> Option<u8> {
        match self {
            Self::Rsa { .. } => None,
            Self::Ec { .. } => Some(0),
            Self::Other { choice, .. } => Some(*choice),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let info = |info: &Option<KeyInfo>| info.as_ref().map(KeyInfo::encode).transpose();
        match self {
            Self::Rsa {
                value,
                modulus_length,
                key_info,
                unknown,
            } => Writer::new()
                .element(value.encode()?)
                .unsigned(0x02, *modulus_length)
                .maybe(info(key_info)?)
                .finish(0x30, unknown),
            Self::Ec {
                value,
                key_info,
                unknown,
            } => Writer::new()
                .element(value.encode()?)
                .maybe(info(key_info)?)
                .finish(0x30, unknown),
            Self::Other { attributes, .. } => attributes.encode(),
        }
    }
}

impl sealed::Object for PublicKey {
    const SHAPE: Shape = directory::object_shape("public key");

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let choice = directory::choice(tlv)?;
        let parts = directory::take_apart("public key", tlv, SUB_CLASS, TYPE_SCHEMA, notes)?;
        Some(Self {
            key: CommonKeyAttributes::decode(&parts.class, notes),
            public: parts
                .sub_class
                .map(|tlv| CommonPublicKeyAttributes::decode(&tlv, notes)),
            attributes: PublicKeyAttributes::decode(choice, &parts.type_attributes, notes)?,
            common: parts.common,
            unknown: parts.unknown,
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let sub_class = self.public.as_ref().map(CommonPublicKeyAttributes::encode);
        directory::put_together(
            directory::choice_tag(self.attributes.choice()),
            &self.common,
            self.key.encode()?,
            sub_class.transpose()?,
            self.attributes.encode()?,
            &self.unknown,
        )
    }

    fn label(&self) -> Option<&str> {
        self.common.label.as_deref()
    }

    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        Some(("iD", self.key.id.0.clone()))
    }
}
