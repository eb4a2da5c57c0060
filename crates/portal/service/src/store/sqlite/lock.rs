//! One portal a database: a file beside it that the portal holds locked.
//!
//! SQLite's own exclusive mode would do that too, but would keep an operator from looking at the
//! database while the portal runs.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::super::StoreError;
use crate::file_lock;

/// The lock. It ends with this value, or with the process.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the database at `path`, and makes it, empty and for its owner only, if it is not
    /// there: it names people.
    pub(super) fn take(path: &Path, name: &str) -> Result<Self, StoreError> {
        let unavailable = |error: io::Error| StoreError::Unavailable {
            store: name.to_owned(),
            why: error.to_string(),
        };
        open(path).map_err(unavailable)?;
        // However the database was reached, its lock has one place.
        let mut lock = fs::canonicalize(path)
            .map_err(unavailable)?
            .into_os_string();
        lock.push(".lock");
        let file = open(Path::new(&lock)).map_err(unavailable)?;
        match file_lock::take(&file) {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                store: name.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(unavailable(error)),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}
