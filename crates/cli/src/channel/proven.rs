//! Whether the keys of a card image are key pairs of primes: that takes longer than all the rest, and stays as it
//! is, so that it is kept which were looked at (`$XDG_STATE_HOME/kortlab/proven`). What cannot be kept is looked at
//! again.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use kortlab_card::slots::journal::state_directory;
use kortlab_emulator::{Image, ImageError, KeysDigest};
use rustix::fs::OFlags;

use super::about_image;
use crate::failure::Failure;

/// Where it is kept, below the state directory: one digest behind the other.
const BELOW_STATE: &str = "kortlab/proven";
/// So many are kept at most; then it begins anew.
const MOST: u64 = 4096;
const LENGTH: usize = size_of::<KeysDigest>();

/// The keys of an image that were not looked at before.
pub struct Unproven {
    path: PathBuf,
    image: Image,
    digest: KeysDigest,
}

impl Unproven {
    /// The keys of the image at this path, unless they were looked at before, or it has none.
    pub fn of(path: &Path, image: &Image) -> Option<Self> {
        let digest = image.keys_digest()?;
        let known = place().is_some_and(|place| is_kept(&place, &digest).unwrap_or_default());
        (!known).then(|| Self {
            path: path.to_owned(),
            image: image.clone(),
            digest,
        })
    }

    /// Looks at them, and keeps it if nothing is wrong.
    ///
    /// # Errors
    /// The first key that is none, as an image that cannot be used.
    pub fn check(self) -> Result<(), Failure> {
        let checked = self.image.check_primes();
        checked.map_err(|error: ImageError| about_image(&self.path, &error))?;
        if let Some(place) = place() {
            // It is looked at again next time, no more.
            let _ = keep(&place, &self.digest);
        }
        Ok(())
    }

    /// The same, meanwhile.
    pub fn begin(self) -> Proof {
        let path = self.path.clone();
        Proof {
            path,
            thread: thread::spawn(move || self.check()),
        }
    }
}

/// Keys that are being looked at.
pub struct Proof {
    path: PathBuf,
    thread: JoinHandle<Result<(), Failure>>,
}

impl Proof {
    /// Waits for the end of it.
    ///
    /// # Errors
    /// As for [`Unproven::check`].
    pub fn finish(self) -> Result<(), Failure> {
        let path = self.path.display();
        let failed = || Failure::failed(format!("the keys of {path} could not be looked at"));
        self.thread.join().unwrap_or_else(|_| Err(failed()))
    }
}

fn place() -> Option<PathBuf> {
    state_directory().map(|state| state.join(BELOW_STATE))
}

/// Whether the keys with this digest were looked at.
fn is_kept(place: &Path, digest: &KeysDigest) -> io::Result<bool> {
    let mut kept = Vec::new();
    let most = MOST * LENGTH as u64;
    let file = open(place, OpenOptions::new().read(true))?;
    file.take(most).read_to_end(&mut kept)?;
    Ok(kept.chunks_exact(LENGTH).any(|known| known == digest))
}

/// Opens a regular file that is there itself: no link to another one, and nothing that is waited for.
fn open(place: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = options.custom_flags(flags).open(place)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn keep(place: &Path, digest: &KeysDigest) -> io::Result<()> {
    if let Some(directory) = place.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let mut file = open(
        place,
        OpenOptions::new().append(true).create(true).mode(0o600),
    )?;
    let length = file.metadata()?.len();
    // What was not written whole would move all that comes behind it.
    if length >= MOST * LENGTH as u64 || !length.is_multiple_of(LENGTH as u64) {
        file.set_len(0)?;
    }
    file.write_all(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_kept_is_known_and_there_is_no_end_of_room_to_fill() {
        let lab = tempfile::tempdir().unwrap();
        let place = lab.path().join("a/b/proven");
        let digest = |number: u64| {
            let mut digest = [0; LENGTH];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            digest
        };
        assert!(is_kept(&place, &digest(0)).is_err());
        for number in 0..MOST {
            keep(&place, &digest(number)).unwrap();
        }
        assert!(is_kept(&place, &digest(0)).unwrap());
        assert!(is_kept(&place, &digest(MOST - 1)).unwrap());
        assert!(!is_kept(&place, &digest(MOST)).unwrap());
        keep(&place, &digest(MOST)).unwrap();
        assert!(is_kept(&place, &digest(MOST)).unwrap());
        assert!(!is_kept(&place, &digest(0)).unwrap());
        // Cut by a disk that was full.
        fs::write(&place, [1; LENGTH - 1]).unwrap();
        keep(&place, &digest(3)).unwrap();
        assert!(is_kept(&place, &digest(3)).unwrap());
        assert_eq!(fs::read(&place).unwrap().len(), LENGTH);
        // What is no file of its own is left alone.
        let other = lab.path().join("other");
        fs::write(&other, "something").unwrap();
        std::os::unix::fs::symlink(&other, lab.path().join("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, lab.path().join("pipe"), 0o600.into()).unwrap();
        for name in ["link", "pipe", "a"] {
            let place = lab.path().join(name);
            assert!(is_kept(&place, &digest(3)).is_err(), "{name}");
            assert!(keep(&place, &digest(3)).is_err(), "{name}");
        }
        assert_eq!(fs::read(other).unwrap(), b"something");
    }
}
