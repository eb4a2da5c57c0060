//! Reference data (PINs and PUKs) in the image.

use serde::{Deserialize, Serialize};

use super::SecretText;
use super::number::HexByte;
use crate::security::PinEncoding;

/// One piece of reference data: a PIN or a PUK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinImage {
    /// The reference that VERIFY takes in P2; 00 and 80 where the application knows such PINs.
    pub reference: HexByte,
    /// A name for people. The card itself does not use it.
    pub label: String,
    /// The value, without padding. A test secret. Empty, and then absent in the JSON: it is not
    /// known, and the card takes nothing for it.
    #[serde(default, skip_serializing_if = "SecretText::is_empty")]
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

impl PinImage {
    /// A PIN of 4 to 8 digits that is padded to 8 bytes with `FF`, has three tries and no PUK.
    pub fn digits(reference: u8, label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            reference: HexByte(reference),
            label: label.into(),
            value: SecretText::new(value),
            encoding: PinEncoding::AsciiNumeric,
            min_length: 4,
            max_length: 8,
            stored_length: 8,
            pad: HexByte(0xFF),
            tries_left: 3,
            tries_max: 3,
            unblocked_by: None,
        }
    }
}
