//! Binary documents in JSON.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::DOCUMENT;

/// A binary document of at most [`DOCUMENT`] bytes, in standard base64 with padding (RFC 4648 §4)
/// and in no other form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binary(Vec<u8>);

impl Binary {
    /// The document.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The document.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Binary {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Binary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "base64 of at most {DOCUMENT} bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Binary, E> {
                if text.len() > DOCUMENT.div_ceil(3) * 4 {
                    return Err(E::custom(format_args!(
                        "{} characters of base64; at most {DOCUMENT} bytes are read",
                        text.len()
                    )));
                }
                STANDARD
                    .decode(text)
                    .map(Binary)
                    .map_err(|error| E::custom(format_args!("not standard base64: {error}")))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = serde_json::to_string(&Binary::from(bytes.as_slice())).unwrap();
            let again: Binary = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(again.as_bytes(), bytes.as_slice());
        }
    }

    #[test]
    fn other_forms_of_base64_are_refused() {
        // The vector of RFC 4648 §10, then without padding, with bits left over, with a line
        // break, and of the other alphabet.
        let read = |text: &str| serde_json::from_str::<Binary>(&format!("\"{text}\""));
        assert_eq!(read("Zm9vYg==").unwrap().as_bytes(), b"foob");
        for wrong in ["Zm9vYg", "Zm9vYh==", "Zm9v\\nYg==", "_-8="] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&"A".repeat(DOCUMENT * 2)).is_err());
    }
}
