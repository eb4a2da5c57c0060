//! Identifiers (PKCS#15 §6.1.2).

use core::fmt;
use core::str::FromStr;

use kortlab_apdu::tlv::object;

use crate::error::EncodeError;

/// The most bytes of an identifier (pkcs15-ub-identifier, PKCS#15 annex A).
const MAX_IDENTIFIER: usize = 255;

/// An Identifier (PKCS#15 §6.1.2): what ties a certificate to its key, and an object to its PIN.
///
/// `Display` and `FromStr` use hexadecimal digits: `45`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub Vec<u8>);

impl Id {
    /// The bytes of the identifier.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn encode(&self, what: &'static str) -> Result<Vec<u8>, EncodeError> {
        if self.0.len() > MAX_IDENTIFIER {
            let why = format!(
                "{} bytes, at most {MAX_IDENTIFIER} are allowed",
                self.0.len()
            );
            return Err(EncodeError::value(what, why));
        }
        Ok(object(0x04, &self.0))
    }
}

impl AsRef<[u8]> for Id {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Id {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Id {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<u8> for Id {
    fn from(byte: u8) -> Self {
        Self(vec![byte])
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl FromStr for Id {
    type Err = EncodeError;

    fn from_str(text: &str) -> Result<Self, EncodeError> {
        let why = || format!("{text:?} is not a row of hexadecimal digits such as 45");
        let bytes = hex::decode(text).map_err(|_| EncodeError::value("identifier", why()))?;
        Ok(Self(bytes))
    }
}
