//! What key objects share: CommonKeyAttributes (PKCS#15 §6.1.9) and KeyInfo.

use kortlab_apdu::tlv::{Tlv, object};

use crate::element::{Element, Unknown};
use crate::error::EncodeError;
use crate::fields::{self, Fields, Writer};
use crate::finding::Notes;
use crate::flags::{KeyAccess, KeyUsage};
use crate::id::Id;
use crate::schema::Schema;
use crate::time::GeneralizedTime;

/// The greatest reference (pkcs15-ub-reference, PKCS#15 annex A).
const MAX_REFERENCE: u32 = 255;

/// CommonKeyAttributes (PKCS#15 §6.1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonKeyAttributes {
    /// The key's identifier; its certificates and its public key have the same.
    pub id: Id,
    /// What the card lets the key do.
    pub usage: KeyUsage,
    /// Whether the card itself can use the key.
    pub native: bool,
    /// How well the key is kept.
    pub access_flags: Option<KeyAccess>,
    /// The card's own number of the key.
    pub key_reference: Option<u32>,
    /// From when on the key may be used.
    pub start_date: Option<GeneralizedTime>,
    /// Until when the key may be used.
    pub end_date: Option<GeneralizedTime>,
    /// References of the algorithms in the TokenInfo that the key works with
    /// (ISO/IEC 7816-15 §8.2.9).
    pub algorithm_references: Vec<u32>,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

impl CommonKeyAttributes {
    const SCHEMA: Schema = &[
        &[0x04],
        &[0x03],
        &[0x01],
        &[0x03],
        &[0x02],
        &[0x18],
        &[0x80],
        &[0xA1],
    ];

    /// A native key with this identifier and usage.
    pub fn new(id: impl Into<Id>, usage: KeyUsage) -> Self {
        Self {
            id: id.into(),
            usage,
            native: true,
            access_flags: None,
            key_reference: None,
            start_date: None,
            end_date: None,
            algorithm_references: Vec::new(),
            unknown: Unknown::default(),
        }
    }

    pub(crate) fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Self {
        let mut fields = Fields::open("CommonKeyAttributes", Self::SCHEMA, tlv, notes);
        Self {
            id: fields.need("iD", notes, Id::decode).unwrap_or_default(),
            usage: fields
                .need("usage", notes, |tlv, notes| {
                    fields::bits("usage", tlv, notes)
                })
                .unwrap_or_default(),
            native: fields
                .read(notes, |tlv, notes| fields::boolean("native", tlv, notes))
                .unwrap_or(true),
            access_flags: fields.read(notes, |tlv, notes| fields::bits("accessFlags", tlv, notes)),
            key_reference: fields.read(notes, |tlv, notes| {
                fields::unsigned_in(0..=MAX_REFERENCE, "keyReference", tlv, notes)
            }),
            start_date: fields.read(notes, |tlv, notes| fields::time("startDate", tlv, notes)),
            end_date: fields.read(notes, |tlv, notes| fields::time("endDate", tlv, notes)),
            algorithm_references: fields
                .read(notes, |tlv, notes| {
                    let what = "algReference";
                    fields::sequence_of(what, &[0x02], tlv, notes, |tlv, notes| {
                        fields::unsigned(what, tlv, notes)
                    })
                    .filter(|references| !references.is_empty())
                })
                .unwrap_or_default(),
            unknown: fields.finish(notes),
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if let Some(reference) = self.key_reference
            && reference > MAX_REFERENCE
        {
            let why = format!("{reference}, at most {MAX_REFERENCE} is allowed");
            return Err(EncodeError::value("keyReference", why));
        }
        let references = (!self.algorithm_references.is_empty()).then(|| {
            let numbers = self.algorithm_references.iter();
            let list: Vec<_> = numbers
                .map(|&number| fields::unsigned_to_der(0x02, number))
                .collect();
            object(0xA1, &list.concat())
        });
        Writer::of(Self::SCHEMA)
            .element(self.id.encode("iD")?)
            .bits(0x03, self.usage.bits())
            .unless(self.native, fields::boolean_to_der(0x01, self.native))
            .maybe_bits(0x03, self.access_flags.map(KeyAccess::bits))
            .maybe_unsigned(0x02, self.key_reference)
            .maybe_bytes(0x18, self.start_date.as_ref().map(GeneralizedTime::as_str))
            .maybe_bytes(0x80, self.end_date.as_ref().map(GeneralizedTime::as_str))
            .maybe(references)
            .finish(0x30, &self.unknown)
    }
}

/// KeyInfo (PKCS#15 §6.3.2): a reference to an algorithm in the TokenInfo, or parameters and
/// operations, which are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyInfo {
    /// The reference of an AlgorithmInfo in the TokenInfo.
    Reference(u32),
    /// `paramsAndOps`, kept as it is.
    ParamsAndOps(Element),
}

impl KeyInfo {
    pub(crate) const TAGS: &'static [u8] = &[0x02, 0x30];

    pub(crate) fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        if tlv.tag.is_constructed() {
            return Some(Self::ParamsAndOps(Element::of(tlv)));
        }
        fields::unsigned("keyInfo", tlv, notes).map(Self::Reference)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Reference(reference) => Ok(fields::unsigned_to_der(0x02, *reference)),
            Self::ParamsAndOps(element) => element.encode(),
        }
    }
}

/// A CredentialIdentifier (PKCS#15 §6.1.6): another way to name a key or certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialIdentifier {
    /// The kind: 1 issuer and serial number, 2 subject key identifier, 3 the hash of issuer and
    /// serial number, and so on.
    pub id_type: u32,
    /// The value, kept as it is.
    pub id_value: Element,
    /// Elements that this version does not know.
    pub unknown: Unknown,
}

impl CredentialIdentifier {
    const SCHEMA: Schema = &[&[0x02], &[0x04, 0x30, 0x03, 0x02, 0x0C, 0x13, 0x16]];

    pub(crate) fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        let mut fields = Fields::open("CredentialIdentifier", Self::SCHEMA, tlv, notes);
        let id_type = fields.need("idType", notes, |tlv, notes| {
            fields::unsigned("idType", tlv, notes)
        })?;
        let id_value = fields.need("idValue", notes, fields::element)?;
        Some(Self {
            id_type,
            id_value,
            unknown: fields.finish(notes),
        })
    }

    pub(crate) fn decode_list(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Vec<Self>> {
        fields::sequence_of("identifiers", &[0x30], tlv, notes, Self::decode)
            .filter(|identifiers| !identifiers.is_empty())
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Writer::new()
            .unsigned(0x02, self.id_type)
            .element(self.id_value.encode()?)
            .finish(0x30, &self.unknown)
    }

    pub(crate) fn encode_list(tag: u8, list: &[Self]) -> Result<Option<Vec<u8>>, EncodeError> {
        if list.is_empty() {
            return Ok(None);
        }
        let encoded: Vec<_> = list.iter().map(Self::encode).collect::<Result<_, _>>()?;
        Ok(Some(object(tag, &encoded.concat())))
    }
}
