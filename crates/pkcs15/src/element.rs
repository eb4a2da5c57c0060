//! Elements that are kept as they were read: values this crate does not interpret, and what it
//! does not know.

use core::fmt;
use core::hash::{Hash, Hasher};

use kortlab_apdu::error::{Error, ErrorKind};
use kortlab_apdu::tlv::{Tag, TagClass, Tlv, object, read_one};

use crate::error::EncodeError;
use crate::schema::{Field, Schema, has};

/// How deep elements that are kept as they were read may nest when they are written again.
const MAX_DEPTH: usize = 32;

/// One complete data object (tag, length, value), kept as it was read.
///
/// Written, it comes out in DER: byte for byte the same if it was DER, else with its lengths,
/// BOOLEANs, INTEGERs and BIT STRING padding normalised. Two elements are equal if they are
/// written alike; where there is no DER form, if their bytes are.
#[derive(Clone)]
pub struct Element {
    bytes: Vec<u8>,
}

impl Element {
    /// The one data object that `bytes` are.
    ///
    /// # Errors
    /// The bytes are not one complete data object.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        let read = read_one(&bytes)?.raw.len();
        if read < bytes.len() {
            let count = bytes.len() - read;
            return Err(Error::new(ErrorKind::Trailing { count }, read));
        }
        Ok(Self { bytes })
    }

    /// NULL.
    pub fn null() -> Self {
        Self {
            bytes: vec![0x05, 0x00],
        }
    }

    pub(crate) fn of(tlv: &Tlv<'_>) -> Self {
        Self {
            bytes: tlv.raw.to_vec(),
        }
    }

    /// The whole element as it was read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The element's tag.
    pub fn tag(&self) -> Tag {
        Tag::parse(&self.bytes).map_or(Tag::new(0), |(tag, _)| tag)
    }

    /// The element's value.
    pub fn value(&self) -> &[u8] {
        read_one(&self.bytes).map_or(&[], |tlv| tlv.value)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        to_der(&self.bytes).map_err(|error| EncodeError::Element {
            tag: self.tag(),
            error,
        })
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
            || to_der(&self.bytes).is_ok_and(|der| to_der(&other.bytes) == Ok(der))
    }
}

impl Eq for Element {}

impl Hash for Element {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match to_der(&self.bytes) {
            Ok(der) => der.hash(state),
            Err(_) => self.bytes.hash(state),
        }
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element({})", hex::encode(&self.bytes))
    }
}

/// Elements of a SEQUENCE that this version does not know or could not read, each with the place
/// where it stood, so that it is written there again.
///
/// Two are equal if they hold equal elements in the same order. Their places are counted in fields
/// that may be absent, so that the same place has several numbers.
#[derive(Clone, Debug, Default)]
pub struct Unknown {
    /// Each with the number of fields of the standard that come before it, there or not.
    elements: Vec<(usize, Element)>,
}

impl PartialEq for Unknown {
    fn eq(&self, other: &Self) -> bool {
        self.elements().eq(other.elements())
    }
}

impl Eq for Unknown {}

impl Hash for Unknown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.elements().for_each(|element| element.hash(state));
    }
}

impl Unknown {
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter().map(|(_, element)| element)
    }

    /// Adds `element` at the end of its SEQUENCE: where extensions go.
    pub fn push(&mut self, element: Element) {
        self.elements.push((usize::MAX, element));
    }

    pub(crate) fn push_after(&mut self, fields: usize, element: Element) {
        self.elements.push((fields, element));
    }

    /// The content of the SEQUENCE that is read by `schema`: `fields`, in the order of the
    /// standard, and the unknown elements among them.
    pub(crate) fn weave(&self, schema: Schema, fields: &[Field]) -> Result<Vec<u8>, EncodeError> {
        let mut content = Vec::new();
        let mut elements = self.elements.iter().peekable();
        // The unknown elements since the last field that was written.
        let mut since = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            while let Some((_, element)) = elements.next_if(|(before, _)| *before <= index) {
                content.extend_from_slice(&element.encode()?);
                since.push(element.tag());
            }
            let field = match field {
                Field::Absent => continue,
                Field::Present(field) => field,
                Field::Default(field) => {
                    let (tag, _) = Tag::parse(field).unwrap_or((Tag::new(0), 0));
                    let remaining = schema.get(index..).unwrap_or_default();
                    let stops = |&tag: &Tag| remaining.iter().any(|tags| has(tags, tag));
                    let taken = elements.clone().any(|(_, element)| element.tag() == tag);
                    if !taken || since.iter().any(stops) {
                        continue;
                    }
                    field
                }
            };
            content.extend_from_slice(field);
            since.clear();
        }
        for (_, element) in elements {
            content.extend_from_slice(&element.encode()?);
        }
        Ok(content)
    }
}

/// `bytes`, which are one data object, in DER.
pub(crate) fn to_der(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let tlv = read_one(bytes)?;
    if tlv.raw.len() < bytes.len() {
        let count = bytes.len() - tlv.raw.len();
        return Err(Error::new(ErrorKind::Trailing { count }, tlv.raw.len()));
    }
    object_to_der(&tlv, MAX_DEPTH)
}

fn object_to_der(tlv: &Tlv<'_>, levels: usize) -> Result<Vec<u8>, Error> {
    check_tag(tlv)?;
    if tlv.tag.is_constructed() {
        let Some(levels) = levels.checked_sub(1) else {
            return Err(Error::new(
                ErrorKind::TooDeep { limit: MAX_DEPTH },
                tlv.offset,
            ));
        };
        let mut content = Vec::with_capacity(tlv.value.len());
        for child in tlv.children() {
            content.extend_from_slice(&object_to_der(&child?, levels)?);
        }
        return Ok(object(tlv.tag, &content));
    }
    let invalid = |what| {
        let found = tlv.value.len();
        Error::new(ErrorKind::Length { what, found }, tlv.offset)
    };
    match (tlv.tag, tlv.value) {
        (Tag::BOOLEAN, [value]) => Ok(object(tlv.tag, &[if *value == 0 { 0x00 } else { 0xFF }])),
        (Tag::BOOLEAN, _) => Err(invalid("BOOLEAN")),
        (Tag::INTEGER | Tag::ENUMERATED, []) => Err(invalid("INTEGER")),
        (Tag::INTEGER | Tag::ENUMERATED, value) => Ok(object(tlv.tag, minimal_integer(value))),
        (Tag::BIT_STRING, []) => Err(invalid("BIT STRING")),
        (Tag::BIT_STRING, [unused, bits @ ..]) => {
            if *unused > 7 || (bits.is_empty() && *unused != 0) {
                let found = u32::from(*unused);
                let what = "number of unused bits";
                return Err(Error::new(
                    ErrorKind::Invalid { what, found },
                    tlv.value_offset(),
                ));
            }
            let mut value = tlv.value.to_vec();
            if let ([_, .., last], true) = (&mut value[..], *unused > 0) {
                *last &= 0xFF << unused;
            }
            Ok(object(tlv.tag, &value))
        }
        _ => Ok(object(tlv.tag, tlv.value)),
    }
}

/// DER (X.690 §8.1.2, §8.9, §10.2): tags in their shortest form, and of the universal class only
/// SEQUENCE, SET, EXTERNAL and EMBEDDED PDV constructed.
fn check_tag(tlv: &Tlv<'_>) -> Result<(), Error> {
    let value = tlv.tag.value();
    let long = tlv.tag.len() > 1;
    let bytes = value.to_be_bytes();
    let second = bytes
        .get(5 - tlv.tag.len().clamp(2, 4))
        .copied()
        .unwrap_or(0);
    let padded = long && (second == 0x80 || (tlv.tag.len() == 2 && second < 0x1F));
    let universal = tlv.tag.class() == TagClass::Universal;
    let constructed = matches!(value, 0x28 | 0x2B | 0x30 | 0x31);
    let primitive_only = matches!(value, 0x08 | 0x0B | 0x10 | 0x11);
    let form = universal && !long && (tlv.tag.is_constructed() != constructed || primitive_only);
    if padded || form || value == 0 {
        let (what, found) = ("tag", value);
        return Err(Error::new(ErrorKind::Invalid { what, found }, tlv.offset));
    }
    Ok(())
}

/// An INTEGER's content without superfluous leading bytes (X.690 §8.3.2).
pub(crate) fn minimal_integer(mut value: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = value {
        let superfluous = match rest.first() {
            Some(next) => (*first == 0x00 && *next < 0x80) || (*first == 0xFF && *next >= 0x80),
            None => false,
        };
        if !superfluous {
            break;
        }
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(text: &str) -> Result<String, Error> {
        to_der(&hex::decode(text.replace(' ', "")).expect("hex")).map(hex::encode)
    }

    #[test]
    fn what_is_der_stays_as_it_is_and_what_is_not_is_normalised() {
        assert_eq!(der("3006 0201 05 0101FF").expect("DER"), "30060201050101ff");
        assert_eq!(
            der("308109 02020005 010101 0C00").expect("BER"),
            "3008020105 0101ff 0c00".replace(' ', "")
        );
        assert_eq!(der("03020541").expect("BER"), "03020540");
    }

    #[test]
    fn what_has_no_der_form_is_refused_with_its_place() {
        assert_eq!(der("3003 0201").expect_err("short").offset(), 2);
        assert_eq!(der("3003 0C0241").expect_err("inner").offset(), 4);
        assert!(der("2403 040100").is_err(), "constructed OCTET STRING");
        assert!(der("1F1E00").is_err(), "long form of a short tag");
        assert!(der("3002 0100").is_err(), "BOOLEAN of no bytes");
        assert!(der("0300").is_err(), "BIT STRING of no bytes");
        assert!(der("0201 05 00").is_err(), "trailing byte");
    }

    #[test]
    fn nesting_is_limited() {
        let mut deep = vec![0x05, 0x00];
        for _ in 0..MAX_DEPTH {
            deep = object(Tag::SEQUENCE, &deep);
        }
        assert!(to_der(&deep).is_ok());
        deep = object(Tag::SEQUENCE, &deep);
        assert!(matches!(
            to_der(&deep).expect_err("deep").kind(),
            ErrorKind::TooDeep { .. }
        ));
    }
}
