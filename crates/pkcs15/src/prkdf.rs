//! EF(PrKDF), private keys (PKCS#15 §6.3).

use kortlab_apdu::tlv::Tlv;

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

/// The content of EF(PrKDF).
pub type PrKdf = Directory<PrivateKey>;

/// A PrivateKeyType (PKCS#15 §6.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey {
    /// Label, flags, authId.
    pub common: CommonObjectAttributes,
    /// Identifier, usage, reference.
    pub key: CommonKeyAttributes,
    /// Subject name and further identifiers.
    pub private: Option<CommonPrivateKeyAttributes>,
    /// What depends on the kind of key.
    pub attributes: PrivateKeyAttributes,
    /// Elements that this version does not know.
    pub unknown: ObjectUnknown,
}

/// CommonPrivateKeyAttributes (PKCS#15 §6.1.11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonPrivateKeyAttributes {
    /// The subject's Name as its certificate has it, kept as it is.
    pub subject_name: Option<Element>,
    /// Further names of the key.
    pub key_identifiers: Vec<CredentialIdentifier>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// What depends on the kind of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateKeyAttributes {
    /// PrivateRSAKeyAttributes (PKCS#15 §6.3.2).
    Rsa {
        /// Where the key is.
        value: ObjectValue,
        /// The modulus' length in bits.
        modulus_length: u32,
        /// Parameters and operations.
        key_info: Option<KeyInfo>,
        /// Elements that this version does not know.
        unknown: Unknown,
    },
    /// PrivateECKeyAttributes (PKCS#15 §6.3.3).
    Ec {
        /// Where the key is.
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
const PRIVATE_SCHEMA: Schema = &[&[0x30], &[0xA0]];
const TYPE_SCHEMA: Schema = &[&[0x30]];

impl PrivateKey {
    /// An RSA key in the file at `path`, its modulus of `bits` bits.
    pub fn rsa(
        common: CommonObjectAttributes,
        key: CommonKeyAttributes,
        path: Path,
        bits: u32,
    ) -> Self {
        let attributes = PrivateKeyAttributes::Rsa {
            value: path.into(),
            modulus_length: bits,
            key_info: None,
            unknown: Unknown::default(),
        };
        Self::new(common, key, attributes)
    }

    /// An elliptic-curve key in the file at `path`.
    pub fn ec(common: CommonObjectAttributes, key: CommonKeyAttributes, path: Path) -> Self {
        let attributes = PrivateKeyAttributes::Ec {
            value: path.into(),
            key_info: None,
            unknown: Unknown::default(),
        };
        Self::new(common, key, attributes)
    }

    fn new(
        common: CommonObjectAttributes,
        key: CommonKeyAttributes,
        attributes: PrivateKeyAttributes,
    ) -> Self {
        Self {
            common,
            key,
            private: None,
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

    /// The key's file, if the object names one.
    pub fn path(&self) -> Option<&Path> {
        match &self.attributes {
            PrivateKeyAttributes::Rsa { value, .. } | PrivateKeyAttributes::Ec { value, .. } => {
                value.path()
            }
            PrivateKeyAttributes::Other { .. } => None,
        }
    }

    /// The modulus' length in bits, if this is an RSA key.
    pub fn modulus_length(&self) -> Option<u32> {
        match self.attributes {
            PrivateKeyAttributes::Rsa { modulus_length, .. } => Some(modulus_length),
            _ => None,
        }
    }
}

impl CommonPrivateKeyAttributes {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let mut fields = Fields::open("CommonPrivateKeyAttributes", PRIVATE_SCHEMA, tlv, notes);
        Self {
            subject_name: fields.read(notes, fields::element),
            key_identifiers: fields
                .read(notes, CredentialIdentifier::decode_list)
                .unwrap_or_default(),
            unknown: fields.finish(notes),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let subject_name = self.subject_name.as_ref().map(Element::encode);
        Writer::new()
            .maybe(subject_name.transpose()?)
            .maybe(CredentialIdentifier::encode_list(
                0xA0,
                &self.key_identifiers,
            )?)
            .finish(0x30, &self.unknown)
    }
}

impl PrivateKeyAttributes {
    fn decode(choice: Option<u8>, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        match choice {
            None => {
                let mut fields = Fields::open("PrivateRSAKeyAttributes", RSA_SCHEMA, tlv, notes);
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
                let mut fields = Fields::open("PrivateECKeyAttributes", EC_SCHEMA, tlv, notes);
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

impl sealed::Object for PrivateKey {
    const SHAPE: Shape = directory::object_shape("private key");

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let choice = directory::choice(tlv)?;
        let parts = directory::take_apart("private key", tlv, SUB_CLASS, TYPE_SCHEMA, notes)?;
        Some(Self {
            key: CommonKeyAttributes::decode(&parts.class, notes),
            private: parts
                .sub_class
                .map(|tlv| CommonPrivateKeyAttributes::decode(&tlv, notes)),
            attributes: PrivateKeyAttributes::decode(choice, &parts.type_attributes, notes)?,
            common: parts.common,
            unknown: parts.unknown,
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let sub_class = self
            .private
            .as_ref()
            .map(CommonPrivateKeyAttributes::encode);
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
