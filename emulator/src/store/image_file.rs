//! A card image in a file, locked while a card uses it and replaced atomically.
//!
//! # Locking
//!
//! The lock is an advisory lock (`flock`) on the image file itself, so nothing is left behind and
//! a killed program leaves no stale lock. Saving replaces the file by rename, which gives the name
//! a new inode: the new file is locked *before* the rename, so the file with that name is locked
//! at every moment. Who opens the name and gets the lock compares what it locked with what the
//! name stands for now, and tries again if they differ: then it had the old file.
//!
//! # Saving
//!
//! Write to a new file in the same directory, `fsync`, rename over the name, `fsync` the
//! directory. After a crash the name stands for the old image or the new one, whole. A new file
//! left over by a crash is named `.NAME.new` and is replaced by the next save.
//!
//! # Links and permissions
//!
//! Symbolic links are followed once, when the file is opened; what they point to is replaced, not
//! the link. New images are readable and writable by their owner alone (mode 0600): they hold keys.
//! One that is replaced keeps its mode, and one that is protected from writing is not replaced,
//! although its directory would let it be.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::protection::{may_be_replaced, protect_alike};
use super::{Store, StoreError};
use crate::holder::Holder;
use crate::image::{Image, ImageError, MAX_LENGTH};

/// A card image in a file, locked while this value lives.
#[derive(Debug)]
pub struct ImageFile {
    /// The file, with all links followed.
    path: PathBuf,
    /// The locked file that has this name now; its lock ends when it is dropped.
    locked: File,
}

impl ImageFile {
    /// Opens, locks and reads an image file.
    ///
    /// # Errors
    /// The file cannot be opened or read, is in use by another card, or is no image.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, Image), ImageError> {
        Self::open_within(path, Duration::ZERO)
    }

    /// The same, for a file that another card is about to let go of: it is waited for so long.
    ///
    /// # Errors
    /// As for [`ImageFile::open`].
    pub fn open_within(
        path: impl AsRef<Path>,
        patience: Duration,
    ) -> Result<(Self, Image), ImageError> {
        Self::open_as(path.as_ref(), patience, Image::from_json)
    }

    /// The same, for an image whose primes are looked at elsewhere; see [`Image::from_known_json`].
    ///
    /// # Errors
    /// As for [`ImageFile::open`].
    pub fn open_known_within(
        path: impl AsRef<Path>,
        patience: Duration,
    ) -> Result<(Self, Image), ImageError> {
        Self::open_as(path.as_ref(), patience, Image::from_known_json)
    }

    fn open_as(
        given: &Path,
        patience: Duration,
        parse: impl FnOnce(&[u8]) -> Result<Image, ImageError>,
    ) -> Result<(Self, Image), ImageError> {
        let path = given
            .canonicalize()
            .map_err(|error| file_error(given, &describe(&error, "opened")))?;
        let deadline = Instant::now() + patience;
        let mut locked = loop {
            match lock_current(&path) {
                Err(ImageError::InUse { .. }) if Instant::now() < deadline => sleep(PAUSE),
                locked => break locked?,
            }
        };
        let image = parse(&read(&path, &mut locked)?)?;
        Ok((Self { path, locked }, image))
    }

    /// Reads an image without locking the file: for looking at it while a card may use it. What is
    /// read is a whole image, old or new, never a mixture.
    ///
    /// # Errors
    /// The file cannot be opened or read, or is no image.
    pub fn peek(path: impl AsRef<Path>) -> Result<Image, ImageError> {
        let path = path.as_ref();
        let mut file = open_regular(path)?;
        Image::from_json(&read(path, &mut file)?)
    }

    /// The same of an image that was read before; see [`Image::from_known_json`].
    ///
    /// # Errors
    /// The file cannot be opened or read, or is no image.
    pub fn peek_again(path: impl AsRef<Path>) -> Result<Image, ImageError> {
        let path = path.as_ref();
        let mut file = open_regular(path)?;
        Image::from_known_json(&read(path, &mut file)?)
    }

    /// Makes a new image file and locks it. A file of that name that is there already is left as
    /// it is.
    ///
    /// # Errors
    /// There is a file of that name, or it cannot be made.
    pub fn create(path: impl AsRef<Path>, image: &Image) -> Result<Self, ImageError> {
        let given = path.as_ref();
        let name = given
            .file_name()
            .ok_or_else(|| file_error(given, "names no file"))?;
        let directory = directory_of(given);
        let directory = directory
            .canonicalize()
            .map_err(|error| file_error(given, &describe(&error, "made")))?;
        let path = directory.join(name);
        let temporary = unique_name(&path);
        let written = write_locked(&temporary, image, None).map_err(|error| {
            discard(&temporary);
            file_error(given, &describe(&error, "made"))
        });
        let locked = written?;
        let linked = put_in_place(&temporary, &path);
        discard(&temporary);
        linked.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => file_error(
                given,
                "there already: choose another name or remove it first",
            ),
            _ => file_error(given, &describe(&error, "made")),
        })?;
        sync_directory(&path).map_err(|error| file_error(given, &describe(&error, "made")))?;
        Ok(Self { path, locked })
    }

    /// The file, with all links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store for ImageFile {
    fn save(&mut self, image: &Image) -> Result<(), StoreError> {
        let failed = |error: io::Error| {
            StoreError::new(format!(
                "card image {}: {}",
                self.path.display(),
                describe(&error, "saved")
            ))
        };
        may_be_replaced(&self.path).map_err(failed)?;
        let temporary = temporary_name(&self.path);
        let old = &self.locked;
        let saved = write_locked(&temporary, image, Some(old)).and_then(|file| {
            std::fs::rename(&temporary, &self.path)?;
            Ok(file)
        });
        match saved {
            Ok(file) => self.locked = file,
            Err(error) => {
                discard(&temporary);
                return Err(failed(error));
            }
        }
        // The name stands for the new image already; only its durability is in doubt, and that is
        // what the caller must not promise.
        sync_directory(&self.path).map_err(failed)
    }
}

/// How long an opener waits before it tries again to lock a file that is in use.
const PAUSE: Duration = Duration::from_millis(20);

/// How often an opener tries again when the file was replaced between its opening and its lock.
const ATTEMPTS: usize = 100;

/// Opens and locks the file that has this name.
fn lock_current(path: &Path) -> Result<File, ImageError> {
    for _ in 0..ATTEMPTS {
        let file = open_regular(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(ImageError::InUse {
                    path: path.to_owned(),
                    holder: Holder::of(&file),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(file_error(path, &describe(&error, "locked")));
            }
        }
        let same = file
            .metadata()
            .and_then(|locked| {
                let named = std::fs::metadata(path)?;
                Ok(locked.dev() == named.dev() && locked.ino() == named.ino())
            })
            .map_err(|error| file_error(path, &describe(&error, "opened")))?;
        if same {
            return Ok(file);
        }
    }
    Err(file_error(
        path,
        "replaced again and again while it was being opened: try again",
    ))
}

fn open_regular(path: &Path) -> Result<File, ImageError> {
    let cannot = |error: io::Error| file_error(path, &describe(&error, "opened"));
    // A FIFO would block in open, and a device has no end: look first.
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(file_error(path, "not a regular file"));
    }
    File::open(path).map_err(cannot)
}

fn read(path: &Path, file: &mut File) -> Result<Zeroizing<Vec<u8>>, ImageError> {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    if length > MAX_LENGTH {
        return Err(too_large(length));
    }
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0)));
    file.take(MAX_LENGTH + 1)
        .read_to_end(&mut text)
        .map_err(|error| file_error(path, &describe(&error, "read")))?;
    Ok(text)
}

fn too_large(length: u64) -> ImageError {
    ImageError::TooLarge {
        length,
        limit: MAX_LENGTH,
    }
}

/// A new file with the image, on the disk and locked, under its temporary name; protected as the old
/// one is, if there is one.
fn write_locked(temporary: &Path, image: &Image, old: Option<&File>) -> io::Result<File> {
    let text = Zeroizing::new(image.to_json());
    // What a crash left behind, or what somebody put there, is not followed nor written to.
    match std::fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(temporary)?;
    file.try_lock().map_err(io::Error::from)?;
    if let Some(old) = old {
        protect_alike(&file, old)?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

/// Gives a file its name unless the name is taken: by a hard link, or on file systems that have
/// none by a rename after a look.
fn put_in_place(temporary: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(temporary, path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
            ) && !path.try_exists()? =>
        {
            std::fs::rename(temporary, path)
        }
        linked => linked,
    }
}

fn discard(temporary: &Path) {
    // It may never have been made; what remains is replaced by the next save.
    let _ = std::fs::remove_file(temporary);
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

/// A temporary name that no other call of this or another process uses.
fn unique_name(path: &Path) -> PathBuf {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{call}.new", std::process::id()));
    path.with_file_name(name)
}

fn describe(error: &io::Error, done: &str) -> String {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "check the name",
        io::ErrorKind::PermissionDenied => "check the permissions of the file and its directory",
        io::ErrorKind::StorageFull => "free some space",
        io::ErrorKind::QuotaExceeded => "free some space, or have the quota raised",
        io::ErrorKind::FileTooLarge => "the limit for the size of files (ulimit -f) is too low",
        io::ErrorKind::ReadOnlyFilesystem => "copy it to a place that can be written",
        io::ErrorKind::ResourceBusy => {
            "it cannot be replaced where it is mounted by itself: mount its directory instead"
        }
        _ => return format!("cannot be {done}: {error}"),
    };
    format!("cannot be {done}: {error}: {advice}")
}

fn file_error(path: &Path, what: &str) -> ImageError {
    ImageError::File {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}
