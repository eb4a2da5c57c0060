//! Files that only their owner reads, and that survive a crash of the host.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Makes a directory that only its owner reads, and those above it.
///
/// # Errors
/// It cannot be made.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The directories to flush so that `directory` is there after a crash, if it was made `below` (a
/// path relative to what was there).
pub fn parents<'a>(directory: &'a Path, below: &str) -> impl Iterator<Item = &'a Path> {
    directory
        .ancestors()
        .skip(1)
        .take(Path::new(below).components().count() + 1)
        .filter(|parent| !parent.as_os_str().is_empty())
}

/// Writes a file that only its owner reads, in the place of what a crash has left there, and flushes
/// it to the disk. To give it its name, and to flush the directory, is the caller's.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a crash left here was never in force.
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Flushes a directory, with the names in it, to the disk.
///
/// # Errors
/// It cannot be flushed.
pub fn flush_directory(directory: &Path) -> io::Result<()> {
    // Only Unix lets a directory be opened to be flushed.
    match cfg!(unix) {
        true => File::open(directory)?.sync_all(),
        false => Ok(()),
    }
}

/// Whether a file is not there.
pub fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
