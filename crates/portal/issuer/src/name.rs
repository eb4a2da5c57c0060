//! Distinguished names, in the order a profile gives and with the string types it wants.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, PrintableString};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::IssueError;
use crate::oid;

/// Builds a name attribute by attribute; nothing is sorted.
#[derive(Default)]
pub(crate) struct NameBuilder(RdnSequence);

impl NameBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute as PrintableString.
    pub(crate) fn printable(
        self,
        attribute: ObjectIdentifier,
        value: &str,
    ) -> Result<Self, IssueError> {
        let string = PrintableString::new(value).map_err(|_| IssueError::Subject {
            what: "a PrintableString attribute",
            why: format!("{value:?} has characters that PrintableString lacks"),
        })?;
        let value = Any::encode_from(&string).map_err(IssueError::encode("a name attribute"))?;
        self.attribute(attribute, value)
    }

    /// Adds an attribute as UTF8String.
    pub(crate) fn utf8(self, attribute: ObjectIdentifier, value: &str) -> Result<Self, IssueError> {
        // X.520's upper bound on names (ub-name).
        if value.is_empty() || value.chars().count() > 64 {
            return Err(IssueError::Subject {
                what: "a name attribute",
                why: format!("{value:?} is not between 1 and 64 characters long"),
            });
        }
        let value = Any::new(Tag::Utf8String, value.as_bytes())
            .map_err(IssueError::encode("a name attribute"))?;
        self.attribute(attribute, value)
    }

    pub(crate) fn build(self) -> Result<Name, IssueError> {
        self.0
            .to_der()
            .and_then(|der| Name::from_der(&der))
            .map_err(IssueError::encode("a name"))
    }

    fn attribute(mut self, oid: ObjectIdentifier, value: Any) -> Result<Self, IssueError> {
        let one = RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])
            .map_err(IssueError::encode("a name attribute"))?;
        self.0.push(one);
        Ok(self)
    }
}

/// The first attribute of type `attribute`, as text; `None` if there is none or it is not a
/// string of the kinds RFC 5280 allows.
pub(crate) fn attribute(name: &Name, attribute: ObjectIdentifier) -> Option<String> {
    let value = name.iter().find(|pair| pair.oid == attribute)?;
    text(&value.value)
}

/// An attribute's value as text, if it is a string of those kinds.
pub(crate) fn text(value: &Any) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            core::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        // T.61 in the wild is Latin-1.
        Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            if !rest.is_empty() {
                return None;
            }
            char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
                .collect::<Result<String, _>>()
                .ok()
        }
        _ => None,
    }
}

/// The common name, or the whole name in its RFC 4514 form where there is none.
pub(crate) fn display(name: &Name) -> String {
    attribute(name, oid::COMMON_NAME).unwrap_or_else(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_keep_the_order_and_the_string_type_given() {
        let name = NameBuilder::new()
            .printable(oid::COUNTRY_NAME, "SE")
            .unwrap()
            .utf8(oid::COMMON_NAME, "Åsa")
            .unwrap()
            .build()
            .unwrap();
        assert_eq!(
            hex::encode(name.to_der().unwrap()),
            "301c310b3009060355040613025345310d300b06035504030c04c3857361"
        );
        assert_eq!(attribute(&name, oid::COMMON_NAME).as_deref(), Some("Åsa"));
        assert_eq!(attribute(&name, oid::SURNAME), None);
        assert_eq!(display(&name), "Åsa");
    }

    #[test]
    fn a_bmp_or_latin_1_name_is_read_and_a_broken_one_is_not() {
        let read = |tag, bytes: &[u8]| text(&Any::new(tag, bytes).unwrap());
        assert_eq!(read(Tag::BmpString, &[0, 0xC5]).as_deref(), Some("Å"));
        assert_eq!(read(Tag::BmpString, &[0, 0xC5, 0]), None);
        assert_eq!(read(Tag::BmpString, &[0xD8, 0]), None);
        assert_eq!(read(Tag::TeletexString, &[0xC5]).as_deref(), Some("Å"));
        assert_eq!(read(Tag::Utf8String, &[0xC5]), None);
        assert_eq!(read(Tag::Integer, &[1]), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let printable = NameBuilder::new().printable(oid::SERIAL_NUMBER, "Å");
        assert!(matches!(printable, Err(IssueError::Subject { .. })));
        let long = NameBuilder::new().utf8(oid::COMMON_NAME, &"x".repeat(65));
        assert!(matches!(long, Err(IssueError::Subject { .. })));
    }
}
