//! File identifiers.

use core::fmt;
use core::ops::RangeInclusive;
use core::str::FromStr;

/// A file identifier (ISO/IEC 7816-4 §7.2.2).
///
/// `Display` and `FromStr` use four hexadecimal digits: `3F00`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fid(pub u16);

impl Fid {
    /// The master file, `3F00`.
    pub const MASTER_FILE: Self = Self(0x3F00);
    /// EF.DIR in the MF, `2F00` (§8.2.1.1).
    pub const EF_DIR: Self = Self(0x2F00);
    /// EF.ATR/INFO in the MF, `2F01` (§8.2.1.2).
    pub const EF_ATR: Self = Self(0x2F01);
    /// The current DF, at the start of a path, `3FFF` (§7.3.2).
    pub const CURRENT_DF: Self = Self(0x3FFF);

    /// Whether a file other than the MF may carry this identifier: `0000`, `3F00`, `3FFF` and
    /// `FFFF` have other uses (ISO/IEC 7816-4 §7.2.2).
    pub const fn is_free_for_use(self) -> bool {
        !matches!(self.0, 0x0000 | 0x3F00 | 0x3FFF | 0xFFFF)
    }

    /// The identifiers in these bytes, two bytes each; `None` if half of one is left over.
    pub fn each(bytes: &[u8]) -> Option<impl DoubleEndedIterator<Item = Self> + '_> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        rest.is_empty()
            .then(|| pairs.iter().map(|pair| Self::from(*pair)))
    }

    /// All identifiers from the first to the last of `range`.
    pub fn all(range: &RangeInclusive<Self>) -> impl DoubleEndedIterator<Item = Self> + use<> {
        (range.start().0..=range.end().0).map(Self)
    }

    /// The identifier as two bytes.
    pub const fn bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

/// Text that is no file identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a file identifier: four hexadecimal digits, such as 3F00")]
pub struct NotAFid(pub(crate) String);

impl FromStr for Fid {
    type Err = NotAFid;

    fn from_str(text: &str) -> Result<Self, NotAFid> {
        let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = digits.then(|| u16::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| NotAFid(text.to_owned()))
    }
}

impl fmt::Display for Fid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for Fid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<u16> for Fid {
    fn from(value: u16) -> Self {
        Self(value)
    }
}

impl From<[u8; 2]> for Fid {
    fn from(bytes: [u8; 2]) -> Self {
        Self(u16::from_be_bytes(bytes))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Fid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Fid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl serde::de::Visitor<'_> for Digits {
            type Value = Fid;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("4 hexadecimal digits in double quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Fid, E> {
                let wrong = |_| E::invalid_value(serde::de::Unexpected::Str(text), &self);
                text.parse().map_err(wrong)
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_and_written_as_four_digits_and_nothing_else() {
        assert_eq!("3f00".parse(), Ok(Fid::MASTER_FILE));
        assert_eq!(Fid(0x0015).to_string(), "0015");
        for wrong in ["", "3F0", "+F00", "3F000", "3F0G", "3F 0", "å00"] {
            let error = wrong.parse::<Fid>().expect_err(wrong);
            assert!(error.to_string().contains("four hexadecimal digits"));
        }
    }

    #[test]
    fn bytes_are_identifiers_as_long_as_no_half_of_one_is_left_over() {
        let each = |bytes: &[u8]| Fid::each(bytes).map(Iterator::collect::<Vec<_>>);
        assert_eq!(
            each(&[0x50, 0x15, 0x44, 0x03]),
            Some(vec![Fid(0x5015), Fid(0x4403)])
        );
        assert_eq!(each(&[]), Some(vec![]));
        assert_eq!(each(&[0x50, 0x15, 0x44]), None);
        let all = Fid::all(&(Fid(0x43FE)..=Fid(0x4400)));
        assert_eq!(
            all.collect::<Vec<_>>(),
            [Fid(0x43FE), Fid(0x43FF), Fid(0x4400)]
        );
    }
}
