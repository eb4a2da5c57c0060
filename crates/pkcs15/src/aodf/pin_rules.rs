//! Whether what an AODF says of a PIN's form fits together (PinAttributes, PKCS#15 §6.8.2).
//!
//! A PIN that is coded by rules which contradict each other is a guess, and a wrong guess costs
//! the holder a try. So whoever sends PINs asks [`PinAttributes::contradictions`] first.

use core::fmt;

use super::{PinAttributes, PinType};
use crate::flags::PinFlags;

/// The greatest storedLength to which a PIN is plausibly padded, in bytes. Cards that were seen
/// store 4 to 16, and none more than 64.
pub const MAX_STORED: u32 = 64;

/// The most bytes of data in a command of short length (ISO/IEC 7816-4 §5.2).
const MAX_SENT: u32 = 255;
/// The length of a PIN block of ISO 9564-1, in bytes.
const ISO_9564_BLOCK: u32 = 8;
/// The most digits in one.
const ISO_9564_DIGITS: u32 = 12;

/// Two things an AODF says of a PIN's form that cannot both be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinContradiction {
    /// minLength is above maxLength.
    MinAboveMax {
        /// minLength.
        min: u32,
        /// maxLength.
        max: u32,
    },
    /// minLength characters take more bytes than one command carries.
    MinAboveCommand {
        /// minLength.
        min: u32,
    },
    /// minLength characters take more than storedLength bytes.
    MinAboveStored {
        /// minLength.
        min: u32,
        /// storedLength.
        stored: u32,
    },
    /// maxLength characters take more than storedLength bytes.
    MaxAboveStored {
        /// maxLength.
        max: u32,
        /// storedLength.
        stored: u32,
    },
    /// Padding is wanted, and storedLength is 0.
    PaddedToNothing,
    /// Padding is wanted, to a storedLength that no card has.
    PaddedTooFar {
        /// storedLength.
        stored: u32,
    },
    /// Padding is wanted, and padChar is missing.
    NoPadCharacter,
    /// padChar is a digit, so that a padded PIN of digits is another PIN, too.
    PadIsDigit {
        /// padChar.
        pad: u8,
    },
    /// A PIN block of ISO 9564-1 has 8 bytes and up to 12 digits.
    NotAPinBlock {
        /// minLength.
        min: u32,
        /// storedLength.
        stored: u32,
    },
    /// pinType is one that nobody knows, so that the coding is a guess.
    UnknownCoding(PinType),
}

impl fmt::Display for PinContradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinAboveMax { min, max } => {
                write!(f, "minLength {min} is above maxLength {max}")
            }
            Self::MinAboveCommand { min } => write!(
                f,
                "minLength {min} is more than the {MAX_SENT} bytes that VERIFY carries"
            ),
            Self::MinAboveStored { min, stored } => {
                write!(f, "minLength {min} does not fit storedLength {stored}")
            }
            Self::MaxAboveStored { max, stored } => {
                write!(f, "maxLength {max} does not fit storedLength {stored}")
            }
            Self::PaddedToNothing => f.write_str("needs-padding is set, but storedLength is 0"),
            Self::PaddedTooFar { stored } => write!(
                f,
                "needs-padding is set, but storedLength is {stored}, more than the {MAX_STORED} \
                 bytes that a card may plausibly store"
            ),
            Self::NoPadCharacter => f.write_str("needs-padding is set, but padChar is missing"),
            Self::PadIsDigit { pad } => write!(
                f,
                "padChar {pad:02X} is the digit {}, with which a PIN of digits can end",
                char::from(*pad)
            ),
            Self::NotAPinBlock { min, stored } => write!(
                f,
                "a PIN of type iso9564-1 is a block of {ISO_9564_BLOCK} bytes with at most \
                 {ISO_9564_DIGITS} digits, but minLength is {min} and storedLength {stored}"
            ),
            Self::UnknownCoding(coding) => {
                write!(f, "pinType is {coding}, a coding that is not known")
            }
        }
    }
}

impl PinAttributes {
    /// What in these attributes cannot be right together; empty if a PIN can be coded by them.
    ///
    /// A length of 0 says nothing, as on many cards: a minLength of 0 allows any, a maxLength of
    /// 0 sets no limit (and is told where minLength is above it), a storedLength of 0 means that it is not fixed, unless there is padding.
    pub fn contradictions(&self) -> Vec<PinContradiction> {
        use PinContradiction as C;

        let mut found = Vec::new();
        let (min, stored) = (self.min_length, self.stored_length);
        let max = self.max_length.filter(|&max| max != 0);
        if let PinType::Other(_) = self.pin_type {
            found.push(C::UnknownCoding(self.pin_type));
        }
        if let Some(max) = max.filter(|&max| min > max) {
            found.push(C::MinAboveMax { min, max });
        }
        if self.pin_type == PinType::Iso9564 {
            if min > ISO_9564_DIGITS || !matches!(stored, 0 | ISO_9564_BLOCK) {
                found.push(C::NotAPinBlock { min, stored });
            }
            return found;
        }
        let padded = self.flags.contains(PinFlags::NEEDS_PADDING);
        match stored {
            _ if min > self.characters_in(MAX_SENT) => found.push(C::MinAboveCommand { min }),
            0 if padded => found.push(C::PaddedToNothing),
            0 => {}
            _ => {
                let capacity = self.capacity();
                if min > capacity {
                    found.push(C::MinAboveStored { min, stored });
                }
                if let Some(max) = max.filter(|&max| max > capacity) {
                    found.push(C::MaxAboveStored { max, stored });
                }
                if padded && stored > MAX_STORED {
                    found.push(C::PaddedTooFar { stored });
                }
            }
        }
        // Where every PIN fills the stored length, nothing is padded.
        if padded && min < self.capacity() {
            match self.pad_char {
                None => found.push(C::NoPadCharacter),
                Some(pad @ b'0'..=b'9') if self.pin_type == PinType::AsciiNumeric => {
                    found.push(C::PadIsDigit { pad });
                }
                Some(_) => {}
            }
        }
        found
    }

    /// How many characters storedLength has room for. Of UTF-8 the least is said.
    const fn capacity(&self) -> u32 {
        self.characters_in(self.stored_length)
    }

    /// The same of so many bytes.
    const fn characters_in(&self, bytes: u32) -> u32 {
        match self.pin_type {
            PinType::Bcd => bytes.saturating_mul(2),
            _ => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PIN of a staff card: six to eight digits, padded with 00 to eight bytes.
    fn valid() -> PinAttributes {
        PinAttributes {
            flags: PinFlags::NEEDS_PADDING,
            min_length: 6,
            stored_length: 8,
            max_length: Some(8),
            pad_char: Some(0x00),
            ..PinAttributes::default()
        }
    }

    #[test]
    fn rules_that_fit_together_are_not_doubted() {
        let unpadded = PinAttributes {
            flags: PinFlags::default(),
            pad_char: None,
            ..valid()
        };
        for attributes in [
            valid(),
            unpadded.clone(),
            PinAttributes {
                stored_length: 0,
                ..unpadded.clone()
            },
            PinAttributes {
                stored_length: 200,
                ..unpadded
            },
            PinAttributes {
                min_length: 0,
                max_length: Some(0),
                ..valid()
            },
            PinAttributes {
                max_length: None,
                ..valid()
            },
            PinAttributes {
                min_length: 8,
                pad_char: None,
                ..valid()
            },
            PinAttributes {
                min_length: 8,
                pad_char: Some(b'0'),
                pin_type: PinType::AsciiNumeric,
                ..valid()
            },
            PinAttributes {
                pin_type: PinType::Bcd,
                stored_length: 4,
                ..valid()
            },
            PinAttributes {
                pin_type: PinType::Iso9564,
                min_length: 4,
                max_length: Some(12),
                ..valid()
            },
        ] {
            assert_eq!(attributes.contradictions(), [], "{attributes:?}");
        }
    }

    #[test]
    fn each_contradiction_is_found_and_named() {
        use PinContradiction as C;
        let cases = [
            (
                PinAttributes {
                    min_length: 9,
                    max_length: Some(4),
                    stored_length: 16,
                    ..valid()
                },
                vec![C::MinAboveMax { min: 9, max: 4 }],
            ),
            (
                PinAttributes {
                    min_length: 9,
                    max_length: None,
                    ..valid()
                },
                vec![C::MinAboveStored { min: 9, stored: 8 }],
            ),
            (
                PinAttributes {
                    min_length: 256,
                    max_length: None,
                    stored_length: 0,
                    flags: PinFlags::default(),
                    ..valid()
                },
                vec![C::MinAboveCommand { min: 256 }],
            ),
            (
                PinAttributes {
                    max_length: Some(12),
                    ..valid()
                },
                vec![C::MaxAboveStored { max: 12, stored: 8 }],
            ),
            (
                PinAttributes {
                    pin_type: PinType::Bcd,
                    max_length: Some(17),
                    ..valid()
                },
                vec![C::MaxAboveStored { max: 17, stored: 8 }],
            ),
            (
                PinAttributes {
                    stored_length: 0,
                    ..valid()
                },
                vec![C::PaddedToNothing],
            ),
            (
                PinAttributes {
                    stored_length: 100,
                    max_length: Some(100),
                    ..valid()
                },
                vec![C::PaddedTooFar { stored: 100 }],
            ),
            (
                PinAttributes {
                    pad_char: None,
                    ..valid()
                },
                vec![C::NoPadCharacter],
            ),
            (
                PinAttributes {
                    pad_char: Some(0x31),
                    pin_type: PinType::AsciiNumeric,
                    ..valid()
                },
                vec![C::PadIsDigit { pad: 0x31 }],
            ),
            (
                PinAttributes {
                    pin_type: PinType::Iso9564,
                    stored_length: 6,
                    ..valid()
                },
                vec![C::NotAPinBlock { min: 6, stored: 6 }],
            ),
            (
                PinAttributes {
                    pin_type: PinType::Other(7),
                    ..valid()
                },
                vec![C::UnknownCoding(PinType::Other(7))],
            ),
        ];
        for (attributes, expected) in cases {
            assert_eq!(attributes.contradictions(), expected, "{attributes:?}");
        }
    }
}
