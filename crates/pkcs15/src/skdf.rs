//! EF(SKDF), secret keys (PKCS#15 §6.5, ISO/IEC 7816-15 §8.5).

use kortlab_apdu::tlv::{Tag, Tlv, object};

use crate::common::{CommonObjectAttributes, Path};
use crate::directory::{self, Directory, ObjectUnknown, SUB_CLASS, sealed};
use crate::element::Unknown;
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::{Code, Notes};
use crate::flags::KeyUsage;
use crate::frame::{self, Shape};
use crate::id::Id;
use crate::key::CommonKeyAttributes;
use crate::oid::Oid;
use crate::schema::Schema;
use crate::value::{ObjectValue, VALUE_TAGS};

/// The content of EF(SKDF).
pub type SkDf = Directory<SecretKey>;

/// A SecretKeyType (PKCS#15 §6.5.1, SecretKeyChoice of ISO/IEC 7816-15 §8.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// Which alternative it is.
    pub kind: SecretKeyKind,
    /// Label, flags, authId.
    pub common: CommonObjectAttributes,
    /// Identifier, usage, reference.
    pub key: CommonKeyAttributes,
    /// The key's length.
    pub secret: Option<CommonSecretKeyAttributes>,
    /// Where the key is.
    pub attributes: SecretKeyAttributes,
    /// Elements that this version does not know.
    pub unknown: ObjectUnknown,
}

/// The alternatives of SecretKeyType. All but the last are coded alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretKeyKind {
    /// `genericSecretKey` of PKCS#15, `algIndependentKey` of ISO/IEC 7816-15.
    Generic,
    /// One for an algorithm, by its number: 0 RC2, 1 RC4, 2 DES, 3 DES with two keys, 4 with three, and
    /// so on; 15 is the `genericSecretKey` of ISO/IEC 7816-15.
    Numbered(u8),
    /// `otherKey [14]`: for the algorithm with this identifier.
    Other {
        /// The algorithm.
        key_type: Oid,
        /// Elements beside the key that this version does not know.
        unknown: Unknown,
    },
}

/// CommonSecretKeyAttributes (PKCS#15 §6.1.13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonSecretKeyAttributes {
    /// The key's length in bits.
    pub key_length: Option<u32>,
    /// Whether the length stands there without a SEQUENCE around it, as OpenSC writes it.
    pub is_bare: bool,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// GenericSecretKeyAttributes (PKCS#15 §6.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKeyAttributes {
    /// Where the key is, or the key itself.
    pub value: ObjectValue,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

/// The number of `otherKey`.
const OTHER_KEY: u8 = 14;

/// CommonSecretKeyAttributes, or their keyLen alone.
const SUB_CLASS_CONTENT: Schema = &[&[0x30, 0x02]];
const SECRET_SCHEMA: Schema = &[&[0x02]];
const TYPE_SCHEMA: Schema = &[&[0x30]];
const VALUE_SCHEMA: Schema = &[VALUE_TAGS];
const OTHER_SCHEMA: Schema = &[&[0x06], &[0x30]];

impl SecretKey {
    /// A key for any algorithm with this value: a file.
    pub fn generic(
        common: CommonObjectAttributes,
        key: CommonKeyAttributes,
        value: impl Into<ObjectValue>,
    ) -> Self {
        Self {
            kind: SecretKeyKind::Generic,
            common,
            key,
            secret: None,
            attributes: SecretKeyAttributes {
                value: value.into(),
                unknown: Unknown::default(),
            },
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

    /// The key's length in bits, if the object says it.
    pub fn length(&self) -> Option<u32> {
        self.secret.as_ref()?.key_length
    }

    /// Where the key is, or the key itself.
    pub fn value(&self) -> &ObjectValue {
        &self.attributes.value
    }

    /// The key's file, if the object names one.
    pub fn path(&self) -> Option<&Path> {
        self.value().path()
    }

    /// One that has no identifier of an algorithm around it.
    fn decode_as(kind: SecretKeyKind, tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let schemas = [SUB_CLASS, SUB_CLASS_CONTENT, TYPE_SCHEMA];
        let parts = directory::take_apart_with("secret key", tlv, schemas, notes)?;
        Some(Self {
            kind,
            key: CommonKeyAttributes::decode(&parts.class, notes),
            secret: parts
                .sub_class
                .map(|tlv| CommonSecretKeyAttributes::decode(&tlv, notes)),
            attributes: SecretKeyAttributes::decode(&parts.type_attributes, notes)?,
            common: parts.common,
            unknown: parts.unknown,
        })
    }

    fn encode_as(&self, tag: u8) -> Result<Vec<u8>, EncodeError> {
        let secret = self.secret.as_ref().map(CommonSecretKeyAttributes::encode);
        directory::put_together(
            tag,
            &self.common,
            self.key.encode()?,
            secret.transpose()?,
            self.attributes.encode()?,
            &self.unknown,
        )
    }
}

impl CommonSecretKeyAttributes {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        if tlv.tag == Tag::INTEGER {
            let message = "keyLen stands in the subClassAttributes without the SEQUENCE around it, as OpenSC \
                           writes it";
            notes.note(Code::MissingElement, tlv.offset, message);
            return Self {
                key_length: fields::unsigned("keyLen", tlv, notes),
                is_bare: true,
                unknown: Unknown::default(),
            };
        }
        let mut fields = Fields::open("CommonSecretKeyAttributes", SECRET_SCHEMA, tlv, notes);
        Self {
            key_length: fields.read(notes, |tlv, notes| fields::unsigned("keyLen", tlv, notes)),
            is_bare: false,
            unknown: fields.finish(notes),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if let (true, Some(length)) = (self.is_bare, self.key_length) {
            return Ok(fields::unsigned_to_der(0x02, length));
        }
        Writer::new()
            .maybe_unsigned(0x02, self.key_length)
            .finish(0x30, &self.unknown)
    }
}

impl SecretKeyAttributes {
    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let what = "GenericSecretKeyAttributes";
        let mut fields = Fields::open(what, VALUE_SCHEMA, tlv, notes);
        Some(Self {
            value: fields.need("value", notes, ObjectValue::decode_any)?,
            unknown: fields.finish(notes),
        })
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Writer::new()
            .element(self.value.encode()?)
            .finish(0x30, &self.unknown)
    }
}

impl sealed::Object for SecretKey {
    const SHAPE: Shape = Shape {
        tag: |tag| tag == Tag::SEQUENCE || matches!(tag.value(), 0xA0..=0xAF),
        content: |bytes| match frame::element_len(bytes, &[0x06]) {
            Some(key_type) => Some(key_type + frame::element_len(bytes.get(key_type..)?, &[0x30])?),
            None => (directory::object_shape("secret key").content)(bytes),
        },
        ..directory::object_shape("secret key")
    };

    fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let kind = match directory::choice(tlv)? {
            None => SecretKeyKind::Generic,
            Some(OTHER_KEY) => {
                let mut fields = Fields::open("OtherKey", OTHER_SCHEMA, tlv, notes);
                let key_type = fields.need("keyType", notes, |tlv, notes| {
                    fields::oid("keyType", tlv, notes)
                })?;
                let inner =
                    fields.need("keyAttr", notes, |tlv: &Tlv<'_>, _: &mut Notes| Some(*tlv))?;
                let unknown = fields.finish(notes);
                let kind = SecretKeyKind::Other { key_type, unknown };
                return Self::decode_as(kind, &inner, notes);
            }
            Some(number) => SecretKeyKind::Numbered(number),
        };
        Self::decode_as(kind, tlv, notes)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match &self.kind {
            SecretKeyKind::Generic => self.encode_as(directory::choice_tag(None)),
            SecretKeyKind::Numbered(number) if *number > 15 || *number == OTHER_KEY => {
                let why = format!("{number}, which is none of a secret key");
                Err(EncodeError::value("the alternative", why))
            }
            SecretKeyKind::Numbered(number) => self.encode_as(directory::choice_tag(Some(*number))),
            SecretKeyKind::Other { key_type, unknown } => Writer::new()
                .element(object(0x06, key_type.content()))
                .element(self.encode_as(directory::choice_tag(None))?)
                .finish(directory::choice_tag(Some(OTHER_KEY)), unknown),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn key(kind: SecretKeyKind) -> SecretKey {
        let mut key = SecretKey::generic(
            CommonObjectAttributes::labelled("a secret key").with_auth_id(0x01),
            CommonKeyAttributes::new(0x47, KeyUsage::ENCRYPT | KeyUsage::DECRYPT),
            Path::file([0x3F, 0x00, 0x50, 0x15, 0x4B, 0x07]),
        );
        key.kind = kind;
        key.secret = Some(CommonSecretKeyAttributes {
            key_length: Some(192),
            is_bare: false,
            unknown: Unknown::default(),
        });
        key
    }

    #[test]
    fn every_alternative_is_written_and_read_back() {
        let other = SecretKeyKind::Other {
            key_type: "2.16.840.1.101.3.4.1".parse().expect("an identifier"),
            unknown: Unknown::default(),
        };
        let numbered = (0..=15).filter(|number| *number != OTHER_KEY);
        let kinds = numbered.map(SecretKeyKind::Numbered);
        for kind in kinds.chain([SecretKeyKind::Generic, other]) {
            let directory = SkDf::new([key(kind)]);
            let bytes = directory.encode().expect("it encodes");
            let parsed = SkDf::parse(&bytes);
            assert!(parsed.findings.is_empty(), "{:?}", parsed.findings);
            assert_eq!(parsed.value, directory);
        }
        // As OpenSC's `pkcs15-init --store-secret-key` writes it.
        let bare = "303D300F0C066165736B6579030206C0040101301604010B030206C003020780020101A106020101020102\
                    A00402020080A10C300A300804063F0050154D01";
        let bare = hex::decode(bare).expect("hex");
        let parsed = SkDf::parse(&bare);
        let told: Vec<_> = parsed.findings.iter().map(|one| one.severity).collect();
        assert_eq!(told, [Severity::Note], "{:?}", parsed.findings);
        let read = parsed.value.objects().next().expect("a key");
        assert_eq!(read.length(), Some(128));
        assert_eq!(parsed.value.encode(), Ok(bare));
        assert!(
            SkDf::new([key(SecretKeyKind::Numbered(16))])
                .encode()
                .is_err()
        );
    }
}
