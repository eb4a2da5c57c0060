//! What tells one image from another: [`Fingerprint`].

use core::fmt;

use sha2::{Digest as _, Sha256};

use super::{Image, SecretText};

/// SHA-256 of what an image says of its card, without what only chance and programs know of it: the
/// values of PINs, which could be guessed from it, the generator, and a change that is not finished.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Image {
    /// What tells this image from others. Copies of a card have the same until one of them changes.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut image = self.clone();
        image.generator = None;
        image.pending_change = None;
        for pin in &mut image.pins {
            pin.value = SecretText::default();
        }
        Fingerprint(Sha256::digest(image.to_json()).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
