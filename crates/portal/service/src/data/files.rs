//! Files of the data directory: written in one step, secrets for the owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::startup::StartError;

/// The mode of what clients need.
pub(super) const PUBLIC: u32 = 0o644;
/// The mode of what only the portal needs.
pub(super) const SECRET: u32 = 0o600;
/// No file of the directory that is read into memory is longer.
const LIMIT: u64 = 64 * 1024;

/// Makes the directory, for its owner only, unless it is there.
pub(super) fn make_directory(path: &Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            StartError::directory(path, "this is not a directory; give another --data")
        }
        _ => StartError::directory(
            path,
            format_args!("cannot make this directory: {error}; give another --data"),
        ),
    })
}

/// Opens the lock file, and makes it if need be.
pub(super) fn open_lock(path: &Path) -> Result<File, StartError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(SECRET)
        .open(path)
        .map_err(|error| StartError::directory(path, error))
}

/// Writes a file in one step: beside it first, whole and on the disk, then moved there.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StartError> {
    let beside = path.with_extension("new");
    let written = (|| {
        // What an earlier start left behind may have another mode.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        match path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    })();
    written.map_err(|error| {
        let next = "make room there and see to its permissions, or give another --data";
        StartError::directory(
            path,
            format_args!("cannot write this file: {error}; {next}"),
        )
    })
}

/// Reads a secret; a file that others may read holds no secret.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, StartError> {
    let mode = open(path)?
        .metadata()
        .map_err(|error| StartError::directory(path, error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(StartError::directory(
            path,
            format_args!(
                "other users can read or change this file (mode {:03o}); chmod 600 it, and make a new data directory if somebody has",
                mode & 0o777
            ),
        ));
    }
    read_text(path).map(Zeroizing::new)
}

/// Reads a PEM certificate (RFC 7468 §5) and returns its DER.
pub(super) fn read_certificate(path: &Path) -> Result<Vec<u8>, StartError> {
    let text = read_text(path)?;
    CertificateDer::from_pem_slice(text.as_bytes())
        .map(|certificate| certificate.to_vec())
        .map_err(|error| super::damaged(path, &error))
}

/// Reads a text of at most 64 kB.
pub(super) fn read_text(path: &Path) -> Result<String, StartError> {
    let mut text = String::new();
    let mut file = io::Read::take(open(path)?, LIMIT + 1);
    io::Read::read_to_string(&mut file, &mut text).map_err(|error| super::damaged(path, &error))?;
    if text.len() as u64 > LIMIT {
        return Err(super::damaged(path, &"it is longer than 64 kB"));
    }
    Ok(text)
}

fn open(path: &Path) -> Result<File, StartError> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => super::damaged(path, &"it is missing"),
        _ => StartError::directory(path, format_args!("cannot read this file: {error}")),
    })
}
