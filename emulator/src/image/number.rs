//! Identifiers of one and two bytes as hexadecimal text in the image: `"3F00"`, `"81"`.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A tag of one or two bytes that GET DATA and PUT DATA take in P1-P2, in the image four
/// hexadecimal digits: `"DF30"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataTag(pub u16);

/// One byte, in the image two hexadecimal digits: `"81"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HexByte(pub u8);

impl Serialize for DataTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DataTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        digits(deserializer, 4).map(Self)
    }
}

impl fmt::Display for DataTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for DataTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<u16> for DataTag {
    fn from(value: u16) -> Self {
        Self(value)
    }
}

impl fmt::Display for HexByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

impl fmt::Debug for HexByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<u8> for HexByte {
    fn from(value: u8) -> Self {
        Self(value)
    }
}

impl Serialize for HexByte {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HexByte {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = digits(deserializer, 2)?;
        Ok(Self(value.to_be_bytes()[1]))
    }
}

fn digits<'de, D: Deserializer<'de>>(deserializer: D, count: usize) -> Result<u16, D::Error> {
    struct Visitor(usize);
    impl serde::de::Visitor<'_> for Visitor {
        type Value = u16;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} hexadecimal digits in double quotes", self.0)
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u16, E> {
            let well_formed =
                text.len() == self.0 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            well_formed
                .then(|| u16::from_str_radix(text, 16).ok())
                .flatten()
                .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_str(Visitor(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Fid;

    #[test]
    fn identifiers_are_read_and_written_as_hexadecimal_digits() {
        assert_eq!(
            serde_json::from_str::<Fid>("\"3f00\"").expect("an FID"),
            Fid::MASTER_FILE
        );
        assert_eq!(
            serde_json::to_string(&HexByte(0x0A)).expect("text"),
            "\"0A\""
        );
        for wrong in ["\"3F0\"", "\"+F00\"", "\"3F000\"", "16128", "\"3F0G\""] {
            assert!(serde_json::from_str::<Fid>(wrong).is_err(), "{wrong}");
        }
    }
}
