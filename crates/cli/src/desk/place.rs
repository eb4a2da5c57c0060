//! Where the sockets are: in a directory of this user's own.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use kortlab_campaign::OwnDirectory;
use kortlab_campaign::own_directory;

use crate::failure::Failure;

/// What the sockets of single runs begin with; the number of the process follows.
const RUN: &str = "run-";
/// What the control doors begin with, likewise.
const CONTROL: &str = "ctl-";
/// What the directories begin with in which a library has the name that programs ask for.
const LIBRARY: &str = "library-";

/// The path of the socket of this run. What runs that were killed left behind is removed.
///
/// # Errors
/// There is no directory for it.
pub fn for_one_run() -> Result<PathBuf, Failure> {
    let directory = directory()?;
    sweep(&directory);
    own_directory::sweep(&directory, LIBRARY);
    Ok(directory.join(format!("{RUN}{}", std::process::id())))
}

/// A directory in which a library has the name that programs ask for. Those of processes that were
/// killed are removed.
///
/// # Errors
/// It cannot be made.
pub fn for_a_library() -> Result<OwnDirectory, Failure> {
    OwnDirectory::new(&directory()?, LIBRARY)
        .map_err(|(path, error)| Failure::file("make the directory", &path, &error))
}

/// The path of the standing service's socket, unless another is named.
///
/// # Errors
/// There is no directory for it.
pub fn standing() -> Result<PathBuf, Failure> {
    Ok(directory()?.join("pcscd.comm"))
}

/// The path of the control door of this process. Those of processes that were killed are removed.
///
/// # Errors
/// There is no directory for it.
pub fn for_control() -> Result<PathBuf, Failure> {
    let directory = directory()?;
    sweep(&directory);
    Ok(directory.join(format!("{CONTROL}{}", std::process::id())))
}

/// The control doors that stand open, of this user's processes.
///
/// # Errors
/// There is no directory for them.
pub fn control_doors() -> Result<Vec<PathBuf>, Failure> {
    let directory = directory()?;
    let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
    let doors = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(CONTROL))
        .map(|entry| entry.path())
        .filter(|path| UnixStream::connect(path).is_ok());
    let mut doors: Vec<_> = doors.collect();
    doors.sort();
    Ok(doors)
}

/// The directory that holds the sockets, and where libraries are found: made if missing, and of this
/// user alone.
fn directory() -> Result<PathBuf, Failure> {
    let user = rustix::process::getuid().as_raw();
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let directory = match runtime.filter(|path| path.is_absolute() && path.is_dir()) {
        Some(runtime) => runtime.join("kortlab"),
        None => env::temp_dir().join(format!("kortlab-{user}")),
    };
    let failed = |error: &io::Error| {
        Failure::file("make the directory", &directory, error)
            .hint("name another place with --socket, or with XDG_RUNTIME_DIR")
    };
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&error)),
        _ => {}
    }
    let metadata = fs::symlink_metadata(&directory).map_err(|error| failed(&error))?;
    let own = metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o022 == 0;
    if !own {
        return Err(Failure::failed(format!(
            "{} is not a directory that you alone can write to",
            directory.display()
        ))
        .hint("remove it, or name another place with --socket or XDG_RUNTIME_DIR"));
    }
    Ok(directory)
}

/// Removes the sockets on which nobody listens any more.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let of_a_run = name.starts_with(RUN) || name.starts_with(CONTROL);
        let is_socket = entry.file_type().is_ok_and(|kind| kind.is_socket());
        let refused = |path: &Path| {
            let tried = UnixStream::connect(path);
            tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        if of_a_run && is_socket && refused(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_of_runs_that_were_killed_are_removed_and_no_others() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        drop(UnixListener::bind(path("run-1")).expect("bound"));
        drop(UnixListener::bind(path("ctl-1")).expect("bound"));
        drop(UnixListener::bind(path("pcscd.comm")).expect("bound"));
        let _alive = UnixListener::bind(path("run-2")).expect("bound");
        fs::write(path("run-3"), "a file").expect("written");
        sweep(directory.path());
        assert!(!path("run-1").exists() && !path("ctl-1").exists());
        for left in ["pcscd.comm", "run-2", "run-3"] {
            assert!(path(left).exists(), "{left}");
        }
    }
}
