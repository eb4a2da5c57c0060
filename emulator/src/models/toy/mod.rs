//! A second model, for tests: what a card with two instructions of its own takes. It is this folder
//! and a word in the list of models.

mod application;

use kortlab_apdu::Protocol;

use super::{CardModel, ModelError, Personalisation};
use crate::image::{FileImage, Image, Model};

/// The model, for the list of models.
pub const MODEL: CardModel = CardModel {
    name: "toy",
    summary: "A card with one file, turned round and counted by instructions of its own",
    protocols: &[Protocol::T1],
    applications: &[&application::APPLICATION],
    make,
};

fn make(holder: Personalisation) -> Result<Image, ModelError> {
    let text = FileImage::transparent(0x0001, 4, b"toys").with_access(&[0x10]);
    let mut image = Image {
        model: Model("toy".into()),
        serial: holder.serial,
        ..Image::plain(vec![text])
    };
    image.master_file = image.master_file.with_application("toy");
    image.check().map_err(ModelError::new)?;
    Ok(image)
}
