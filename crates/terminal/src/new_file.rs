//! Files that a command makes: one that is there stays, unless the user says otherwise.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use kortlab_emulator::Image;
use kortlab_emulator::store::{ImageFile, may_be_replaced};

use crate::failure::Failure;

/// Says beforehand what [`write()`] would refuse: a file that is there, unless `force` says otherwise.
///
/// # Errors
/// It is there.
pub fn may_write(path: &Path, force: bool) -> Result<(), Failure> {
    if force || fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    Err(match path.is_dir() {
        true => there_already(path).hint("name a file in it"),
        false => there_already(path).hint("--force overwrites it"),
    })
}

/// Writes a file; one that is there is overwritten only if `force` says so.
///
/// # Errors
/// It cannot be written, or is there. A new file that could not be written whole is not left behind.
pub fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path).map_err(|error| {
        let is_there = error.kind() == std::io::ErrorKind::AlreadyExists;
        match is_there && path.is_dir() {
            // --force would not help.
            true => Failure::file("write", path, &std::io::ErrorKind::IsADirectory.into())
                .hint("name a file in it"),
            false if is_there => there_already(path).hint("--force overwrites it"),
            false => Failure::file("write", path, &error),
        }
    })?;
    file.write_all(bytes).map_err(|error| {
        if !force {
            // It is of no use to anybody.
            let _ = fs::remove_file(path);
        }
        remove_if_empty(path);
        Failure::file("write", path, &error)
    })
}

/// Removes a file in which nothing is, since nothing could be written. What is no regular file stays.
pub fn remove_if_empty(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0) {
        let _ = fs::remove_file(path);
    }
}

/// Writes these files, each by its name, into a directory, which is made if need be; gives their
/// paths.
///
/// # Errors
/// As for [`write()`]. Without `force` none of them is left behind then.
pub fn write_all<'a>(
    directory: &Path,
    files: impl IntoIterator<Item = (String, &'a [u8])>,
    force: bool,
) -> Result<Vec<PathBuf>, Failure> {
    let is_new = fs::symlink_metadata(directory).is_err();
    fs::create_dir_all(directory)
        .map_err(|error| Failure::file("make the directory", directory, &error))?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = directory.join(name);
        if let Err(failure) = write(&path, bytes, force) {
            if !force {
                // The others alone are of no use, and in the way of the next attempt.
                for path in &written {
                    let _ = fs::remove_file(path);
                }
            }
            if is_new {
                // Only if it is empty.
                let _ = fs::remove_dir(directory);
            }
            return Err(failure);
        }
        written.push(path);
    }
    Ok(written)
}

/// Writes the image at its place in one step: beside it first, whole, then moved there.
///
/// # Errors
/// It cannot be written; it is there and `force` is not given, or it is protected from writing; or the card
/// in it is in use.
pub fn write_image(path: &Path, image: &Image, force: bool) -> Result<(), Failure> {
    if !force {
        ImageFile::create(path, image)?;
        return Ok(());
    }
    may_be_replaced(path).map_err(|error| Failure::file("write", path, &error))?;
    // Whoever uses the card holds its lock; it is not taken away under their hands.
    let old = File::open(path).ok();
    if let Some(Err(TryLockError::WouldBlock)) = old.as_ref().map(File::try_lock) {
        return Err(Failure::failed(format!(
            "{} is in use by another program that runs this card",
            path.display()
        ))
        .of_kind("image-in-use")
        .hint("end it first, or give another name"));
    }
    let beside = path.with_extension(format!("{:x}.json", std::process::id()));
    ImageFile::create(&beside, image)?;
    fs::rename(&beside, path).map_err(|error| {
        let _ = fs::remove_file(&beside);
        Failure::file("write", path, &error)
    })
}

fn there_already(path: &Path) -> Failure {
    Failure::failed(format!(
        "cannot write {}: it is there already",
        path.display()
    ))
    .of_kind("file")
}
