//! Reference data (PINs and PUKs) in the image.

use serde::{Deserialize, Serialize};

use super::hex_bytes::SecretText;
use super::number::HexByte;

/// One piece of reference data: a PIN or a PUK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinImage {
    /// The reference that VERIFY takes in P2, 01 to FF except 80.
    pub reference: HexByte,
    /// A name for people. The card itself does not use it.
    pub label: String,
    /// The value, without padding. A test secret.
    pub value: SecretText,
    /// Which characters a value may have.
    pub encoding: PinEncoding,
    /// The fewest characters of a value.
    pub min_length: u8,
    /// The most characters of a value.
    pub max_length: u8,
    /// The length in bytes of the padded value in commands.
    pub stored_length: u8,
    /// The byte that pads a shorter value up to `stored_length`.
    pub pad: HexByte,
    /// How many tries are left: 0 means blocked.
    pub tries_left: u8,
    /// How many tries there are after a successful verification: 1 to 15.
    pub tries_max: u8,
    /// The reference of the PUK that RESET RETRY COUNTER compares; none: it cannot be unblocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unblocked_by: Option<HexByte>,
}

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
