//! The directory with the sockets of a laboratory: for this user alone, and gone with its process,
//! also if that was killed: whoever comes next removes it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use kortlab_emulator::CardRng;
use rustix::fs::{FlockOperation, flock};

/// How the directories' names begin.
const NAME: &str = "kortlab-fuzz-";
/// The file in each that its process holds locked.
const LOCK: &str = "lock";
/// How many names are tried.
const NAMES: usize = 64;

/// A directory for sockets.
#[derive(Debug)]
pub struct Sockets {
    path: PathBuf,
    /// Locked, as long as this process lives.
    _lock: File,
}

impl Sockets {
    /// Makes a directory in `parent`, and removes those that killed processes have left there.
    ///
    /// # Errors
    /// The path that could not be made, and why.
    pub fn new(parent: &Path) -> Result<Self, (PathBuf, io::Error)> {
        sweep(parent);
        let failed = |error| (parent.to_owned(), error);
        let mut random = CardRng::from_os().map_err(|error| failed(io::Error::other(error)))?;
        for _ in 0..NAMES {
            // Not the number of the process: numbers come again.
            let mut name = [0; 8];
            random.fill(&mut name);
            let path = parent.join(format!("{NAME}{}", hex::encode(name)));
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

impl Drop for Sockets {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes and locks a directory; nothing if that name is taken, or was taken for left behind before
/// it was locked.
fn lock_new(path: &Path) -> io::Result<Option<File>> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        made => made?,
    }
    let name = path.join(LOCK);
    let file = match File::create_new(&name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        made => made?,
    };
    let locked = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    let still_there = fs::metadata(&name).is_ok_and(|found| {
        let own = file.metadata();
        own.is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
    });
    Ok((locked && still_there).then_some(file))
}

/// Removes the directories whose processes are gone. What cannot be removed is somebody else's.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let ours = entry.file_name().to_string_lossy().starts_with(NAME);
        let lock = ours.then(|| entry.path().join(LOCK));
        let lock = lock.and_then(|lock| OpenOptions::new().write(true).open(lock).ok());
        let Some(lock) = lock else {
            continue;
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_and_what_lives_stays() {
        let parent = std::env::temp_dir().join(format!("sockets-{}", std::process::id()));
        let _ = fs::remove_dir_all(&parent);
        fs::create_dir(&parent).unwrap();
        let alive = Sockets::new(&parent).unwrap();
        // As a killed process leaves it: unlocked, with a socket in it.
        let dead = parent.join(format!("{NAME}0011223344556677"));
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("0"), "").unwrap();
        let foreign = parent.join("kortlab-else");
        fs::create_dir(&foreign).unwrap();
        let next = Sockets::new(&parent).unwrap();
        assert_ne!(alive.path(), next.path());
        assert!(alive.path().exists() && next.path().exists() && foreign.exists());
        assert!(!dead.exists());
        let gone = next.path().to_owned();
        drop(next);
        assert!(!gone.exists());
        let (path, error) = Sockets::new(&parent.join("absent")).unwrap_err();
        assert!(path.starts_with(&parent));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(&parent).unwrap();
    }
}
