//! Files in the image.

use serde::{Deserialize, Serialize};

use super::hex_bytes::HexBytes;
use super::key::RsaKeyImage;
use super::number::{Fid, HexByte};

/// A DF or an EF. Which of the optional fields belong to it depends on `kind`; `docs/image.md`
/// has the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileImage {
    /// The file identifier, unique in its DF.
    pub fid: Fid,
    /// DF, or the structure of the EF.
    pub kind: FileKind,
    /// A name for people. The card itself does not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// DF: its name (AID), 1 to 16 bytes, unique on the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<HexBytes>,
    /// The life cycle status.
    #[serde(default)]
    pub life_cycle: LifeCycle,
    /// The access conditions: the value of tag 86 in SetCOS 4.4 coding, as the FCI echoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<HexBytes>,
    /// Proprietary information: the value of tag A5, as the FCI echoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proprietary: Option<HexBytes>,
    /// EF: whether the file descriptor byte says "shareable".
    #[serde(default, skip_serializing_if = "is_false")]
    pub shareable: bool,
    /// EF: the short file identifier, 1 to 30; 0: none; absent: the five low bits of the FID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sfi: Option<u8>,
    /// EF: the data coding byte of tag 82, which says what WRITE does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_coding: Option<HexByte>,
    /// Transparent EF: its size in bytes. RSA key: the modulus length in bits that the FCI tells,
    /// if any. Linear variable EF: the most bytes of all records together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Transparent EF: its contents from the first byte; what is missing is in the erased state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<HexBytes>,
    /// Record EFs: the length of a record, or its maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_length: Option<u16>,
    /// Record EFs: the most records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_count: Option<u16>,
    /// Record EFs: whether the descriptor says that records are SIMPLE-TLV objects, whose first
    /// byte is the record identifier.
    #[serde(default, skip_serializing_if = "is_false")]
    pub record_tlv: bool,
    /// Record EFs: the records, number 1 first; in a cyclic EF that is the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<HexBytes>>,
    /// RSA key: the key, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RsaKeyImage>,
    /// DF: the files in it, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileImage>>,
}

impl FileImage {
    /// A file of this identifier and kind, with nothing else said.
    pub fn new(fid: u16, kind: FileKind) -> Self {
        Self {
            fid: Fid(fid),
            kind,
            label: None,
            name: None,
            life_cycle: LifeCycle::Activated,
            access: None,
            proprietary: None,
            shareable: false,
            sfi: None,
            data_coding: None,
            size: None,
            data: None,
            record_length: None,
            record_count: None,
            record_tlv: false,
            records: None,
            key: None,
            files: None,
        }
    }

    /// A DF with these files in it.
    pub fn df(fid: u16, files: Vec<FileImage>) -> Self {
        Self {
            files: Some(files),
            ..Self::new(fid, FileKind::Df)
        }
    }

    /// A transparent EF of `size` bytes that begins with `data`; trailing zeros are left out of
    /// the image.
    pub fn transparent(fid: u16, size: u32, data: &[u8]) -> Self {
        let length = data
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |i| i + 1);
        Self {
            size: Some(size),
            data: Some(data.get(..length).unwrap_or_default().into()),
            ..Self::new(fid, FileKind::Transparent)
        }
    }

    /// An RSA key file that holds `key`.
    pub fn rsa_key(fid: u16, key: RsaKeyImage) -> Self {
        Self {
            key: Some(key),
            ..Self::new(fid, FileKind::RsaKey)
        }
    }

    /// The same file with a name for people.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same file with access conditions: the value of tag 86.
    #[must_use]
    pub fn with_access(mut self, access: &[u8]) -> Self {
        self.access = Some(access.into());
        self
    }

    /// The same DF with a name (AID).
    #[must_use]
    pub fn with_name(mut self, name: &[u8]) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same file with proprietary information: the value of tag A5.
    #[must_use]
    pub fn with_proprietary(mut self, value: &[u8]) -> Self {
        self.proprietary = Some(value.into());
        self
    }
}

/// DF, or the structure of an EF (ISO/IEC 7816-4 §7.3, file descriptor byte).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A dedicated file.
    Df,
    /// An EF that is a string of bytes.
    Transparent,
    /// An EF of records of one length.
    LinearFixed,
    /// An EF of records of different lengths.
    LinearVariable,
    /// An EF whose records, all of one length, form a ring.
    Cyclic,
    /// An internal EF that holds an RSA key (descriptor 11).
    RsaKey,
}

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

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_false(value: &bool) -> bool {
    !value
}
