//! Where a card's image is kept between runs.

mod image_file;
mod protection;

use core::fmt;

use crate::image::Image;

pub use image_file::ImageFile;
pub use protection::may_be_replaced;

/// Keeps a card's image. Called for every change, before its answer is given out.
pub trait Store {
    /// Saves the image durably: when this returns, it survives a crash.
    ///
    /// # Errors
    /// It could not be saved; then what was saved before is still there, whole.
    fn save(&mut self, image: &Image) -> Result<(), StoreError>;

    /// Whether this store keeps anything at all; if not, no image is made for it.
    fn keeps(&self) -> bool {
        true
    }
}

/// A store that keeps nothing: the card lives as long as the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ephemeral;

impl Store for Ephemeral {
    fn save(&mut self, _: &Image) -> Result<(), StoreError> {
        Ok(())
    }

    fn keeps(&self) -> bool {
        false
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn save(&mut self, image: &Image) -> Result<(), StoreError> {
        (**self).save(image)
    }

    fn keeps(&self) -> bool {
        (**self).keeps()
    }
}

/// Why an image could not be saved, in one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(String);

impl StoreError {
    /// An error with this text.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}
