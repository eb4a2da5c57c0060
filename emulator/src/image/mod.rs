//! The card image: everything a card holds, as readable JSON.
//!
//! `docs/image.md` describes every field. An image is read strictly: what is unknown, missing or
//! inconsistent is refused with the JSON path at fault. Reading never takes more memory than a
//! small multiple of the text, and the text is limited to [`MAX_LENGTH`].

mod check;
mod copied;
mod digest;
mod error;
mod file;
mod files;
mod fingerprint;
mod flat;
mod generator;
mod known;
mod number;
mod pin;
mod state;

use kortlab_apdu::Protocol;
use serde::{Deserialize, Serialize};

use flat::FlatFile;

pub use error::ImageError;
pub use file::{
    DfImage, FileContent, FileImage, FileKind, KeyFileImage, RecordStructure, RecordsImage,
    TransparentImage,
};
pub use fingerprint::Fingerprint;
pub use generator::Generator;
pub use number::{DataTag, HexByte};
pub use pin::PinImage;

// What an image is made of, with the names of the running card.
pub use crate::crypto::{KeyImage, KeyOperation};
pub use crate::fs::{Fid, LifeCycle, ObjectOfDf, Recorded, Refusal, Unreadable};
pub use crate::hex_bytes::{HexBytes, SecretHex, SecretText};
pub use crate::memory::provenance::{MAX_NOT_READ, NotRead, Provenance};
pub use crate::security::PinEncoding;
pub use crate::state::{Model, Settings};

use crate::random::CardRng;

pub(crate) use check::check_primes;
pub use digest::KeysDigest;
pub(crate) use digest::keys_digest;
pub(crate) use known::Known;

/// The most bytes of JSON text an image may have.
pub const MAX_LENGTH: u64 = 8 * 1024 * 1024;
/// The most bytes of non-volatile memory a card may have.
pub const MAX_CAPACITY: u32 = 1024 * 1024;

/// A card image. See `docs/image.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Always `kortlab-card-image`.
    pub format: Format,
    /// The version of the format; [`Image::from_json`] makes the current one of an older.
    pub version: Version,
    /// Always `true`: says to people and programs that the PINs and keys in this file are test
    /// secrets in the clear. Images with other secrets are not supported.
    pub test_secrets: TestSecrets,
    /// The card model, for people and programs; what the card does its applications decide.
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
    pub settings: Settings,
    /// The life cycle status of the card itself: activated, or terminated for ever.
    pub life_cycle: LifeCycle,
    /// PINs and PUKs.
    pub pins: Vec<PinImage>,
    /// What GET DATA gives.
    pub data_objects: Vec<DataObjectImage>,
    /// The MF and all files in it.
    pub master_file: FileImage,
    /// A change of the card that a program has begun and not finished, as that program's journal
    /// has it. The card makes nothing of it; it is here so that each copy of an image has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_change: Option<serde_json::Value>,
    /// Where the card's random numbers come from. An image without it gets them from the operating
    /// system, others each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// From what card it was read, if it was, and what of that card is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Box<Provenance>>,
}

/// An image as the text has it, its files not yet of one kind each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatImage {
    format: Format,
    version: Version,
    test_secrets: TestSecrets,
    model: Model,
    protocol: ProtocolName,
    atr: HexBytes,
    serial: String,
    capacity: u32,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    life_cycle: LifeCycle,
    pins: Vec<PinImage>,
    data_objects: Vec<DataObjectImage>,
    master_file: FlatFile,
    pending_change: Option<serde_json::Value>,
    generator: Option<Generator>,
    provenance: Option<Box<Provenance>>,
}

impl FlatImage {
    /// The image, with files of one kind each.
    ///
    /// # Errors
    /// A file has a field that its kind does not have, or lacks one; the path says which.
    fn into_image(self) -> Result<Image, ImageError> {
        const PATH: &str = "$.master_file";
        if self.master_file.kind != FileKind::Df {
            let path = format!("{PATH}.kind");
            return Err(ImageError::inconsistent(path, check::MASTER_FILE_IS_A_DF));
        }
        Ok(Image {
            format: self.format,
            version: self.version,
            test_secrets: self.test_secrets,
            model: self.model,
            protocol: self.protocol,
            atr: self.atr,
            serial: self.serial,
            capacity: self.capacity,
            settings: self.settings,
            life_cycle: self.life_cycle,
            pins: self.pins,
            data_objects: self.data_objects,
            master_file: self.master_file.into_file(PATH)?,
            pending_change: self.pending_change,
            generator: self.generator,
            provenance: self.provenance,
        })
    }
}

/// The mark of a card image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// `kortlab-card-image`.
    #[default]
    #[serde(rename = "kortlab-card-image")]
    CardImage,
}

/// The version of the image format. Versions 1 and 2 are read, 2 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(u8);

impl Version {
    /// The first one. It knew one application, the EID applet, and did not name it.
    const FIRST: Self = Self(1);
    /// The one that is written.
    pub const CURRENT: Self = Self(2);
}

impl Default for Version {
    fn default() -> Self {
        Self::CURRENT
    }
}

/// The statement that an image holds test secrets: always `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestSecrets;

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
    /// Reads an image, without a look at whether it fits together, and makes one of the current
    /// version of it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ImageError> {
        let length = text.len() as u64;
        if length > MAX_LENGTH {
            return Err(ImageError::TooLarge {
                length,
                limit: MAX_LENGTH,
            });
        }
        // Some editors begin text with a byte order mark (RFC 8259 §8.1).
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        if let Some(what) = no_text(text) {
            return Err(ImageError::Json {
                path: "$".to_owned(),
                line: 1,
                column: 1,
                what: what.to_owned(),
            });
        }
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let image: FlatImage = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| json_error(&error.path().to_string(), error.inner()))?;
        deserializer
            .end()
            .map_err(|error| json_error(".", &error))?;
        image.into_image()?.upgraded()
    }

    /// A card of no model: an MF with these files, which speaks T=1, without PINs and data objects.
    /// Where a DF names no application, `iso` answers.
    pub fn plain(files: Vec<FileImage>) -> Self {
        Self {
            format: Format::CardImage,
            version: Version::CURRENT,
            test_secrets: TestSecrets,
            model: Model::NONE,
            protocol: ProtocolName::T1,
            // T=1 and nothing else (ISO/IEC 7816-3 §8.2): TD1 01, TCK.
            atr: HexBytes(vec![0x3B, 0x80, 0x01, 0x81]),
            serial: "none".to_owned(),
            capacity: 64 * 1024,
            settings: Settings::default(),
            life_cycle: LifeCycle::Activated,
            pins: Vec::new(),
            data_objects: Vec::new(),
            master_file: FileImage::df(0x3F00, files),
            pending_change: None,
            generator: None,
            provenance: None,
        }
    }

    /// The same image in the current version.
    fn upgraded(mut self) -> Result<Self, ImageError> {
        if self.version != Version::FIRST {
            return Ok(self);
        }
        if self.model != Model::EID {
            return Err(ImageError::inconsistent(
                "$.model",
                format!(
                    "unknown variant `{}`: version 1 has `eid` alone",
                    printable(&self.model.0)
                ),
            ));
        }
        if let Some(path) = self.master_file.names_application("$.master_file") {
            return Err(ImageError::inconsistent(
                path,
                "unknown field `application`: it came with version 2",
            ));
        }
        self.version = Version::CURRENT;
        self.master_file = self.master_file.with_application("eid");
        Ok(self)
    }

    /// The image as indented JSON text that ends in a line feed.
    pub fn to_json(&self) -> String {
        // Maps with keys other than strings and failing Serialize are the only ways to fail.
        let mut text = serde_json::to_string_pretty(self)
            .expect("an image has neither map keys nor failing serialisers");
        text.push('\n');
        text
    }
}

/// `serde_json`'s message without its "at line …", which is told apart.
/// What the text of an image is, if it is none at all.
fn no_text(text: &[u8]) -> Option<&'static str> {
    match text {
        [] => Some("the file is empty"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [b'{', 0, ..] | [0, b'{', ..] => {
            Some("the text is in UTF-16; save it as UTF-8")
        }
        _ => None,
    }
}

fn json_error(path: &str, error: &serde_json::Error) -> ImageError {
    let text = error.to_string();
    let what = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(what, _)| what);
    let what = match error.is_eof() {
        true => format!("the text is cut here: {what}"),
        false => what.to_owned(),
    };
    let path = match path {
        "." => "$".to_owned(),
        path => format!("$.{path}"),
    };
    ImageError::Json {
        path: printable(&path),
        line: error.line(),
        column: error.column(),
        what: printable(&what),
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
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self::FIRST),
            2 => Ok(Self::CURRENT),
            other => Err(serde::de::Error::custom(format!(
                "image version {other} is unknown; this program reads versions 1 and 2"
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
