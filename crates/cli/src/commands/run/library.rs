//! The library that has the cards in it: where it is, and how a program comes to load it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kortlab_campaign::OwnDirectory;
use kortlab_pcsc::in_process::SEARCH_PATH;

use crate::desk::for_a_library;
use crate::failure::Failure;

/// Names the library, if it is not where it is looked for.
const VARIABLE: &str = "KORTLAB_LIBPCSCLITE";
/// What programs ask the loader for.
const NAME: &str = "libpcsclite.so.1";
/// Where it is, from the directory that `kortlab` is in: beside it, as the archive has it, as the
/// Debian package has it, and as cargo makes it.
const PLACES: [&str; 5] = [
    NAME,
    "lib/kortlab/libpcsclite.so.1",
    "../lib/kortlab/libpcsclite.so.1",
    "deps/libkortlab_libpcsclite.so",
    "libkortlab_libpcsclite.so",
];

/// A libpcsclite.so.1 with cards in it. Programs find it as long as this is kept.
#[derive(Debug)]
pub struct Library {
    directory: PathBuf,
    /// The directory, where it was made for this.
    _place: Option<OwnDirectory>,
}

impl Library {
    /// Finds it.
    ///
    /// # Errors
    /// It is not there.
    pub fn find() -> Result<Self, Failure> {
        if let Some(named) = env::var_os(VARIABLE) {
            let named = PathBuf::from(named);
            if !named.is_file() {
                let shown = named.display();
                return Err(Failure::failed(format!(
                    "{VARIABLE} names {shown}, and there is no such file"
                )));
            }
            return Self::at(&named);
        }
        let own = env::current_exe().ok();
        let beside = own.as_deref().and_then(Path::parent);
        let mut places = PLACES
            .iter()
            .filter_map(|place| Some(beside?.join(place)))
            .filter(|path| path.is_file());
        match places.next() {
            Some(path) => Self::at(&path),
            None => Err(Failure::failed(format!(
                "the library with a card in it, Kortlab's {NAME}, is not beside kortlab"
            ))
            .hint(format!(
                "it comes with the package; in the source tree `cargo build -p kortlab-libpcsclite` \
                 makes it; {VARIABLE} names one that is elsewhere"
            ))),
        }
    }

    /// The one at this path; where it is called otherwise, in a directory where it has its name.
    fn at(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &io::Error| Failure::file("use the library", path, error);
        let path = path.canonicalize().map_err(|error| failed(&error))?;
        if path.file_name() == Some(NAME.as_ref()) {
            let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
            return Ok(Self {
                directory,
                _place: None,
            });
        }
        let place = for_a_library()?;
        let directory = place.path().to_owned();
        symlink(&path, directory.join(NAME)).map_err(|error| failed(&error))?;
        Ok(Self {
            directory,
            _place: Some(place),
        })
    }

    /// The file itself, under the name that programs ask for.
    pub fn path(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// The environment variable by which programs load it, and its value.
    pub fn variable(&self) -> (&'static str, OsString) {
        let mut path = OsString::from(&self.directory);
        if let Some(before) = env::var_os(SEARCH_PATH).filter(|before| !before.is_empty()) {
            path.push(":");
            path.push(before);
        }
        (SEARCH_PATH, path)
    }
}
