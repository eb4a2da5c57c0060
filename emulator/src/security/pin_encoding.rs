//! Which characters reference data may have.

use serde::{Deserialize, Serialize};

/// Which characters a PIN may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinEncoding {
    /// The digits 0 to 9 (PKCS#15 `ascii-numeric`).
    AsciiNumeric,
    /// The printable characters of ASCII, space to tilde.
    PrintableAscii,
}

impl PinEncoding {
    /// Whether a value may contain this byte.
    pub const fn allows(self, byte: u8) -> bool {
        match self {
            Self::AsciiNumeric => byte.is_ascii_digit(),
            Self::PrintableAscii => matches!(byte, 0x20..=0x7E),
        }
    }
}
