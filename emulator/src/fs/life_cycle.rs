//! The life cycle status.

use serde::{Deserialize, Serialize};

/// The life cycle status of a file or of the card (ISO/IEC 7816-4 §7.4.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LifeCycle {
    /// `01`.
    Creation,
    /// `03`.
    Initialisation,
    /// `07`.
    #[default]
    Activated,
    /// `06`.
    Deactivated,
    /// `0F`.
    Terminated,
}

impl LifeCycle {
    /// The life cycle status byte (tag 8A).
    pub const fn byte(self) -> u8 {
        match self {
            Self::Creation => 0x01,
            Self::Initialisation => 0x03,
            Self::Activated => 0x07,
            Self::Deactivated => 0x06,
            Self::Terminated => 0x0F,
        }
    }

    /// The status that a byte of tag 8A says (ISO/IEC 7816-4 table 14), if any.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 => Self::Creation,
            0x03 => Self::Initialisation,
            0x05 | 0x07 => Self::Activated,
            0x04 | 0x06 => Self::Deactivated,
            0x0C..=0x0F => Self::Terminated,
            _ => return None,
        })
    }
}
