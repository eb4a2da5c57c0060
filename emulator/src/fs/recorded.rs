//! What another card answered: the card from which a file was copied.
//!
//! A replica of a card that somebody else made has files of which not everything is known: a file
//! that refused to be read, a description that this card would not give. What that card answered is
//! kept with the file and answered again, as long as the file is there.

use core::fmt;

use kortlab_apdu::StatusWord;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hex_bytes::HexBytes;

/// What the card answered from which a file was copied, where this card would answer otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What SELECT answers, without the status word. It stays as it is whatever becomes of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<HexBytes>,
    /// Whether SELECT gives that also where no data is asked for (no Le, P2 with 0C), as
    /// applications do that know no other answer. Under T=1; T=0 always offers data.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unasked: bool,
    /// Of a DF: whether GET DATA gives its data objects also where no data is asked for (no Le), as
    /// cards do that have no other answer. Under T=1; T=0 always offers data.
    #[serde(default, skip_serializing_if = "is_false")]
    pub objects_unasked: bool,
    /// Of a DF: whether it has a file system of its own. While it is the current DF, or one in it,
    /// 3F00 and the paths from the MF begin here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub file_system: bool,
    /// With which status word SELECT answers: a warning (`62xx`, `63xx`) selects the file, any other
    /// refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Refusal>,
    /// From where on reading is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// Of a key file without a key: what GET DATA 0101 gives while it is selected, the public half
    /// of the key that stayed in the card. A key that is made in the file takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<HexBytes>,
}

/// From where on an EF cannot be read, and what reading answers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    /// The first byte of a transparent EF, from 0, or the first record, from 1, that is refused.
    pub from: u32,
    /// With which status word.
    pub status: Refusal,
}

/// A data object in a DF, which GET DATA with a tag list gives (ISO/IEC 7816-4 §11.6.2, odd
/// instruction): what it answers, or with which status word it refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectOfDf {
    /// The tag, 1 to 3 bytes.
    pub tag: HexBytes,
    /// The answer, whole; absent: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<HexBytes>,
    /// With which status word it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Refusal>,
}

/// A status word other than success, in the image four hexadecimal digits: `"6982"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Refusal(StatusWord);

impl Refusal {
    /// The status word, if it is a warning or a refusal: `62xx` to `6Fxx` but `6Cxx`, or `9xxx`
    /// but `9000`. What belongs to the transport (`61xx`, `6Cxx`) is the card's own affair.
    pub fn new(status: StatusWord) -> Option<Self> {
        let told = matches!(status.sw1(), 0x62..=0x6B | 0x6D..=0x6F | 0x90..=0x9F);
        (told && !status.is_success()).then_some(Self(status))
    }

    /// The status word.
    pub const fn status(self) -> StatusWord {
        self.0
    }

    /// Whether it is a warning: the command is carried out (ISO/IEC 7816-4 §5.6).
    pub const fn is_warning(self) -> bool {
        matches!(self.0.sw1(), 0x62 | 0x63)
    }
}

impl Recorded {
    /// Whether it says nothing.
    pub const fn is_empty(&self) -> bool {
        self.answer.is_none()
            && !self.unasked
            && !self.objects_unasked
            && !self.file_system
            && self.select.is_none()
            && self.unreadable.is_none()
            && self.public_key.is_none()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0.value())
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = HexBytes::deserialize(deserializer)?;
        let status = match *bytes.as_slice() {
            [sw1, sw2] => Self::new(StatusWord::from_bytes(sw1, sw2)),
            _ => None,
        };
        status.ok_or_else(|| {
            serde::de::Error::custom(
                "not the status word of a warning or a refusal: four hexadecimal digits, such as \
                 6982",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_status_word_that_is_neither_success_nor_the_transports() {
        let read = |text: &str| serde_json::from_str::<Refusal>(&format!("{text:?}"));
        for good in ["6982", "6283", "63C2", "6F00", "9404"] {
            let refusal = read(good).expect(good);
            assert_eq!(
                serde_json::to_string(&refusal).expect("text"),
                format!("{good:?}")
            );
        }
        for bad in [
            "9000", "6100", "6C10", "6000", "5000", "69", "698200", "698G",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("6283").expect("one").is_warning());
        assert!(!read("6982").expect("one").is_warning());
    }
}
