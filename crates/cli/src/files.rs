//! Files that are given to commands, read up to a limit; `-` is standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::failure::Failure;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::file("read", path, &error);
    let mut bytes = Vec::new();
    let most = limit as u64 + 1;
    if path == Path::new("-") {
        io::stdin()
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() > limit {
        return Err(Failure::failed(format!(
            "{} is longer than {limit} bytes",
            path.display()
        )));
    }
    Ok(bytes)
}
