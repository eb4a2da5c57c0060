//! Everything on the card that outlives power: what the image holds, ready to run.
//!
//! A [`State`] is read by all; [`crate::memory`] alone holds one that can be changed.

use zeroize::Zeroizing;

use crate::fs::FileSystem;
use crate::fs::footprint::{DATA_OBJECT_HEADER, PIN_HEADER};
use crate::image::{
    DataObjectImage, DataTag, Format, HexByte, HexBytes, Image, ImageError, LifeCycle, Model,
    PinEncoding, PinImage, ProtocolName, SecretText, Settings, TestSecrets, Version,
    check_contents,
};
use crate::security::Access;

/// The persistent state of a card.
#[derive(Clone, Debug)]
pub struct State {
    /// The card model.
    pub model: Model,
    /// The transmission protocol.
    pub protocol: ProtocolName,
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// The serial number.
    pub serial: String,
    /// The non-volatile memory in bytes.
    pub capacity: u32,
    /// How much of it is taken, in bytes.
    pub used: u64,
    /// Ways in which this card differs from others of its model.
    pub settings: Settings,
    /// The life cycle status of the card.
    pub life_cycle: LifeCycle,
    /// PINs and PUKs.
    pub pins: Vec<Pin>,
    /// What GET DATA gives.
    pub data_objects: Vec<DataObject>,
    /// The files.
    pub files: FileSystem,
}

/// A PIN or PUK.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The reference that commands take in P2.
    pub reference: u8,
    /// A name for people.
    pub label: String,
    /// The value without padding.
    pub value: SecretValue,
    /// Which characters a value may have.
    pub encoding: PinEncoding,
    /// The fewest characters.
    pub min_length: u8,
    /// The most characters.
    pub max_length: u8,
    /// The length of the padded value in commands.
    pub stored_length: u8,
    /// The padding byte.
    pub pad: u8,
    /// Tries left; 0 means blocked.
    pub tries_left: u8,
    /// Tries after a success.
    pub tries_max: u8,
    /// The PUK that unblocks it.
    pub unblocked_by: Option<u8>,
}

/// A PIN's value: zeroised when dropped and silent in `Debug`.
#[derive(Clone)]
pub struct SecretValue(pub Zeroizing<Vec<u8>>);

impl core::fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[secret]")
    }
}

/// A data object of GET DATA and PUT DATA.
#[derive(Clone, Debug)]
pub struct DataObject {
    /// Its tag.
    pub tag: u16,
    /// Its value.
    pub value: Vec<u8>,
    /// Its access conditions as they were given.
    pub access_raw: Option<Vec<u8>>,
    /// The same, parsed.
    pub access: Access,
}

impl State {
    /// The state that an image describes.
    ///
    /// # Errors
    /// The image is inconsistent, or takes more than its capacity.
    pub(crate) fn from_image(image: &Image) -> Result<Self, ImageError> {
        check_contents(image)?;
        let files = FileSystem::from_image(&image.master_file)?;
        let data_objects: Vec<_> = image
            .data_objects
            .iter()
            .map(DataObject::from_image)
            .collect::<Result<_, _>>()?;
        let mut state = Self {
            model: image.model,
            protocol: image.protocol,
            atr: image.atr.0.clone(),
            serial: image.serial.clone(),
            capacity: image.capacity,
            used: 0,
            settings: image.settings,
            life_cycle: image.life_cycle,
            pins: image.pins.iter().map(Pin::from_image).collect(),
            data_objects,
            files,
        };
        state.used = state.footprint();
        if state.used > u64::from(state.capacity) {
            return Err(ImageError::inconsistent(
                "$.capacity",
                format!(
                    "{} bytes, but what the image holds takes {}: raise it or remove files",
                    state.capacity, state.used
                ),
            ));
        }
        Ok(state)
    }

    /// The image of this state.
    pub(crate) fn to_image(&self) -> Image {
        Image {
            format: Format::CardImage,
            version: Version,
            test_secrets: TestSecrets,
            model: self.model,
            protocol: self.protocol,
            atr: self.atr.clone().into(),
            serial: self.serial.clone(),
            capacity: self.capacity,
            settings: self.settings,
            life_cycle: self.life_cycle,
            pins: self.pins.iter().map(Pin::to_image).collect(),
            data_objects: self.data_objects.iter().map(DataObject::to_image).collect(),
            master_file: self.files.to_image(),
        }
    }

    /// Where in `pins` the one with this reference is.
    pub fn pin_index(&self, reference: u8) -> Option<usize> {
        self.pins.iter().position(|pin| pin.reference == reference)
    }

    fn footprint(&self) -> u64 {
        let files = self.files.subtree(FileSystem::MASTER_FILE).into_iter();
        let files: u64 = files
            .filter_map(|id| self.files.get(id))
            .map(crate::fs::File::footprint)
            .sum();
        let pins: u64 = self.pins.iter().map(Pin::footprint).sum();
        let objects: u64 = self.data_objects.iter().map(DataObject::footprint).sum();
        files + pins + objects
    }
}

impl Pin {
    /// The bytes of non-volatile memory that it takes.
    pub fn footprint(&self) -> u64 {
        PIN_HEADER + u64::from(self.stored_length)
    }

    fn from_image(image: &PinImage) -> Self {
        Self {
            reference: image.reference.0,
            label: image.label.clone(),
            value: SecretValue(Zeroizing::new(image.value.as_bytes().to_vec())),
            encoding: image.encoding,
            min_length: image.min_length,
            max_length: image.max_length,
            stored_length: image.stored_length,
            pad: image.pad.0,
            tries_left: image.tries_left,
            tries_max: image.tries_max,
            unblocked_by: image.unblocked_by.map(|reference| reference.0),
        }
    }

    fn to_image(&self) -> PinImage {
        PinImage {
            reference: HexByte(self.reference),
            label: self.label.clone(),
            // The encoding allows ASCII alone, so nothing is lost.
            value: SecretText::new(
                self.value
                    .0
                    .iter()
                    .copied()
                    .map(char::from)
                    .collect::<String>(),
            ),
            encoding: self.encoding,
            min_length: self.min_length,
            max_length: self.max_length,
            stored_length: self.stored_length,
            pad: HexByte(self.pad),
            tries_left: self.tries_left,
            tries_max: self.tries_max,
            unblocked_by: self.unblocked_by.map(HexByte),
        }
    }
}

impl DataObject {
    /// The bytes of non-volatile memory that it takes.
    pub fn footprint(&self) -> u64 {
        let access = self.access_raw.as_ref().map_or(0, Vec::len);
        DATA_OBJECT_HEADER + (self.value.len() + access) as u64
    }

    fn from_image(image: &DataObjectImage) -> Result<Self, ImageError> {
        let access_raw = image.access.as_ref().map(|access| access.0.clone());
        let access = Access::parse(access_raw.as_deref().unwrap_or_default()).map_err(|error| {
            ImageError::inconsistent(format!("data object {}", image.tag), error.to_string())
        })?;
        Ok(Self {
            tag: image.tag.0,
            value: image.value.0.clone(),
            access_raw,
            access,
        })
    }

    fn to_image(&self) -> DataObjectImage {
        DataObjectImage {
            tag: DataTag(self.tag),
            value: HexBytes(self.value.clone()),
            access: self.access_raw.as_deref().map(Into::into),
        }
    }
}
