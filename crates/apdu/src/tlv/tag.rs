//! Tag fields (ISO/IEC 7816-4 §5.2.2.1): one to four bytes here.

use core::fmt;

use crate::error::{Error, ErrorKind};

/// The class of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagClass {
    /// `00xx xxxx`.
    Universal,
    /// `01xx xxxx`.
    Application,
    /// `10xx xxxx`.
    ContextSpecific,
    /// `11xx xxxx`.
    Private,
}

/// A tag field of one to four bytes, as the number that its bytes spell: `0x30`, `0x7F49`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(u32);

impl Tag {
    /// BOOLEAN.
    pub const BOOLEAN: Self = Self(0x01);
    /// INTEGER.
    pub const INTEGER: Self = Self(0x02);
    /// BIT STRING.
    pub const BIT_STRING: Self = Self(0x03);
    /// OCTET STRING.
    pub const OCTET_STRING: Self = Self(0x04);
    /// OBJECT IDENTIFIER.
    pub const OBJECT_IDENTIFIER: Self = Self(0x06);
    /// ENUMERATED.
    pub const ENUMERATED: Self = Self(0x0A);
    /// UTF8String.
    pub const UTF8_STRING: Self = Self(0x0C);
    /// PrintableString.
    pub const PRINTABLE_STRING: Self = Self(0x13);
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: Self = Self(0x18);
    /// SEQUENCE.
    pub const SEQUENCE: Self = Self(0x30);
    /// SET.
    pub const SET: Self = Self(0x31);

    /// The tag whose bytes spell `value`, most significant first. The value is not checked: use
    /// [`Tag::parse`] for bytes from outside.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// A context-specific tag `[number]`, number below 31.
    pub const fn context(number: u8, constructed: bool) -> Self {
        let form = if constructed { 0x20 } else { 0 };
        Self((0x80 | form | (number & 0x1F)) as u32)
    }

    /// Reads a tag field at the start of `bytes`; returns it and its length in bytes.
    ///
    /// # Errors
    /// No complete tag, or one of more than four bytes.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let truncated = |needed| {
            Error::new(
                ErrorKind::Truncated {
                    what: "tag",
                    needed,
                    available: bytes.len(),
                },
                0,
            )
        };
        let &first = bytes.first().ok_or(truncated(1))?;
        let mut value = u32::from(first);
        if first & 0x1F != 0x1F {
            return Ok((Self(value), 1));
        }
        for index in 1..4 {
            let &byte = bytes.get(index).ok_or(truncated(index + 1))?;
            value = value << 8 | u32::from(byte);
            if byte & 0x80 == 0 {
                return Ok((Self(value), index + 1));
            }
        }
        Err(Error::new(
            ErrorKind::Length {
                what: "tag",
                found: 5,
            },
            0,
        ))
    }

    /// The number that the tag's bytes spell.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Whether bit 6 of the first byte says "constructed": the value is made of data objects.
    pub const fn is_constructed(self) -> bool {
        self.first() & 0x20 != 0
    }

    /// The class in bits 8 and 7 of the first byte.
    pub const fn class(self) -> TagClass {
        match self.first() >> 6 {
            0 => TagClass::Universal,
            1 => TagClass::Application,
            2 => TagClass::ContextSpecific,
            _ => TagClass::Private,
        }
    }

    /// How many bytes the tag field takes: 1 to 4.
    pub const fn len(self) -> usize {
        match self.0 {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            0x1_0000..=0xFF_FFFF => 3,
            _ => 4,
        }
    }

    /// Never: a tag has at least one byte. Here because `len` is.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Appends the tag's bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        let bytes = self.0.to_be_bytes();
        out.extend_from_slice(bytes.get(4 - self.len()..).unwrap_or_default());
    }

    const fn first(self) -> u8 {
        (self.0 >> (8 * (self.len() - 1))) as u8
    }
}

impl From<u8> for Tag {
    fn from(value: u8) -> Self {
        Self(u32::from(value))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$X}", self.0, width = 2 * self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_one_to_four_bytes_are_read() {
        assert_eq!(Tag::parse(&[0x30]), Ok((Tag::SEQUENCE, 1)));
        assert_eq!(Tag::parse(&[0x7F, 0x49]), Ok((Tag::new(0x7F49), 2)));
        assert_eq!(
            Tag::parse(&[0x5F, 0xC1, 0x05]),
            Ok((Tag::new(0x5F_C105), 3))
        );
        assert!(Tag::parse(&[0x1F, 0x81, 0x81, 0x81, 0x01]).is_err());
        assert!(Tag::parse(&[0x1F]).is_err());
    }

    #[test]
    fn class_and_form_come_from_the_first_byte() {
        assert!(Tag::new(0x7F49).is_constructed());
        assert_eq!(Tag::new(0x7F49).class(), TagClass::Application);
        assert_eq!(Tag::context(1, true), Tag::new(0xA1));
        assert_eq!(Tag::new(0x9F7F).class(), TagClass::ContextSpecific);
    }
}
