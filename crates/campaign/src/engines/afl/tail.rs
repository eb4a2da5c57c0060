//! The end of a file that another process writes.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// How many bytes are looked at.
const SAID: u64 = 64 * 1024;

/// What stands last in a file; nothing if it cannot be read.
pub fn end_of(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let length = fs::metadata(path)?.len();
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(length.saturating_sub(SAID)))?;
        let mut bytes = Vec::new();
        file.take(SAID).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
