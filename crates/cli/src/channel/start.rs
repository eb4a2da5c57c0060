//! `--trace-start`: the card image as it was when its trace began.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kortlab_emulator::VirtualCard;

use super::spec::check_image_name;
use crate::failure::Failure;
use crate::files;

/// Where the image of the card that is traced is kept.
#[derive(Clone, Debug)]
pub struct StartFile {
    path: PathBuf,
    is_kept: Arc<AtomicBool>,
}

impl StartFile {
    /// The place.
    ///
    /// # Errors
    /// It is not one for an image.
    pub fn new(path: &Path) -> Result<Self, Failure> {
        check_image_name(path)?;
        Ok(Self {
            path: path.to_owned(),
            is_kept: Arc::default(),
        })
    }

    /// Keeps the image of this card as it is now, with the random numbers that it will get. A file
    /// that is there is replaced, as the trace is.
    ///
    /// # Errors
    /// It cannot be written; or another card's is kept there.
    pub fn keep(&self, card: &VirtualCard) -> Result<(), Failure> {
        if self.is_kept.swap(true, Ordering::Relaxed) {
            return Err(Failure::usage("--trace-start keeps the image of one card")
                .hint("trace one card at a time, or leave --trace-start out"));
        }
        let text = card.image_with_generator().to_json();
        files::replace(&self.path, text.as_bytes())
            .map_err(|error| Failure::file("write the image", &self.path, &error))
    }
}
