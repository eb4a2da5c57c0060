//! ObjectValue (PKCS#15 §6.1.7): where an object's value is, or the value itself.

use kortlab_apdu::tlv::{Reader, Tlv, object};

use crate::common::Path;
use crate::element::Element;
use crate::error::EncodeError;
use crate::finding::Notes;

/// The tags an ObjectValue may have.
pub(crate) const VALUE_TAGS: &[u8] = &[0x30, 0xA0, 0x13, 0xA3, 0xA1, 0xA2];

/// An ObjectValue: a file, or the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectValue {
    /// The value is in a file.
    Path(Path),
    /// The value itself (`direct`, `[0]`): complete data objects, kept byte for byte, for they may
    /// be signed.
    Direct(Vec<u8>),
    /// A URL, or a value protected by encryption, kept as it is.
    Other(Element),
}

impl ObjectValue {
    /// The path, if the value is in a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The value itself, if it stands here.
    pub fn direct(&self) -> Option<&[u8]> {
        match self {
            Self::Direct(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Reads a value whose path must name a file.
    pub(crate) fn decode(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        Self::decode_with(tlv, notes, Path::decode)
    }

    /// Reads a value whose path may be empty.
    pub(crate) fn decode_any(tlv: &Tlv<'_>, notes: &mut Notes) -> Option<Self> {
        Self::decode_with(tlv, notes, Path::decode_any)
    }

    fn decode_with(
        tlv: &Tlv<'_>,
        notes: &mut Notes,
        path: fn(&Tlv<'_>, &mut Notes) -> Option<Path>,
    ) -> Option<Self> {
        match tlv.tag.value() {
            0x30 => path(tlv, notes).map(Self::Path),
            0xA0 => {
                for element in tlv.children() {
                    if let Err(error) = element {
                        crate::fields::structure_error("direct value", error, notes);
                    }
                }
                Some(Self::Direct(tlv.value.to_vec()))
            }
            _ => Some(Self::Other(Element::of(tlv))),
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Path(path) => path.encode(),
            Self::Direct(value) => {
                for element in Reader::new(value) {
                    element
                        .map_err(|error| EncodeError::value("direct value", error.to_string()))?;
                }
                Ok(object(0xA0, value))
            }
            Self::Other(element) => element.encode(),
        }
    }
}

impl From<Path> for ObjectValue {
    fn from(path: Path) -> Self {
        Self::Path(path)
    }
}
