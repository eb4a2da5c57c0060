//! EF(CDF), certificates (PKCS#15 §6.6).

use kortlab_apdu::tlv::{Tlv, object};

use crate::common::{CommonObjectAttributes, Path};
use crate::directory::{self, Directory, NO_SUB_CLASS, ObjectUnknown, sealed};
use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::Notes;
use crate::flags::X509KeyUsage;
use crate::frame::Shape;
use crate::id::Id;
use crate::key::CredentialIdentifier;
use crate::oid::Oid;
use crate::schema::Schema;
use crate::value::{ObjectValue, VALUE_TAGS};

/// The content of EF(CDF), and of the files of trusted and useful certificates.
pub type Cdf = Directory<Certificate>;

/// A CertificateType (PKCS#15 §6.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Label, flags, authId.
    pub common: CommonObjectAttributes,
    /// Identifier, authority, trusted usage.
    pub certificate: CommonCertificateAttributes,
    /// What depends on the kind of certificate.
    pub attributes: CertificateAttributes,
    /// Elements that this version does not know.
    pub unknown: ObjectUnknown,
}

/// CommonCertificateAttributes (PKCS#15 §6.1.14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonCertificateAttributes {
    /// The identifier of the private key that the certificate is for.
    pub id: Id,
    /// Whether this is the certificate of an authority.
    pub authority: bool,
    /// Another name of the certificate.
    pub identifier: Option<CredentialIdentifier>,
    /// A hash over the certificate (`certHash`), kept as it is.
    pub cert_hash: Option<Element>,
    /// What the holder trusts the certificate for.
    pub trusted_usage: Option<Usage>,
    /// Further names of the certificate.
    pub identifiers: Vec<CredentialIdentifier>,
    /// Whether the certificate is trusted without a chain.
    pub implicit_trust: bool,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// Usage (PKCS#15 §6.1.14): what a certificate or public key is trusted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// keyUsage as in X.509.
    pub key_usage: Option<X509KeyUsage>,
    /// Purposes as in extKeyUsage of X.509.
    pub ext_key_usage: Vec<Oid>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// What depends on the kind of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateAttributes {
    /// X509CertificateAttributes (PKCS#15 §6.6.2).
    X509 {
        /// Where the certificate is, or the certificate itself.
        value: ObjectValue,
        /// The subject's Name, kept as it is.
        subject: Option<Element>,
        /// The issuer's Name in its tag `[0]`, kept as it is.
        issuer: Option<Element>,
        /// The serial number: the content of its INTEGER.
        serial_number: Option<Vec<u8>>,
        /// Elements that this version does not know.
        unknown: Unknown,
    },
    /// Another kind: 0 X.509 attribute certificate, 1 SPKI, 2 PGP, 3 WTLS, 4 X9.68,
    /// 5 card-verifiable.
    Other {
        /// The number of the alternative.
        choice: u8,
        /// The typeAttributes, kept as they are.
        attributes: Element,
    },
}

const COMMON_SCHEMA: Schema = &[
    &[0x04],
    &[0x01],
    &[0x30],
    &[0xA0],
    &[0xA1],
    &[0xA2],
    &[0x83],
];
const USAGE_SCHEMA: Schema = &[&[0x03], &[0x30]];
const X509_SCHEMA: Schema = &[VALUE_TAGS, &[0x30], &[0xA0], &[0x02]];
const TYPE_SCHEMA: Schema = &[&[0x30]];

impl Certificate {
    /// An X.509 certificate for the key `id`, with this value: a file, or the certificate itself.
    pub fn x509(
        common: CommonObjectAttributes,
        id: impl Into<Id>,
        value: impl Into<ObjectValue>,
    ) -> Self {
        Self {
            common,
            certificate: CommonCertificateAttributes {
                id: id.into(),
                ..CommonCertificateAttributes::default()
            },
            attributes: CertificateAttributes::X509 {
                value: value.into(),
                subject: None,
                issuer: None,
                serial_number: None,
                unknown: Unknown::default(),
            },
            unknown: ObjectUnknown::default(),
        }
    }

    /// The same certificate, marked as that of an authority or not.
    #[must_use]
    pub fn with_authority(mut self, authority: bool) -> Self {
        self.certificate.authority = authority;
        self
    }

    /// The identifier of the private key that the certificate is for.
    pub fn id(&self) -> &Id {
        &self.certificate.id
    }

    /// Where the certificate is, or the certificate itself.
    pub fn value(&self) -> Option<&ObjectValue> {
        match &self.attributes {
            CertificateAttributes::X509 { value, .. } => Some(value),
            CertificateAttributes::Other { .. } => None,
        }
    }

    /// The certificate's file, if the object names one.
    pub fn path(&self) -> Option<&Path> {
        self.value().and_then(ObjectValue::path)
    }
}

impl CommonCertificateAttributes {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let mut fields = Fields::open("CommonCertificateAttributes", COMMON_SCHEMA, tlv, notes);
        Self {
            id: fields.need("iD", notes, Id::decode).unwrap_or_default(),
            authority: fields
                .read(notes, |tlv, notes| fields::boolean("authority", tlv, notes))
                .unwrap_or(false),
            identifier: fields.read(notes, CredentialIdentifier::decode),
            cert_hash: fields.read(notes, fields::element),
            trusted_usage: fields.read(notes, Usage::decode),
            identifiers: fields
                .read(notes, CredentialIdentifier::decode_list)
                .unwrap_or_default(),
            implicit_trust: fields
                .read(notes, |tlv, notes| {
                    fields::boolean("implicitTrust", tlv, notes)
                })
                .unwrap_or(false),
            unknown: fields.finish(notes),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let identifier = self.identifier.as_ref().map(CredentialIdentifier::encode);
        let cert_hash = self.cert_hash.as_ref().map(Element::encode);
        let usage = self.trusted_usage.as_ref().map(|usage| usage.encode(0xA1));
        Writer::of(COMMON_SCHEMA)
            .element(self.id.encode("iD")?)
            .unless(
                !self.authority,
                fields::boolean_to_der(0x01, self.authority),
            )
            .maybe(identifier.transpose()?)
            .maybe(cert_hash.transpose()?)
            .maybe(usage.transpose()?)
            .maybe(CredentialIdentifier::encode_list(0xA2, &self.identifiers)?)
            .unless(
                !self.implicit_trust,
                fields::boolean_to_der(0x83, self.implicit_trust),
            )
            .finish(0x30, &self.unknown)
    }
}

impl Usage {
    pub(crate) fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("trustedUsage", USAGE_SCHEMA, tlv, notes);
        let what = "extKeyUsage";
        Some(Self {
            key_usage: fields.read(notes, |tlv, notes| fields::bits("keyUsage", tlv, notes)),
            ext_key_usage: fields
                .read(notes, |tlv, notes| {
                    fields::sequence_of(what, &[0x06], tlv, notes, |tlv, notes| {
                        fields::oid(what, tlv, notes)
                    })
                    .filter(|purposes| !purposes.is_empty())
                })
                .unwrap_or_default(),
            unknown: fields.finish(notes),
        })
    }

    pub(crate) fn encode(&self, tag: u8) -> Result<Vec<u8>, EncodeError> {
        let purposes = (!self.ext_key_usage.is_empty()).then(|| {
            let purposes = self.ext_key_usage.iter();
            let list: Vec<_> = purposes.map(|oid| object(0x06, oid.content())).collect();
            object(0x30, &list.concat())
        });
        Writer::new()
            .maybe_bits(0x03, self.key_usage.map(X509KeyUsage::bits))
            .maybe(purposes)
            .finish(tag, &self.unknown)
    }
}

impl CertificateAttributes {
    fn decode(choice: Option<u8>, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        if let Some(choice) = choice {
            return Some(Self::Other {
                choice,
                attributes: Element::of(tlv),
            });
        }
        let mut fields = Fields::open("X509CertificateAttributes", X509_SCHEMA, tlv, notes);
        Some(Self::X509 {
            value: fields.need("value", notes, ObjectValue::decode)?,
            subject: fields.read(notes, fields::element),
            issuer: fields.read(notes, fields::element),
            serial_number: fields.read(notes, |tlv, notes| {
                fields::integer("serialNumber", tlv, notes)
            }),
            unknown: fields.finish(notes),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let name = |name: &Option<Element>| name.as_ref().map(Element::encode).transpose();
        match self {
            Self::X509 {
                value,
                subject,
                issuer,
                serial_number,
                unknown,
            } => {
                let serial_number = serial_number.as_deref().map(fields::integer_to_der);
                Writer::new()
                    .element(value.encode()?)
                    .maybe(name(subject)?)
                    .maybe(name(issuer)?)
                    .maybe(serial_number.transpose()?)
                    .finish(0x30, unknown)
            }
            Self::Other { attributes, .. } => attributes.encode(),
        }
    }

    fn choice(&self) -> Option<u8> {
        match self {
            Self::X509 { .. } => None,
            Self::Other { choice, .. } => Some(*choice),
        }
    }
}

impl sealed::Object for Certificate {
    const SHAPE: Shape = directory::object_shape("certificate");

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let choice = directory::choice(tlv)?;
        let parts = directory::take_apart("certificate", tlv, NO_SUB_CLASS, TYPE_SCHEMA, notes)?;
        Some(Self {
            certificate: CommonCertificateAttributes::decode(&parts.class, notes),
            attributes: CertificateAttributes::decode(choice, &parts.type_attributes, notes)?,
            common: parts.common,
            unknown: parts.unknown,
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        directory::put_together(
            directory::choice_tag(self.attributes.choice()),
            &self.common,
            self.certificate.encode()?,
            None,
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

    /// Several certificates may be for one key; but not two the same file.
    fn unique(&self) -> Option<(&'static str, Vec<u8>)> {
        let path = self.path()?;
        Some(("the path", path.encode().ok()?))
    }
}
