//! A directory of a process's own: for this user alone, and gone with its process, also if that was
//! killed: whoever comes next removes it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use kortlab_emulator::CardRng;
use rustix::fs::{FlockOperation, flock};

/// How many names are tried.
const NAMES: usize = 64;

/// A directory. It is locked while it is in use, and removed when this is dropped.
#[derive(Debug)]
pub struct OwnDirectory {
    path: PathBuf,
    /// The directory itself, locked as long as this process lives.
    _lock: File,
}

impl OwnDirectory {
    /// Makes a directory in `parent`, with a name that begins so, and removes those that killed
    /// processes have left there under such names.
    ///
    /// # Errors
    /// The path that could not be made, and why.
    pub fn new(parent: &Path, name: &str) -> Result<Self, (PathBuf, io::Error)> {
        sweep(parent, name);
        let failed = |error| (parent.to_owned(), error);
        let mut random = CardRng::from_os().map_err(|error| failed(io::Error::other(error)))?;
        for _ in 0..NAMES {
            // Not the number of the process: numbers come again.
            let mut number = [0; 8];
            random.fill(&mut number);
            let path = parent.join(format!("{name}{}", hex::encode(number)));
            match lock_new(&path) {
                Ok(Some(lock)) => return Ok(Self { path, _lock: lock }),
                Ok(None) => {}
                Err(error) => return Err((path, error)),
            }
        }
        Err(failed(io::ErrorKind::AlreadyExists.into()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the directories in `parent` whose names begin so and that no process has locked any more.
/// What cannot be removed is somebody else's.
pub fn sweep(parent: &Path, name: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(name);
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

    const NAME: &str = "kortlab-own-";

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_in_use_or_another_stays() {
        let parent = std::env::temp_dir().join(format!("own-directory-{}", std::process::id()));
        let _ = fs::remove_dir_all(&parent);
        fs::create_dir(&parent).unwrap();
        let path = |name: &str| parent.join(name);
        let alive = OwnDirectory::new(&parent, NAME).unwrap();
        // As killed processes leave them: unlocked, with something in them.
        for left in [
            "kortlab-own-1-0",
            "kortlab-own-0011223344556677",
            "kortlab-else",
        ] {
            fs::create_dir(path(left)).unwrap();
            fs::write(path(left).join("0"), "").unwrap();
        }
        fs::write(path("kortlab-own-file"), "").unwrap();
        let locked = lock_new(&path("kortlab-own-2-0")).unwrap();
        assert!(locked.is_some() && lock_new(&path("kortlab-own-2-0")).unwrap().is_none());
        let next = OwnDirectory::new(&parent, NAME).unwrap();
        assert_ne!(alive.path(), next.path());
        assert!(alive.path().exists() && next.path().exists());
        for (name, stays) in [
            ("kortlab-own-1-0", false),
            ("kortlab-own-0011223344556677", false),
            ("kortlab-own-2-0", true),
            ("kortlab-own-file", true),
            ("kortlab-else", true),
        ] {
            assert_eq!(path(name).exists(), stays, "{name}");
        }
        drop(locked);
        sweep(&parent, NAME);
        assert!(!path("kortlab-own-2-0").exists());
        let gone = next.path().to_owned();
        drop(next);
        assert!(!gone.exists());
        let (path, error) = OwnDirectory::new(&parent.join("absent"), NAME).unwrap_err();
        assert!(path.starts_with(&parent));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(&parent).unwrap();
    }
}
