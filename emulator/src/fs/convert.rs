//! Between the files of an image and the files of the running card.

use super::{Body, File, FileId, FileSystem, Records, Structure};
use crate::image::{FileImage, FileKind, HexByte, ImageError};
use crate::security::Access;

impl FileSystem {
    /// The files of a checked image.
    ///
    /// # Errors
    /// Access conditions that do not parse; a checked image has none.
    pub(crate) fn from_image(master_file: &FileImage) -> Result<Self, ImageError> {
        let mut files = Self::default();
        let mut waiting: Vec<(Option<FileId>, &FileImage)> = vec![(None, master_file)];
        // Parents first, and the children of one DF in their order.
        while let Some((parent, image)) = waiting.pop() {
            let id = files.insert(File::from_image(parent, image)?, None);
            let children = image.files.as_deref().unwrap_or_default();
            waiting.extend(children.iter().rev().map(|child| (Some(id), child)));
        }
        Ok(files)
    }

    /// The image of all files.
    pub(crate) fn to_image(&self) -> FileImage {
        self.file_image(Self::MASTER_FILE)
            .unwrap_or_else(|| FileImage::df(0x3F00, Vec::new()))
    }

    /// Recursive, as deep as DFs nest: the image and CREATE FILE limit that.
    fn file_image(&self, id: FileId) -> Option<FileImage> {
        let file = self.get(id)?;
        let mut image = file.to_image();
        if file.is_df() {
            let children = self.children(id).iter();
            image.files = Some(children.filter_map(|&id| self.file_image(id)).collect());
        }
        Some(image)
    }
}

impl File {
    /// The file that an image describes, without the files in it.
    fn from_image(parent: Option<FileId>, image: &FileImage) -> Result<Self, ImageError> {
        let access_raw = image.access.as_ref().map(|access| access.0.clone());
        let access = Access::parse(access_raw.as_deref().unwrap_or_default()).map_err(|error| {
            ImageError::inconsistent(format!("file {}", image.fid), error.to_string())
        })?;
        let mut file = Self {
            fid: image.fid,
            parent,
            label: image.label.clone(),
            life_cycle: image.life_cycle,
            access_raw,
            access,
            proprietary: image.proprietary.as_ref().map(|value| value.0.clone()),
            shareable: image.shareable,
            sfi: image.sfi,
            data_coding: image.data_coding.map(|coding| coding.0),
            body: Body::Transparent(Vec::new()),
        };
        let erased = file.erased_byte();
        file.body = match image.kind {
            FileKind::Df => Body::Df {
                name: image.name.as_ref().map(|name| name.0.clone()),
                children: Vec::new(),
            },
            FileKind::Transparent => {
                let size = usize::try_from(image.size.unwrap_or(0)).unwrap_or(0);
                let mut bytes = image
                    .data
                    .as_ref()
                    .map_or(Vec::new(), |data| data.0.clone());
                bytes.resize(size, erased);
                Body::Transparent(bytes)
            }
            FileKind::LinearFixed => Body::Records(records(image, Structure::LinearFixed)),
            FileKind::LinearVariable => Body::Records(records(image, Structure::LinearVariable)),
            FileKind::Cyclic => Body::Records(records(image, Structure::Cyclic)),
            FileKind::RsaKey => Body::RsaKey {
                size: image.size,
                key: image.key.clone().map(Box::new),
            },
        };
        Ok(file)
    }

    /// The image of this file, without the files in it.
    fn to_image(&self) -> FileImage {
        let erased = self.erased_byte();
        let kind = match &self.body {
            Body::Df { .. } => FileKind::Df,
            Body::Transparent(_) => FileKind::Transparent,
            Body::RsaKey { .. } => FileKind::RsaKey,
            Body::Records(records) => match records.structure {
                Structure::LinearFixed => FileKind::LinearFixed,
                Structure::LinearVariable => FileKind::LinearVariable,
                Structure::Cyclic => FileKind::Cyclic,
            },
        };
        let mut image = FileImage {
            label: self.label.clone(),
            name: self.name().map(Into::into),
            life_cycle: self.life_cycle,
            access: self.access_raw.as_deref().map(Into::into),
            proprietary: self.proprietary.as_deref().map(Into::into),
            shareable: self.shareable,
            sfi: self.sfi,
            data_coding: self.data_coding.map(HexByte),
            ..FileImage::new(self.fid.0, kind)
        };
        match &self.body {
            Body::Df { .. } => image.files = Some(Vec::new()),
            Body::Transparent(bytes) => {
                let written = bytes.iter().rposition(|&byte| byte != erased);
                let length = written.map_or(0, |last| last + 1);
                image.size = u32::try_from(bytes.len()).ok();
                image.data = Some(bytes.get(..length).unwrap_or_default().into());
            }
            Body::Records(records) => {
                image.record_tlv = records.tlv;
                image.record_length = Some(records.record_length);
                image.record_count = Some(records.record_count);
                if records.structure == Structure::LinearVariable {
                    image.size = Some(records.size);
                }
                let records = records.records.iter();
                image.records = Some(records.map(|record| record.clone().into()).collect());
            }
            Body::RsaKey { size, key } => {
                image.size = *size;
                image.key = key.as_deref().cloned();
            }
        }
        image
    }
}

fn records(image: &FileImage, structure: Structure) -> Records {
    let record_length = image.record_length.unwrap_or(0);
    let record_count = image.record_count.unwrap_or(0);
    let size = match structure {
        Structure::LinearVariable => image.size.unwrap_or(0),
        Structure::LinearFixed | Structure::Cyclic => {
            u32::from(record_length) * u32::from(record_count)
        }
    };
    let records = image.records.as_deref().unwrap_or_default().iter();
    Records {
        structure,
        tlv: image.record_tlv,
        record_length,
        record_count,
        size,
        records: records.map(|record| record.0.clone()).collect(),
    }
}
