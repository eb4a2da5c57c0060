//! The history of the shell: `$XDG_STATE_HOME/kortlab/history`, for this user alone.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use kortlab_card::slots::journal::state_directory;

use crate::failure::Failure;
use crate::files;

/// How many lines are kept.
pub const MAX_LINES: usize = 1000;

/// The largest history that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Where it is; `None` if neither variable is an absolute path, and nothing is kept.
fn path() -> Option<PathBuf> {
    state_directory().map(|state| state.join("kortlab/history"))
}

/// The lines of earlier sessions, the last one last.
///
/// # Errors
/// The file is there and cannot be read.
pub fn load() -> Result<Vec<String>, Failure> {
    path().map_or(Ok(Vec::new()), |path| load_from(&path))
}

/// Keeps the lines.
///
/// # Errors
/// The file cannot be written.
pub fn save(lines: &[&str]) -> Result<(), Failure> {
    path().map_or(Ok(()), |path| save_to(&path, lines))
}

fn load_from(path: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: &io::Error| Failure::file("read the history", path, error);
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
        Ok(metadata) if metadata.len() > MAX_BYTES => {
            let error = io::Error::other(format!("it is longer than {MAX_BYTES} bytes"));
            return Err(failed(&error));
        }
        Ok(_) => {}
    }
    let text = fs::read(path).map_err(|error| failed(&error))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().map(str::to_owned).collect())
}

fn save_to(path: &Path, lines: &[&str]) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::file("write the history", path, error);
    if let Some(directory) = path.parent() {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        made.map_err(|error| failed(&error))?;
    }
    let first = lines.len().saturating_sub(MAX_LINES);
    let mut text = lines.get(first..).unwrap_or_default().join("\n");
    text.push('\n');
    files::replace(path, text.as_bytes()).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_this_users_alone_and_the_last_lines_are_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("state/kortlab/history");
        assert_eq!(load_from(&path), Ok(Vec::new()));
        let lines: Vec<_> = (0..MAX_LINES + 5)
            .map(|number| format!("cd {number:04}"))
            .collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        save_to(&path, &lines).expect("saved");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        let read = load_from(&path).expect("read");
        assert_eq!(read.len(), MAX_LINES);
        assert_eq!(read.first().map(String::as_str), Some("cd 0005"));
    }
}
