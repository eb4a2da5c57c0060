//! The card image: everything a card holds, as readable JSON.
//!
//! `docs/image.md` describes every field. An image is read strictly: what is unknown, missing or
//! inconsistent is refused with the JSON path at fault. Reading never takes more memory than a
//! small multiple of the text, and the text is limited to [`MAX_LENGTH`].

mod check;
mod error;
mod file;
mod hex_bytes;
mod key;
mod number;
mod pin;

use kortlab_apdu::Protocol;
use serde::{Deserialize, Serialize};

pub use error::ImageError;
pub use file::{FileImage, FileKind, LifeCycle};
pub use hex_bytes::{HexBytes, SecretHex, SecretText};
pub use key::{KeyOperation, RsaKeyImage};
pub use number::{DataTag, Fid, HexByte};
pub use pin::{PinEncoding, PinImage};

use crate::memory::MemoryTechnology;
use crate::state::State;
pub(crate) use check::{
    MAX_DEPTH, MAX_FILES, MAX_RECORD_LENGTH, MAX_RECORDS, check as check_contents,
};

/// The most bytes of JSON text an image may have.
pub const MAX_LENGTH: u64 = 8 * 1024 * 1024;
/// The most bytes of non-volatile memory a card may have.
pub const MAX_CAPACITY: u32 = 1024 * 1024;

/// A card image. See `docs/image.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Always `kortlab-card-image`.
    pub format: Format,
    /// The version of the format: 1.
    pub version: Version,
    /// Always `true`: says to people and programs that the PINs and keys in this file are test
    /// secrets in the clear. Images with other secrets are not supported.
    pub test_secrets: TestSecrets,
    /// The card model, which decides on commands and status words where cards differ.
    pub model: Model,
    /// The transmission protocol that the ATR offers.
    pub protocol: ProtocolName,
    /// The answer to reset, 2 to 33 bytes.
    pub atr: HexBytes,
    /// The serial number, for people and for programs that key on it.
    pub serial: String,
    /// The non-volatile memory in bytes; what does not fit is refused with 6A84.
    pub capacity: u32,
    /// Ways in which this card differs from others of its model.
    #[serde(default)]
    pub settings: Settings,
    /// The life cycle status of the card itself: activated, or terminated for ever.
    #[serde(default)]
    pub life_cycle: LifeCycle,
    /// PINs and PUKs.
    pub pins: Vec<PinImage>,
    /// What GET DATA gives.
    pub data_objects: Vec<DataObjectImage>,
    /// The MF and all files in it.
    pub master_file: FileImage,
}

/// The mark of a card image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// `kortlab-card-image`.
    #[default]
    #[serde(rename = "kortlab-card-image")]
    CardImage,
}

/// The version of the image format that this program reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl Version {
    /// The version as a number.
    pub const NUMBER: u64 = 1;
}

/// The statement that an image holds test secrets: always `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestSecrets;

/// The card models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Model {
    /// The EID-applet card: a Java card with the SetCOS-like EID applet v2.
    Eid,
}

/// The transmission protocol as the image spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolName {
    /// T=0.
    T0,
    /// T=1.
    T1,
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::T0 => Self::T0,
            ProtocolName::T1 => Self::T1,
        }
    }
}

impl From<Protocol> for ProtocolName {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::T0 => Self::T0,
            Protocol::T1 => Self::T1,
        }
    }
}

/// Ways in which one card differs from others of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether command chaining works; without it every chained command gets 6884.
    pub command_chaining: bool,
    /// T=0 only: take a block of exactly 260 bytes, class bit 5 set, instruction 2A, as header,
    /// 255 data bytes and one stray byte. Readers that announce long APDUs make OpenSC send the
    /// first block of a chain without its P3 byte; a real card would refuse it.
    pub accept_chained_block_without_p3: bool,
    /// What power loss does to a write that is under way.
    pub memory: MemoryTechnology,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            command_chaining: true,
            accept_chained_block_without_p3: true,
            memory: MemoryTechnology::default(),
        }
    }
}

/// A data object that GET DATA gives and PUT DATA replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataObjectImage {
    /// The tag that GET DATA takes in P1-P2.
    pub tag: DataTag,
    /// The value.
    pub value: HexBytes,
    /// The access conditions in the coding of files: READ for GET DATA, UPDATE for PUT DATA.
    /// Absent: readable by all, never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<HexBytes>,
}

impl Image {
    /// Reads an image and checks that it fits together.
    ///
    /// # Errors
    /// Text that is too long, is not JSON, is not an image of a known version and model, has an
    /// unknown or missing field, or says things that do not fit together. Nothing of a secret
    /// field is repeated in the error.
    pub fn from_json(text: &[u8]) -> Result<Self, ImageError> {
        let length = text.len() as u64;
        if length > MAX_LENGTH {
            return Err(ImageError::TooLarge {
                length,
                limit: MAX_LENGTH,
            });
        }
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let image: Self = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| json_error(&error.path().to_string(), error.inner()))?;
        deserializer
            .end()
            .map_err(|error| json_error(".", &error))?;
        image.check()?;
        Ok(image)
    }

    /// The image as indented JSON text that ends in a line feed.
    pub fn to_json(&self) -> String {
        // Maps with keys other than strings and failing Serialize are the only ways to fail.
        let mut text = serde_json::to_string_pretty(self)
            .expect("an image has neither map keys nor failing serialisers");
        text.push('\n');
        text
    }

    /// Checks that what the image says fits together; [`Image::from_json`] and
    /// [`VirtualCard::new`](crate::VirtualCard::new) do it.
    ///
    /// # Errors
    /// The first thing that does not, with its JSON path.
    pub fn check(&self) -> Result<(), ImageError> {
        State::from_image(self).map(|_| ())
    }

    /// How many bytes of non-volatile memory the image takes; its capacity is in `capacity`.
    ///
    /// # Errors
    /// As for [`Image::check`].
    pub fn memory_used(&self) -> Result<u64, ImageError> {
        State::from_image(self).map(|state| state.used)
    }
}

/// `serde_json`'s message without its "at line …", which is told apart.
fn json_error(path: &str, error: &serde_json::Error) -> ImageError {
    let text = error.to_string();
    let what = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(what, _)| what);
    let path = match path {
        "." => "$".to_owned(),
        path => format!("$.{path}"),
    };
    ImageError::Json {
        path: printable(&path),
        line: error.line(),
        column: error.column(),
        what: printable(what),
    }
}

/// Text from an image in a form that fits into one line of a terminal: names may hold line feeds
/// and control sequences, and may be as long as the image.
fn printable(text: &str) -> String {
    const LIMIT: usize = 300;
    let mut out = String::new();
    for character in text.chars() {
        if out.len() >= LIMIT {
            out.push('…');
            break;
        }
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "image version {other} is unknown; this program reads version {}",
                Self::NUMBER
            ))),
        }
    }
}

impl Serialize for TestSecrets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl<'de> Deserialize<'de> for TestSecrets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom(
                "must be true: an image holds its secrets in the clear, so they may only be test secrets",
            ))
        }
    }
}
