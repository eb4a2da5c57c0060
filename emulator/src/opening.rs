//! Reading images with the applications that are built in.

use crate::image::{Image, ImageError, KeysDigest, Known, check_primes, keys_digest};
use crate::models;

impl Image {
    /// Reads an image and checks that it fits together.
    ///
    /// # Errors
    /// Text that is too long, is not JSON, is not an image of a known version, has an
    /// unknown or missing field, or says things that do not fit together. Nothing of a secret
    /// field is repeated in the error.
    pub fn from_json(text: &[u8]) -> Result<Self, ImageError> {
        let image = Self::parse(text)?;
        image.check()?;
        check_primes(&image)?;
        Ok(image)
    }

    /// Reads an image that [`Image::from_json`] has read before, as it was, or whose primes are looked
    /// at later ([`Image::check_primes`]): it is not looked at whether the primes of its keys are
    /// primes, which takes longer than everything else. Whether it fits together [`VirtualCard::new`](crate::VirtualCard::new) finds.
    ///
    /// # Errors
    /// As for [`Image::from_json`], but for what does not fit together.
    pub fn from_known_json(text: &[u8]) -> Result<Self, ImageError> {
        Self::parse(text)
    }

    /// Checks that the primes of every key are primes, and that its numbers belong together: with others
    /// the card gives out nothing that it should sign or decipher, as each result is checked. It takes longer than reading the image.
    ///
    /// # Errors
    /// The first key whose are not, with its JSON path.
    pub fn check_primes(&self) -> Result<(), ImageError> {
        check_primes(self)
    }

    /// The SHA-256 of all numbers of its keys, in their order; `None` without keys. Images with the same one
    /// have the same keys, so that [`Image::check_primes`] says the same of both.
    pub fn keys_digest(&self) -> Option<KeysDigest> {
        keys_digest(self)
    }

    /// Checks that what the image says fits together; [`Image::from_json`] and
    /// [`VirtualCard::new`](crate::VirtualCard::new) do it. Of applications that are not built in
    /// nothing is said here.
    ///
    /// # Errors
    /// The first thing that does not, with its JSON path.
    pub fn check(&self) -> Result<(), ImageError> {
        self.read(&Known::some(&models::applications([])))
            .map(|_| ())
    }

    /// How many bytes of non-volatile memory the image takes; its capacity is in `capacity`.
    ///
    /// # Errors
    /// As for [`Image::check`].
    pub fn memory_used(&self) -> Result<u64, ImageError> {
        let state = self.read(&Known::some(&models::applications([])))?;
        Ok(state.used)
    }
}
