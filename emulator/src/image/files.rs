//! Between the files of an image and the files of the running card.

use super::known::{Known, access};
use super::{
    DfImage, FileContent, FileImage, HexByte, ImageError, KeyFileImage, RecordStructure,
    RecordsImage, TransparentImage,
};
use crate::fs::{ApplicationId, Body, File, FileId, FileSystem, Records, Structure};
use crate::os::Application;

impl FileSystem {
    /// The files of a checked image.
    ///
    /// # Errors
    /// Access conditions that do not parse; a checked image has none.
    pub(super) fn from_image(
        master_file: &FileImage,
        applications: &Known<'_>,
    ) -> Result<Self, ImageError> {
        let mut files = Self::default();
        let mut waiting = vec![(None, None, master_file)];
        // Parents first, and the children of one DF in their order.
        while let Some((parent, around, image)) = waiting.pop() {
            let application = applications.of(image, around, "$.master_file")?;
            let mut file = File::from_image(parent, application, image)?;
            file.application = applications.id(application);
            let id = files.insert(file, None);
            let inside = |child| (Some(id), Some(application), child);
            waiting.extend(image.files().iter().rev().map(inside));
        }
        Ok(files)
    }

    /// The image of all files.
    pub(super) fn to_image(&self) -> FileImage {
        self.file_image(Self::MASTER_FILE)
            .unwrap_or_else(|| FileImage::df(0x3F00, Vec::new()))
    }

    /// Recursive, as deep as DFs nest: the image and CREATE FILE limit that.
    fn file_image(&self, id: FileId) -> Option<FileImage> {
        let file = self.get(id)?;
        let mut image = file.to_image();
        if let Some(files) = image.files_mut() {
            let children = self.children(id).iter();
            files.extend(children.filter_map(|&id| self.file_image(id)));
        }
        Some(image)
    }
}

impl File {
    /// The file that an image describes, without the files in it.
    fn from_image(
        parent: Option<FileId>,
        application: Option<&'static dyn Application>,
        image: &FileImage,
    ) -> Result<Self, ImageError> {
        let access_raw = image.access.as_ref().map(|access| access.0.clone());
        let access =
            access(application, access_raw.as_deref().unwrap_or_default()).map_err(|error| {
                ImageError::inconsistent(format!("file {}", image.fid), error.to_string())
            })?;
        let (shareable, sfi, data_coding) = image.ef_fields();
        let mut file = Self {
            fid: image.fid,
            parent,
            application: ApplicationId::default(),
            label: image.label.clone(),
            life_cycle: image.life_cycle,
            access_raw,
            access,
            proprietary: image.proprietary.as_ref().map(|value| value.0.clone()),
            shareable,
            sfi,
            data_coding: data_coding.map(|coding| coding.0),
            recorded: image.recorded.clone(),
            body: Body::Transparent(Vec::new()),
        };
        let erased = file.erased_byte();
        file.body = match &image.content {
            FileContent::Df(df) => Body::Df {
                name: df.name.as_ref().map(|name| name.0.clone()),
                application: df.application.as_deref().map(Into::into),
                objects: df.objects.clone(),
                children: Vec::new(),
            },
            FileContent::Transparent(ef) => {
                let mut bytes = image.data().to_vec();
                bytes.resize(usize::try_from(ef.size).unwrap_or(0), erased);
                Body::Transparent(bytes)
            }
            FileContent::Records(ef) => Body::Records(records(ef)),
            FileContent::Key(ef) => Body::Key {
                size: ef.size,
                key: ef.key.as_ref().map(|key| Box::new(key.into())),
            },
        };
        Ok(file)
    }

    /// The image of this file, without the files in it.
    fn to_image(&self) -> FileImage {
        FileImage {
            label: self.label.clone(),
            life_cycle: self.life_cycle,
            access: self.access_raw.as_deref().map(Into::into),
            proprietary: self.proprietary.as_deref().map(Into::into),
            recorded: self.recorded.clone(),
            ..FileImage::new(self.fid.0, self.content())
        }
    }

    fn content(&self) -> FileContent {
        let (shareable, sfi) = (self.shareable, self.sfi);
        let data_coding = self.data_coding.map(HexByte);
        match &self.body {
            Body::Df {
                application,
                objects,
                ..
            } => FileContent::Df(DfImage {
                name: self.name().map(Into::into),
                application: application.as_deref().map(Into::into),
                objects: objects.clone(),
                files: Vec::new(),
            }),
            Body::Transparent(bytes) => {
                let erased = self.erased_byte();
                let written = bytes.iter().rposition(|&byte| byte != erased);
                let length = written.map_or(0, |last| last + 1);
                FileContent::Transparent(TransparentImage {
                    shareable,
                    sfi,
                    data_coding,
                    size: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                    data: Some(bytes.get(..length).unwrap_or_default().into()),
                })
            }
            Body::Records(held) => {
                let records = held.records.iter();
                FileContent::Records(RecordsImage {
                    shareable,
                    sfi,
                    data_coding,
                    structure: match held.structure {
                        Structure::LinearFixed => RecordStructure::LinearFixed,
                        Structure::LinearVariable => {
                            RecordStructure::LinearVariable { size: held.size }
                        }
                        Structure::Cyclic => RecordStructure::Cyclic,
                    },
                    record_length: held.record_length,
                    record_count: held.record_count,
                    tlv: held.tlv,
                    records: Some(records.map(|record| record.clone().into()).collect()),
                })
            }
            Body::Key { size, key } => FileContent::Key(KeyFileImage {
                shareable,
                sfi,
                size: *size,
                key: key.as_deref().map(Into::into),
            }),
        }
    }
}

fn records(image: &RecordsImage) -> Records {
    let (record_length, record_count) = (image.record_length, image.record_count);
    let all = u32::from(record_length) * u32::from(record_count);
    let (structure, size) = match image.structure {
        RecordStructure::LinearFixed => (Structure::LinearFixed, all),
        RecordStructure::LinearVariable { size } => (Structure::LinearVariable, size),
        RecordStructure::Cyclic => (Structure::Cyclic, all),
    };
    let records = image.records.as_deref().unwrap_or_default().iter();
    Records {
        structure,
        tlv: image.tlv,
        record_length,
        record_count,
        size,
        records: records.map(|record| record.0.clone()).collect(),
    }
}
