//! Files in the image.

use serde::{Deserialize, Serialize};

use super::number::HexByte;
use super::{HexBytes, KeyImage};
use crate::fs::{Fid, LifeCycle, ObjectOfDf, Recorded};

/// A DF or an EF: what all files have, and the content that makes it one or the other.
///
/// In the JSON it is one object with a `kind`; `docs/image.md` has the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileImage {
    /// The file identifier, unique in its DF.
    pub fid: Fid,
    /// A name for people. The card itself does not use it.
    pub label: Option<String>,
    /// The life cycle status.
    pub life_cycle: LifeCycle,
    /// The access conditions: the value of tag 86 in the application's coding, as the FCI echoes it.
    pub access: Option<HexBytes>,
    /// Proprietary information: the value of tag A5, as the FCI echoes it.
    pub proprietary: Option<HexBytes>,
    /// What the card answered from which it was copied, where this card would answer otherwise.
    pub recorded: Option<Box<Recorded>>,
    /// What is in it.
    pub content: FileContent,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// A dedicated file: other files.
    Df(DfImage),
    /// A transparent EF: bytes.
    Transparent(TransparentImage),
    /// An EF of records.
    Records(RecordsImage),
    /// An internal EF: a key.
    Key(KeyFileImage),
}

/// What only a DF has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DfImage {
    /// Its name (AID), 1 to 16 bytes, unique on the card.
    pub name: Option<HexBytes>,
    /// The application that answers while it is the current DF; absent: that of the DF around
    /// it, and of the MF `iso`.
    pub application: Option<String>,
    /// What GET DATA with a tag list gives while it is the current DF.
    pub objects: Vec<ObjectOfDf>,
    /// The files in it, in the order in which they were made.
    pub files: Vec<FileImage>,
}

/// What only a transparent EF has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransparentImage {
    /// Whether the file descriptor byte says "shareable".
    pub shareable: bool,
    /// The short file identifier, 1 to 30; 0: none; absent: the five low bits of the FID.
    pub sfi: Option<u8>,
    /// The data coding byte of tag 82, which says what WRITE does.
    pub data_coding: Option<HexByte>,
    /// Its size in bytes.
    pub size: u32,
    /// Its contents from the first byte; what is missing is in the erased state.
    pub data: Option<HexBytes>,
}

/// What only an EF of records has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsImage {
    /// Whether the file descriptor byte says "shareable".
    pub shareable: bool,
    /// The short file identifier, 1 to 30; 0: none; absent: the five low bits of the FID.
    pub sfi: Option<u8>,
    /// The data coding byte of tag 82, which says what WRITE does.
    pub data_coding: Option<HexByte>,
    /// How the records are arranged.
    pub structure: RecordStructure,
    /// The length of a record, or its maximum.
    pub record_length: u16,
    /// The most records.
    pub record_count: u16,
    /// Whether the descriptor says that records are SIMPLE-TLV objects, whose first byte is the
    /// record identifier.
    pub tlv: bool,
    /// The records, number 1 first; in a cyclic EF that is the newest. Absent: none yet.
    pub records: Option<Vec<HexBytes>>,
}

/// How the records of an EF are arranged (ISO/IEC 7816-4 §7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordStructure {
    /// Records of one length.
    LinearFixed,
    /// Records of different lengths.
    LinearVariable {
        /// The most bytes of all records together.
        size: u32,
    },
    /// Records of one length that form a ring.
    Cyclic,
}

/// What only a key file has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFileImage {
    /// Whether the file descriptor byte says "shareable".
    pub shareable: bool,
    /// The short file identifier, 1 to 30; 0: none; absent: the five low bits of the FID.
    pub sfi: Option<u8>,
    /// The modulus length in bits that the FCI tells, if any.
    pub size: Option<u32>,
    /// The key, once there is one.
    pub key: Option<KeyImage>,
}

impl FileImage {
    /// A file of this identifier and content, with nothing else said.
    pub fn new(fid: u16, content: FileContent) -> Self {
        Self {
            fid: Fid(fid),
            label: None,
            life_cycle: LifeCycle::Activated,
            access: None,
            proprietary: None,
            recorded: None,
            content,
        }
    }

    /// A DF with these files in it.
    pub fn df(fid: u16, files: Vec<FileImage>) -> Self {
        let content = DfImage {
            files,
            ..DfImage::default()
        };
        Self::new(fid, FileContent::Df(content))
    }

    /// A transparent EF of `size` bytes that begins with `data`; trailing zeros are left out of
    /// the image.
    pub fn transparent(fid: u16, size: u32, data: &[u8]) -> Self {
        let length = data
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |i| i + 1);
        let content = TransparentImage {
            size,
            data: Some(data.get(..length).unwrap_or_default().into()),
            ..TransparentImage::default()
        };
        Self::new(fid, FileContent::Transparent(content))
    }

    /// A key file that holds `key`.
    pub fn key(fid: u16, key: KeyImage) -> Self {
        let content = KeyFileImage {
            key: Some(key),
            ..KeyFileImage::default()
        };
        Self::new(fid, FileContent::Key(content))
    }

    /// DF, or the structure of the EF.
    pub const fn kind(&self) -> FileKind {
        match &self.content {
            FileContent::Df(_) => FileKind::Df,
            FileContent::Transparent(_) => FileKind::Transparent,
            FileContent::Records(records) => match records.structure {
                RecordStructure::LinearFixed => FileKind::LinearFixed,
                RecordStructure::LinearVariable { .. } => FileKind::LinearVariable,
                RecordStructure::Cyclic => FileKind::Cyclic,
            },
            FileContent::Key(_) => FileKind::Key,
        }
    }

    /// What only a DF has, if this is one.
    pub const fn as_df(&self) -> Option<&DfImage> {
        match &self.content {
            FileContent::Df(df) => Some(df),
            _ => None,
        }
    }

    /// The files in a DF; none in an EF.
    pub fn files(&self) -> &[FileImage] {
        self.as_df().map_or(&[], |df| &df.files)
    }

    /// The files in a DF, to change them; `None` of an EF.
    pub const fn files_mut(&mut self) -> Option<&mut Vec<FileImage>> {
        match &mut self.content {
            FileContent::Df(df) => Some(&mut df.files),
            _ => None,
        }
    }

    /// The bytes of a transparent EF, as far as the image has them; none of other files.
    pub fn data(&self) -> &[u8] {
        let data = self.as_transparent().and_then(|ef| ef.data.as_ref());
        data.map_or(&[], HexBytes::as_slice)
    }

    /// What only a transparent EF has, if this is one.
    pub const fn as_transparent(&self) -> Option<&TransparentImage> {
        match &self.content {
            FileContent::Transparent(ef) => Some(ef),
            _ => None,
        }
    }

    /// What only a transparent EF has, to change it; `None` of other files.
    pub const fn as_transparent_mut(&mut self) -> Option<&mut TransparentImage> {
        match &mut self.content {
            FileContent::Transparent(ef) => Some(ef),
            _ => None,
        }
    }

    /// The bytes of a transparent EF, to change them; `None` of other files.
    pub fn data_mut(&mut self) -> Option<&mut Vec<u8>> {
        let data = &mut self.as_transparent_mut()?.data;
        Some(&mut data.get_or_insert_with(|| HexBytes(Vec::new())).0)
    }

    /// What all EFs have, as far as this file has it: whether it is shareable, its short file
    /// identifier, its data coding byte.
    pub(super) const fn ef_fields(&self) -> (bool, Option<u8>, Option<HexByte>) {
        match &self.content {
            FileContent::Df(_) => (false, None, None),
            FileContent::Transparent(ef) => (ef.shareable, ef.sfi, ef.data_coding),
            FileContent::Records(ef) => (ef.shareable, ef.sfi, ef.data_coding),
            FileContent::Key(ef) => (ef.shareable, ef.sfi, None),
        }
    }

    /// Where an application is named, if anywhere. Recursive as deep as the text nested, which
    /// `serde_json` limits.
    pub(super) fn names_application(&self, path: &str) -> Option<String> {
        if self.as_df().is_some_and(|df| df.application.is_some()) {
            return Some(format!("{path}.application"));
        }
        let mut children = self.files().iter().enumerate();
        children
            .find_map(|(index, child)| child.names_application(&format!("{path}.files[{index}]")))
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

    /// The same DF with a name (AID). An EF has none, and stays as it is.
    #[must_use]
    pub fn with_name(mut self, name: &[u8]) -> Self {
        if let FileContent::Df(df) = &mut self.content {
            df.name = Some(name.into());
        }
        self
    }

    /// The same DF, in which this application answers. An EF has none, and stays as it is.
    #[must_use]
    pub fn with_application(mut self, name: impl Into<String>) -> Self {
        if let FileContent::Df(df) = &mut self.content {
            df.application = Some(name.into());
        }
        self
    }

    /// The same file with proprietary information: the value of tag A5.
    #[must_use]
    pub fn with_proprietary(mut self, value: &[u8]) -> Self {
        self.proprietary = Some(value.into());
        self
    }
}

impl RecordStructure {
    /// The most bytes of all records together, where the image says that.
    pub const fn size(self) -> Option<u32> {
        match self {
            Self::LinearVariable { size } => Some(size),
            Self::LinearFixed | Self::Cyclic => None,
        }
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
    /// An internal EF that holds a key (descriptor 11). The word is from when there was one kind.
    #[serde(rename = "rsa-key")]
    Key,
}

impl FileKind {
    /// The word for it in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Df => "df",
            Self::Transparent => "transparent",
            Self::LinearFixed => "linear-fixed",
            Self::LinearVariable => "linear-variable",
            Self::Cyclic => "cyclic",
            Self::Key => "rsa-key",
        }
    }
}
