//! Where a library has the name that programs ask for: a directory that is there as long as this
//! process wants it, and that the next one removes if this one is killed.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::place::directory;
use crate::failure::Failure;

/// What such a directory is called; the number of the process and one more follow.
const NAME: &str = "library-";
/// How many names are tried.
const ATTEMPTS: u32 = 1000;

/// A directory of this process's own. It is locked while it is in use, and removed when this is dropped.
#[derive(Debug)]
pub struct LibraryPlace {
    path: PathBuf,
    _lock: File,
}

impl LibraryPlace {
    /// Makes one. Those of processes that were killed are removed.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<Self, Failure> {
        let parent = directory()?;
        sweep(&parent);
        let process = std::process::id();
        for attempt in 0..ATTEMPTS {
            let path = parent.join(format!("{NAME}{process}-{attempt}"));
            let made = lock_new(&path)
                .map_err(|error| Failure::file("make the directory", &path, &error))?;
            if let Some(lock) = made {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(Failure::failed(format!(
            "there is no name left for a directory in {}",
            parent.display()
        ))
        .hint(format!("remove those that begin with {NAME}")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LibraryPlace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the directories that no process has locked any more.
pub(super) fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(NAME);
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !(ours && is_directory) {
            continue;
        }
        let opened = File::open(entry.path());
        let locked =
            opened.and_then(|file| Ok(flock(&file, FlockOperation::NonBlockingLockExclusive)?));
        if locked.is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes and locks a directory; nothing if the name is taken, or another process has taken it for left
/// behind before it was locked.
fn lock_new(path: &Path) -> io::Result<Option<File>> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        made => made?,
    }
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    flock(&file, FlockOperation::LockExclusive)?;
    let own = file.metadata()?;
    let still_there = fs::symlink_metadata(path)
        .is_ok_and(|found| (found.dev(), found.ino()) == (own.dev(), own.ino()));
    Ok(still_there.then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_in_use_or_another_stays() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = |name: &str| parent.path().join(name);
        for left in ["library-1-0", "library-00ff00ff00ff00ff", "other"] {
            fs::create_dir(path(left)).expect("made");
            fs::write(path(left).join("libpcsclite.so.1"), "").expect("written");
        }
        fs::write(path("library-file"), "").expect("written");
        let alive = lock_new(&path("library-2-0")).expect("made");
        assert!(alive.is_some() && lock_new(&path("library-2-0")).expect("looked").is_none());
        sweep(parent.path());
        for (name, stays) in [
            ("library-1-0", false),
            ("library-00ff00ff00ff00ff", false),
            ("library-2-0", true),
            ("library-file", true),
            ("other", true),
        ] {
            assert_eq!(path(name).exists(), stays, "{name}");
        }
        drop(alive);
        sweep(parent.path());
        assert!(!path("library-2-0").exists());
    }
}
