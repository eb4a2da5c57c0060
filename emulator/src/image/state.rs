//! Between an image and the state of the running card.

use zeroize::Zeroizing;

use super::known::{Known, access};
use super::{
    DataObjectImage, DataTag, Format, HexByte, HexBytes, Image, ImageError, PinImage, SecretText,
    TestSecrets, Version,
};
use crate::fs::FileSystem;
use crate::os::{Application, Applications};
use crate::state::{DataObject, Pin, SecretValue, State};

impl Image {
    /// The state that the image describes, on a card with these applications.
    ///
    /// # Errors
    /// The image is inconsistent, or takes more than its capacity.
    pub(crate) fn state(&self, applications: &Applications) -> Result<State, ImageError> {
        self.read(&Known::all(applications))
    }

    /// The state that the image describes, as far as that can be said without knowing every
    /// application that it names.
    pub(crate) fn read(&self, applications: &Known<'_>) -> Result<State, ImageError> {
        if self.version != Version::CURRENT {
            return Err(ImageError::inconsistent(
                "$.version",
                "an older version: read it with Image::from_json, which makes the current one of it",
            ));
        }
        super::check::check(self, applications)?;
        let application = applications.of(&self.master_file, None, "$.master_file")?;
        let data_objects = self
            .data_objects
            .iter()
            .map(|object| DataObject::from_image(object, application))
            .collect::<Result<_, _>>()?;
        let mut state = State {
            model: self.model.clone(),
            protocol: self.protocol.into(),
            atr: self.atr.0.clone(),
            serial: self.serial.clone(),
            pending_change: self.pending_change.clone(),
            provenance: self.provenance.clone(),
            capacity: self.capacity,
            used: 0,
            settings: self.settings,
            life_cycle: self.life_cycle,
            pins: self.pins.iter().map(Pin::from_image).collect(),
            data_objects,
            files: FileSystem::from_image(&self.master_file, applications)?,
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

    /// The image of this state, without a generator: that is no part of it.
    pub(crate) fn of(state: &State) -> Self {
        Self {
            format: Format::CardImage,
            version: Version::CURRENT,
            test_secrets: TestSecrets,
            model: state.model.clone(),
            protocol: state.protocol.into(),
            atr: state.atr.clone().into(),
            serial: state.serial.clone(),
            pending_change: state.pending_change.clone(),
            generator: None,
            provenance: state.provenance.clone(),
            capacity: state.capacity,
            settings: state.settings,
            life_cycle: state.life_cycle,
            pins: state.pins.iter().map(Pin::to_image).collect(),
            data_objects: state
                .data_objects
                .iter()
                .map(DataObject::to_image)
                .collect(),
            master_file: state.files.to_image(),
        }
    }
}

impl Pin {
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
    fn from_image(
        image: &DataObjectImage,
        application: Option<&'static dyn Application>,
    ) -> Result<Self, ImageError> {
        let access_raw = image.access.as_ref().map(|access| access.0.clone());
        let access =
            access(application, access_raw.as_deref().unwrap_or_default()).map_err(|error| {
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
