//! EF(PrKDF), private keys (PKCS#15 §6.3).

use kortlab_apdu::tlv::Tlv;

use crate::common::{CommonObjectAttributes, Path};
use crate::directory::{self, Directory, ObjectUnknown, SUB_CLASS, sealed};
use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::Notes;
use crate::flags::KeyUsage;
use crate::frame::Shape;
use crate::id::Id;
use crate::key::{CommonKeyAttributes, CredentialIdentifier};
use crate::key_attributes::KeyAttributes;
use crate::schema::Schema;
use crate::value::ObjectValue;

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

/// What depends on the kind of a private key (PKCS#15 §6.3.2 and §6.3.3).
pub type PrivateKeyAttributes = KeyAttributes;

/// What findings call them, RSA and elliptic curve.
const ATTRIBUTES: [&str; 2] = ["PrivateRSAKeyAttributes", "PrivateECKeyAttributes"];
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
        Self::new(common, key, KeyAttributes::rsa(path.into(), bits))
    }

    /// An elliptic-curve key in the file at `path`.
    pub fn ec(common: CommonObjectAttributes, key: CommonKeyAttributes, path: Path) -> Self {
        Self::new(common, key, KeyAttributes::ec(path.into()))
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
        self.attributes.value().and_then(ObjectValue::path)
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
            attributes: KeyAttributes::decode(ATTRIBUTES, choice, &parts.type_attributes, notes)?,
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

    fn identifier(&self) -> Option<&Id> {
        Some(self.id())
    }

    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        Some(("iD", self.key.id.0.clone()))
    }
}
