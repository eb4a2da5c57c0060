//! EF(PuKDF), public keys (PKCS#15 §6.4).

use kortlab_apdu::tlv::Tlv;

use crate::cdf::Usage;
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

/// What depends on the kind of a public key (PKCS#15 §6.4.2 and §6.4.3).
pub type PublicKeyAttributes = KeyAttributes;

/// What findings call them, RSA and elliptic curve.
const ATTRIBUTES: [&str; 2] = ["PublicRSAKeyAttributes", "PublicECKeyAttributes"];
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
        Self::new(common, key, KeyAttributes::rsa(value.into(), bits))
    }

    /// An elliptic-curve key with this value (a file, or the key itself).
    pub fn ec(
        common: CommonObjectAttributes,
        key: CommonKeyAttributes,
        value: impl Into<ObjectValue>,
    ) -> Self {
        Self::new(common, key, KeyAttributes::ec(value.into()))
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

    /// The modulus' length in bits, if this is an RSA key.
    pub fn modulus_length(&self) -> Option<u32> {
        match self.attributes {
            PublicKeyAttributes::Rsa { modulus_length, .. } => Some(modulus_length),
            _ => None,
        }
    }

    /// Where the key is, or the key itself.
    pub fn value(&self) -> Option<&ObjectValue> {
        self.attributes.value()
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
            attributes: KeyAttributes::decode(ATTRIBUTES, choice, &parts.type_attributes, notes)?,
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

    fn identifier(&self) -> Option<&Id> {
        Some(self.id())
    }

    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        Some(("iD", self.key.id.0.clone()))
    }
}
