//! A PIN on its way to the card: zeroised when dropped, and never shown.

use core::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The longest PIN that is taken; cards store far shorter ones.
pub const MAX_PIN: usize = 64;

/// The most bytes a PIN is padded to: what fits a short command.
const MAX_PADDED: u32 = 255;
/// The length of a PIN block of ISO 9564-1 format 2, in bytes.
const ISO_9564_BLOCK: usize = 8;
/// The most digits in one.
const ISO_9564_DIGITS: usize = 12;

/// A PIN or PUK as it was typed, before padding.
///
/// It is never empty: an empty VERIFY asks a card whether a PIN is verified already, and taking
/// that for a right PIN has let people in (CVE-2023-40660). It has no `Display`, its `Debug`
/// shows nothing, equality takes the same time wherever two PINs differ, and the bytes are
/// zeroised when it is dropped.
#[derive(Clone)]
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// The PIN with these bytes, as typed: for digits, their ASCII codes.
    ///
    /// # Errors
    /// No bytes, or more than [`MAX_PIN`].
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Result<Self, PinError> {
        let bytes = bytes.into();
        match bytes.len() {
            0 => Err(PinError::Empty),
            1..=MAX_PIN => Ok(Self(bytes)),
            _ => Err(PinError::TooLongHere),
        }
    }

    /// How many bytes were typed.
    pub(crate) fn typed(&self) -> usize {
        self.0.len()
    }

    /// The PIN as the card wants it: checked against `format`'s rules, coded and padded.
    ///
    /// # Errors
    /// Too short, too long, or a character that the format has not. The PIN is not sent then, so
    /// no try is lost.
    pub fn encode(&self, format: &PinFormat) -> Result<Zeroizing<Vec<u8>>, PinError> {
        format.encode(&self.0)
    }
}

impl PartialEq for Pin {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Pin {}

impl TryFrom<&str> for Pin {
    type Error = PinError;

    fn try_from(text: &str) -> Result<Self, PinError> {
        Self::new(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(redacted)")
    }
}

/// Why a PIN cannot be used. No message repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// No characters.
    #[error("it is empty")]
    Empty,
    /// Fewer characters than the card allows.
    #[error("it is too short: the card wants at least {shortest} characters")]
    TooShort {
        /// The fewest characters allowed.
        shortest: u32,
    },
    /// More characters than the card allows.
    #[error("it is too long: the card takes at most {longest} characters")]
    TooLong {
        /// The most characters allowed.
        longest: u32,
    },
    /// More bytes than this program takes, whatever the card does.
    #[error(
        "it is too long: this program takes at most {MAX_PIN} bytes, more than any card stores"
    )]
    TooLongHere,
    /// A character that is not a digit, in a PIN of digits.
    #[error("it holds something else than digits: the card wants digits only")]
    NotDigits,
    /// Text that is not UTF-8.
    #[error("it is not valid text (UTF-8)")]
    NotText,
}

/// How the characters of a PIN are coded for the card (PinType, PKCS#15 §6.8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinCoding {
    /// Two digits a byte.
    Bcd,
    /// One digit a byte, as ASCII.
    AsciiNumeric,
    /// UTF-8 text.
    Utf8,
    /// One digit a byte, in its low half; the high half is F.
    HalfNibbleBcd,
    /// Format 2 of ISO 9564-1: `2n`, then two digits a byte, padded with F to 8 bytes.
    Iso9564,
}

/// The rules for one PIN: coding, lengths, padding (PinAttributes, PKCS#15 §6.8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinFormat {
    /// How characters are coded.
    pub coding: PinCoding,
    /// The fewest characters.
    pub min_length: u32,
    /// The most characters, if there is a limit beside the stored length.
    pub max_length: Option<u32>,
    /// How many bytes the card stores; 0 if that is not fixed.
    pub stored_length: u32,
    /// The byte that fills the rest of the stored length; `None` for no padding.
    pub pad: Option<u8>,
}

/// The form in which PINs of one coding and padding go to the card, whatever their lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Form {
    coding: u8,
    pad: Option<u8>,
}

impl PinFormat {
    /// Digits as ASCII, padded with `00` to 8 bytes: what Swedish staff cards use, and what is
    /// assumed where a card says nothing.
    pub const DEFAULT: Self = Self {
        coding: PinCoding::AsciiNumeric,
        min_length: 1,
        max_length: None,
        stored_length: 8,
        pad: Some(0x00),
    };

    /// The same coding and padding for a PIN of any length: what is left where the lengths that
    /// a card gives contradict each other.
    #[must_use]
    pub const fn of_any_length(self) -> Self {
        Self {
            min_length: 1,
            max_length: None,
            ..self
        }
    }

    /// The same with any text where the digits are text already: the card has not said that there are
    /// only digits.
    pub const fn of_any_text(self) -> Self {
        let coding = match self.coding {
            PinCoding::AsciiNumeric => PinCoding::Utf8,
            other => other,
        };
        Self { coding, ..self }
    }

    /// In which form a PIN goes to the card, however long it is: PINs of digits and of any text go in one.
    pub(crate) fn form(&self) -> Form {
        let coding = match self.coding {
            PinCoding::Utf8 => PinCoding::AsciiNumeric,
            coding => coding,
        };
        Form {
            coding: coding as u8,
            pad: self.padding().map(|(_, pad)| pad),
        }
    }

    /// To how many bytes a PIN is filled up, and with what.
    fn padding(&self) -> Option<(usize, u8)> {
        match (self.coding, self.pad, self.stored_length) {
            (PinCoding::Iso9564, _, _) => Some((ISO_9564_BLOCK, 0xFF)),
            (_, Some(pad), length @ 1..=MAX_PADDED) => Some((length as usize, pad)),
            _ => None,
        }
    }

    fn encode(&self, pin: &[u8]) -> Result<Zeroizing<Vec<u8>>, PinError> {
        let characters = match self.coding {
            PinCoding::Utf8 => core::str::from_utf8(pin)
                .map_err(|_| PinError::NotText)?
                .chars()
                .count(),
            _ if pin.iter().all(u8::is_ascii_digit) => pin.len(),
            _ => return Err(PinError::NotDigits),
        };
        let characters = u32::try_from(characters).unwrap_or(u32::MAX);
        if characters < self.min_length {
            return Err(PinError::TooShort {
                shortest: self.min_length,
            });
        }
        if let Some(longest) = self.max_length.filter(|&longest| characters > longest) {
            return Err(PinError::TooLong { longest });
        }
        let mut coded = self.code(pin);
        let stored = match self.coding {
            PinCoding::Iso9564 if pin.len() > ISO_9564_DIGITS => {
                return Err(PinError::TooLong {
                    longest: ISO_9564_DIGITS as u32,
                });
            }
            PinCoding::Iso9564 => ISO_9564_BLOCK,
            _ => self.stored_length as usize,
        };
        if stored == 0 {
            return Ok(coded);
        }
        if coded.len() > stored {
            let digits_a_byte = match self.coding {
                PinCoding::Bcd => 2,
                _ => 1,
            };
            return Err(PinError::TooLong {
                longest: self.stored_length.saturating_mul(digits_a_byte),
            });
        }
        if let Some((length, pad)) = self.padding() {
            coded.resize(length, pad);
        }
        Ok(coded)
    }

    fn code(&self, pin: &[u8]) -> Zeroizing<Vec<u8>> {
        // Room for the longest padded form at once, so that growth leaves no copy behind.
        let mut coded = Zeroizing::new(Vec::with_capacity((MAX_PADDED as usize).max(pin.len())));
        let filler = self.pad.unwrap_or(0xFF) & 0x0F;
        match self.coding {
            PinCoding::AsciiNumeric | PinCoding::Utf8 => coded.extend_from_slice(pin),
            PinCoding::HalfNibbleBcd => coded.extend(pin.iter().map(|digit| 0xF0 | digit & 0x0F)),
            PinCoding::Bcd => pack(pin, filler, &mut coded),
            PinCoding::Iso9564 => {
                coded.push(0x20 | (pin.len() as u8 & 0x0F));
                pack(pin, 0x0F, &mut coded);
                let filled = coded.len().max(ISO_9564_BLOCK);
                coded.resize(filled, 0xFF);
            }
        }
        coded
    }
}

impl fmt::Display for PinFormat {
    /// How a PIN goes to the card: `ASCII digits, padded with 00 to 8 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.coding {
            PinCoding::Bcd => "digits, two a byte",
            PinCoding::AsciiNumeric => "ASCII digits",
            PinCoding::Utf8 => "text (UTF-8)",
            PinCoding::HalfNibbleBcd => "digits, one in the low half of each byte",
            PinCoding::Iso9564 => "a PIN block of ISO 9564-1",
        })?;
        match self.padding() {
            Some((length, pad)) => write!(f, ", padded with {pad:02X} to {length} bytes"),
            None => f.write_str(", not padded"),
        }
    }
}

/// Two digits a byte; `filler` in the low half of the last byte if their number is odd.
fn pack(digits: &[u8], filler: u8, out: &mut Vec<u8>) {
    for pair in digits.chunks(2) {
        let high = pair.first().map_or(0, |digit| digit & 0x0F);
        let low = pair.get(1).map_or(filler, |digit| digit & 0x0F);
        out.push(high << 4 | low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(pin: &str, format: PinFormat) -> Result<String, PinError> {
        let pin = Pin::try_from(pin)?;
        Ok(hex::encode(&*pin.encode(&format)?))
    }

    #[test]
    fn a_pin_is_never_empty_and_never_shown() {
        assert_eq!(Pin::try_from(""), Err(PinError::Empty));
        let pin = Pin::try_from("123456").expect("a PIN");
        assert_eq!(format!("{pin:?}"), "Pin(redacted)");
        assert_ne!(pin, Pin::try_from("123457").expect("a PIN"));
        let long = Pin::new(vec![b'1'; MAX_PIN + 1]);
        assert_eq!(long, Err(PinError::TooLongHere));
        // The limit is this program's, and no card is blamed for it.
        let text = PinError::TooLongHere.to_string();
        assert!(!text.contains("the card"), "{text}");
    }

    #[test]
    fn a_staff_cards_pin_is_ascii_padded_with_zero_to_eight_bytes() {
        let format = PinFormat {
            min_length: 6,
            max_length: Some(8),
            ..PinFormat::DEFAULT
        };
        assert_eq!(encode("123456", format).as_deref(), Ok("3132333435360000"));
        let short = Err(PinError::TooShort { shortest: 6 });
        assert_eq!(encode("12345", format), short);
        let long = Err(PinError::TooLong { longest: 8 });
        assert_eq!(encode("123456789", format), long);
        assert_eq!(encode("12345x", format), Err(PinError::NotDigits));
    }

    #[test]
    fn every_coding_of_the_standard_is_known() {
        let with = |coding| PinFormat {
            coding,
            pad: Some(0xFF),
            ..PinFormat::DEFAULT
        };
        let bcd = encode("12345", with(PinCoding::Bcd));
        assert_eq!(bcd.as_deref(), Ok("12345fffffffffff"));
        let half = encode("1234", with(PinCoding::HalfNibbleBcd));
        assert_eq!(half.as_deref(), Ok("f1f2f3f4ffffffff"));
        let iso = encode("1234", with(PinCoding::Iso9564));
        assert_eq!(iso.as_deref(), Ok("241234ffffffffff"));
        // A block has one nibble for the number of digits, and room for twelve.
        let long = encode("1234567890123", with(PinCoding::Iso9564));
        assert_eq!(long, Err(PinError::TooLong { longest: 12 }));
        let text = encode("åå", with(PinCoding::Utf8));
        assert_eq!(text.as_deref(), Ok("c3a5c3a5ffffffff"));
    }

    #[test]
    fn a_stored_length_out_of_range_makes_no_huge_buffer() {
        let format = PinFormat {
            stored_length: u32::MAX,
            ..PinFormat::DEFAULT
        };
        assert_eq!(encode("1234", format).as_deref(), Ok("31323334"));
        assert_eq!(format.to_string(), "ASCII digits, not padded");
    }

    #[test]
    fn a_long_stored_length_is_padded_to_as_the_text_says() {
        let format = PinFormat {
            stored_length: 100,
            ..PinFormat::DEFAULT
        };
        let coded = encode("1234", format).expect("it fits");
        assert_eq!(coded.len(), 200);
        assert!(coded.starts_with("3132333400"), "{coded}");
        let text = "ASCII digits, padded with 00 to 100 bytes";
        assert_eq!(format.to_string(), text);
    }
}
