//! Byte strings as hexadecimal text in the image.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

/// Bytes, written in the image as upper-case hexadecimal text; lower case is read as well.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct HexBytes(pub Vec<u8>);

/// Secret bytes: as [`HexBytes`], zeroised when dropped and silent in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretHex(pub Zeroizing<Vec<u8>>);

/// Secret text: zeroised when dropped and silent in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(pub Zeroizing<String>);

impl HexBytes {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for HexBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for HexBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl SecretHex {
    /// Secret bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl SecretText {
    /// A secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of the text.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for HexBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl fmt::Debug for SecretHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} secret bytes]", self.0.len())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Serialize for HexBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode_upper(&self.0))
    }
}

impl Serialize for SecretHex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = hex::encode_upper(&*self.0);
        let done = serializer.serialize_str(&text);
        text.zeroize();
        done
    }
}

impl<'de> Deserialize<'de> for SecretHex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor(|text| decode(text).map(Self::new)))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor(|text| Ok(Self::new(text))))
    }
}

/// Takes text and repeats nothing of what it is given in an error: a number may be a PIN too. That
/// is also why secrets are read by `deserialize_any`: asked for text, `serde_json` quotes a number.
struct SecretVisitor<T>(fn(&str) -> Result<T, String>);

impl<T> SecretVisitor<T> {
    fn number<E: serde::de::Error>() -> Result<T, E> {
        Err(E::custom("a number, but text in double quotes is expected"))
    }
}

impl<T> serde::de::Visitor<'_> for SecretVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text in double quotes")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<T, E> {
        Self::number()
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<T, E> {
        Self::number()
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<T, E> {
        Self::number()
    }
}

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = HexBytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("hexadecimal text in double quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HexBytes, E> {
                decode(text).map(HexBytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Hexadecimal text to bytes. The error tells a position or a count, never the text.
fn decode(text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text).map_err(|error| match error {
        hex::FromHexError::InvalidHexCharacter { index, .. } => {
            format!("not hexadecimal: the character at position {index} is not one of 0-9 A-F")
        }
        _ => format!(
            "not hexadecimal: {} digits, an even number is needed",
            text.len()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_in_debug_or_in_errors() {
        assert!(!format!("{:?}", SecretText::new("123456")).contains("123456"));
        assert!(!format!("{:?}", SecretHex::new([0x5A])).contains("5A"));
        let error = serde_json::from_str::<SecretText>("123456").expect_err("a number");
        assert!(!error.to_string().contains("123456"), "{error}");
        let error = serde_json::from_str::<SecretHex>("\"AABX\"").expect_err("no hex");
        assert!(!error.to_string().contains("AAB"), "{error}");
    }

    #[test]
    fn upper_and_lower_case_are_read_and_upper_case_is_written() {
        let bytes: HexBytes = serde_json::from_str("\"3f00aB\"").expect("hex");
        assert_eq!(bytes.as_slice(), [0x3F, 0x00, 0xAB]);
        assert_eq!(
            serde_json::to_string(&bytes).expect("a string"),
            "\"3F00AB\""
        );
    }
}
