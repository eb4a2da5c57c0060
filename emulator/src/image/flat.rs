//! A file as the JSON has it: one object with a `kind`, and of each kind its own fields.
//!
//! The fields that a kind does not have are refused here, and those that it needs are demanded, so
//! that a [`FileImage`] cannot hold what no file is. Which is which stands in the two tables below;
//! `docs/image.md` has them in words.

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use super::file::{DfImage, FileContent, FileImage, FileKind, KeyFileImage, RecordsImage};
use super::file::{RecordStructure, TransparentImage};
use super::number::HexByte;
use super::{HexBytes, ImageError, KeyImage};
use crate::fs::{Fid, LifeCycle, ObjectOfDf, Recorded};

/// Every field that some kind of file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlatFile {
    fid: Fid,
    pub(super) kind: FileKind,
    label: Option<String>,
    name: Option<HexBytes>,
    application: Option<String>,
    #[serde(default)]
    life_cycle: LifeCycle,
    access: Option<HexBytes>,
    proprietary: Option<HexBytes>,
    recorded: Option<Box<Recorded>>,
    #[serde(default)]
    shareable: bool,
    sfi: Option<u8>,
    data_coding: Option<HexByte>,
    size: Option<u32>,
    data: Option<HexBytes>,
    record_length: Option<u16>,
    record_count: Option<u16>,
    #[serde(default)]
    record_tlv: bool,
    records: Option<Vec<HexBytes>>,
    key: Option<KeyImage>,
    #[serde(default)]
    objects: Vec<ObjectOfDf>,
    files: Option<Vec<FlatFile>>,
}

impl FlatFile {
    /// The file of its kind, which stands at `path` in the text. Recursive as deep as the text nests,
    /// which `serde_json` limits.
    ///
    /// # Errors
    /// A field that its kind does not have, or lacks.
    pub(super) fn into_file(self, path: &str) -> Result<FileImage, ImageError> {
        self.refuse_others(path)?;
        let kind = self.kind;
        let needs = |name: &str| {
            let what = format!("a file of kind {} needs the field {name}", kind.name());
            ImageError::inconsistent(path, what)
        };
        let content = match kind {
            FileKind::Df => {
                let files = self.files.ok_or_else(|| needs("files"))?.into_iter();
                let place = |index| format!("{path}.files[{index}]");
                let files = files.enumerate();
                FileContent::Df(DfImage {
                    name: self.name,
                    application: self.application,
                    objects: self.objects,
                    files: files
                        .map(|(index, file)| file.into_file(&place(index)))
                        .collect::<Result<_, _>>()?,
                })
            }
            FileKind::Transparent => FileContent::Transparent(TransparentImage {
                shareable: self.shareable,
                sfi: self.sfi,
                data_coding: self.data_coding,
                size: self.size.ok_or_else(|| needs("size"))?,
                data: self.data,
            }),
            FileKind::LinearFixed | FileKind::LinearVariable | FileKind::Cyclic => {
                FileContent::Records(RecordsImage {
                    shareable: self.shareable,
                    sfi: self.sfi,
                    data_coding: self.data_coding,
                    structure: match kind {
                        FileKind::LinearVariable => RecordStructure::LinearVariable {
                            size: self.size.ok_or_else(|| needs("size"))?,
                        },
                        FileKind::Cyclic => RecordStructure::Cyclic,
                        _ => RecordStructure::LinearFixed,
                    },
                    record_length: self.record_length.ok_or_else(|| needs("record_length"))?,
                    record_count: self.record_count.ok_or_else(|| needs("record_count"))?,
                    tlv: self.record_tlv,
                    records: self.records,
                })
            }
            FileKind::Key => FileContent::Key(KeyFileImage {
                shareable: self.shareable,
                sfi: self.sfi,
                size: self.size,
                key: self.key,
            }),
        };
        Ok(FileImage {
            fid: self.fid,
            label: self.label,
            life_cycle: self.life_cycle,
            access: self.access,
            proprietary: self.proprietary,
            recorded: self.recorded,
            content,
        })
    }

    /// Refuses the fields that do not belong to the kind of file.
    fn refuse_others(&self, path: &str) -> Result<(), ImageError> {
        use FileKind as K;
        let kind = self.kind;
        let records = matches!(kind, K::LinearFixed | K::LinearVariable | K::Cyclic);
        let sized = matches!(kind, K::Transparent | K::LinearVariable | K::Key);
        let coded = records || kind == K::Transparent;
        let fields = [
            ("name", self.name.is_some(), kind == K::Df),
            ("application", self.application.is_some(), kind == K::Df),
            ("objects", !self.objects.is_empty(), kind == K::Df),
            ("files", self.files.is_some(), kind == K::Df),
            ("shareable", self.shareable, kind != K::Df),
            ("sfi", self.sfi.is_some(), kind != K::Df),
            ("data_coding", self.data_coding.is_some(), coded),
            ("size", self.size.is_some(), sized),
            ("data", self.data.is_some(), kind == K::Transparent),
            ("record_length", self.record_length.is_some(), records),
            ("record_count", self.record_count.is_some(), records),
            ("record_tlv", self.record_tlv, records),
            ("records", self.records.is_some(), records),
            ("key", self.key.is_some(), kind == K::Key),
        ];
        let odd = fields.iter().find(|(_, present, has)| *present && !has);
        odd.map_or(Ok(()), |(name, ..)| {
            Err(ImageError::inconsistent(
                format!("{path}.{name}"),
                format!("a file of kind {} has no such field", kind.name()),
            ))
        })
    }
}

impl Serialize for FileImage {
    /// The fields in the order of `FlatFile`; those that say nothing are left out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let df = self.as_df();
        let (transparent, records, key) = match &self.content {
            FileContent::Df(_) => (None, None, None),
            FileContent::Transparent(ef) => (Some(ef), None, None),
            FileContent::Records(ef) => (None, Some(ef), None),
            FileContent::Key(ef) => (None, None, Some(ef)),
        };
        let size = match &self.content {
            FileContent::Df(_) => None,
            FileContent::Transparent(ef) => Some(ef.size),
            FileContent::Records(ef) => ef.structure.size(),
            FileContent::Key(ef) => ef.size,
        };
        let (shareable, sfi, data_coding) = self.ef_fields();
        let mut out = serializer.serialize_struct("FileImage", 21)?;
        out.serialize_field("fid", &self.fid)?;
        out.serialize_field("kind", &self.kind())?;
        macro_rules! say {
            ($name:literal, $value:expr) => {
                match $value {
                    Some(value) => out.serialize_field($name, &value)?,
                    None => out.skip_field($name)?,
                }
            };
        }
        say!("label", self.label.as_ref());
        say!("name", df.and_then(|df| df.name.as_ref()));
        say!("application", df.and_then(|df| df.application.as_ref()));
        out.serialize_field("life_cycle", &self.life_cycle)?;
        say!("access", self.access.as_ref());
        say!("proprietary", self.proprietary.as_ref());
        say!("recorded", self.recorded.as_ref());
        say!("shareable", shareable.then_some(true));
        say!("sfi", sfi);
        say!("data_coding", data_coding);
        say!("size", size);
        say!("data", transparent.and_then(|ef| ef.data.as_ref()));
        say!("record_length", records.map(|ef| ef.record_length));
        say!("record_count", records.map(|ef| ef.record_count));
        say!("record_tlv", records.and_then(|ef| ef.tlv.then_some(true)));
        say!("records", records.and_then(|ef| ef.records.as_ref()));
        say!("key", key.and_then(|ef| ef.key.as_ref()));
        let objects = df.map(|df| &df.objects);
        say!("objects", objects.filter(|objects| !objects.is_empty()));
        say!("files", df.map(|df| &df.files));
        out.end()
    }
}
