//! The browser's home: its certificate database, its settings, and OpenSC's.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::programs::Programs;
use crate::failure::Failure;

/// A browser shows one dialogue for each PIN of each slot, under one title. With this there is one
/// slot, that of the user PIN (opensc.conf(5), `create_slots_for_pins`); a browser has no use for
/// the PIN for signatures.
const OPENSC: &str = "\
# Made by kortlab browser: one PIN is asked for, the one for Legitimering.
app opensc-pkcs11 {
    pkcs11 {
        create_slots_for_pins = \"user\";
    }
}
";
/// The file of these settings, and how it begins: by it a profile of ours is known.
const OPENSC_CONF: &str = "opensc.conf";
const MADE_BY_US: &str = "# Made by kortlab browser";
/// The names of what is added to the certificate database.
const AUTHORITY: &str = "kortlab portal";
const MODULE: &str = "kortlab opensc";
/// What Chromium adds to it is up to 48 bytes long.
const LONGEST_TEMPORARY: usize = 58;
/// The last of the browser's processes may be writing yet when the first has ended.
const REMOVALS: usize = 20;

/// A directory that is the browser's home.
#[derive(Debug)]
pub struct Profile {
    directory: PathBuf,
    /// Removed when dropped.
    temporary: Option<TempDir>,
}

impl Profile {
    /// Makes a temporary profile, or one in `kept`, which may have been made earlier, by this command.
    /// `authority` is trusted for servers.
    ///
    /// # Errors
    /// `kept` holds something else, something cannot be written, or NSS's programs refuse it.
    pub fn make(
        kept: Option<&Path>,
        programs: &Programs,
        authority: Option<&Path>,
    ) -> Result<Self, Failure> {
        let profile = match kept {
            None => {
                let made = tempfile::Builder::new()
                    .prefix("kortlab-browser-")
                    .tempdir();
                let made = made.map_err(|error| {
                    Failure::failed(format!("cannot make a temporary directory: {error}"))
                })?;
                Self {
                    directory: made.path().to_path_buf(),
                    temporary: Some(made),
                }
            }
            Some(directory) => {
                may_be_filled(directory)?;
                make_private(directory)?;
                let directory = fs::canonicalize(directory)
                    .map_err(|error| Failure::file("find", directory, &error))?;
                Self {
                    directory,
                    temporary: None,
                }
            }
        };
        profile.write_opensc()?;
        profile.fill_database(programs, authority)?;
        Ok(profile)
    }

    /// The directory: the browser's home.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// OpenSC's settings.
    pub fn opensc_conf(&self) -> PathBuf {
        self.directory.join(OPENSC_CONF)
    }

    /// Chromium's own directory.
    pub fn user_data(&self) -> PathBuf {
        self.directory.join("chromium")
    }

    /// A directory for Chromium's temporary files, which go with a temporary profile; `None` where
    /// its path would leave no room for the name of a socket in it (unix(7): 108 bytes).
    pub fn temporary(&self) -> Option<PathBuf> {
        let directory = self.directory.join("tmp");
        let fits = directory.as_os_str().len() <= LONGEST_TEMPORARY;
        (fits && make_private(&directory).is_ok()).then_some(directory)
    }

    /// A file for what Chromium prints.
    pub fn log(&self) -> PathBuf {
        self.directory.join("chromium.log")
    }

    /// Removes it, if it is a temporary one.
    ///
    /// # Errors
    /// It cannot be removed; the error names it.
    pub fn close(self) -> Result<(), Failure> {
        let Some(temporary) = self.temporary else {
            return Ok(());
        };
        let path = temporary.keep();
        let mut removed = Ok(());
        for _ in 0..REMOVALS {
            removed = fs::remove_dir_all(&path);
            match &removed {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
        removed.map_err(|error| Failure::file("remove", &path, &error))
    }

    fn write_opensc(&self) -> Result<(), Failure> {
        let path = self.opensc_conf();
        fs::write(&path, OPENSC).map_err(|error| Failure::file("write", &path, &error))
    }

    /// The database where Chromium looks for authorities and modules: `.pki/nssdb` in its home.
    fn fill_database(&self, programs: &Programs, authority: Option<&Path>) -> Result<(), Failure> {
        let directory = self.directory.join(".pki/nssdb");
        make_private(&directory)?;
        let database = format!("sql:{}", directory.display());
        if !directory.join("cert9.db").exists() {
            self.run(
                &programs.certutil,
                &["-d", &database, "-N", "--empty-password"],
            )?;
        }
        if let Some(authority) = authority {
            // An earlier portal's would stay beside the new one.
            let _ = self.run(
                &programs.certutil,
                &["-d", &database, "-D", "-n", AUTHORITY],
            );
            let file = authority.display().to_string();
            let add = [
                "-d", &database, "-A", "-t", "C,,", "-n", AUTHORITY, "-i", &file,
            ];
            self.run(&programs.certutil, &add)
                .map_err(|failure| failure.hint(format!("{file} should be a certificate (PEM)")))?;
        }
        let _ = self.run(
            &programs.modutil,
            &["-force", "-dbdir", &database, "-delete", MODULE],
        );
        let module = programs.module.display().to_string();
        let add = [
            "-force", "-dbdir", &database, "-add", MODULE, "-libfile", &module,
        ];
        self.run(&programs.modutil, &add)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Result<(), Failure> {
        let output = Command::new(program)
            .args(arguments)
            .env("HOME", &self.directory)
            .env("OPENSC_CONF", self.opensc_conf())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Failure::file("run", program, &error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        let said = said.lines().find(|line| !line.trim().is_empty());
        Err(Failure::failed(format!(
            "{} failed ({}): {}",
            program.display(),
            output.status,
            said.unwrap_or("it said nothing").trim()
        )))
    }
}

/// Refuses a directory with something in it that this command has not made: somebody's home, or a
/// profile of another browser, would get the portal's authority and the module as well.
fn may_be_filled(directory: &Path) -> Result<(), Failure> {
    // Written before anything else, and by nobody else.
    let settings = fs::read(directory.join(OPENSC_CONF)).unwrap_or_default();
    if settings.starts_with(MADE_BY_US.as_bytes()) {
        return Ok(());
    }
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::file("read", directory, &error)),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is not empty, and no profile that kortlab browser has made; nothing in it was changed",
        directory.display()
    ))
    .hint("name a directory that is empty or not there yet with --profile; or leave it out, for a profile that is removed at the end"))
}

/// Makes a directory for this user alone.
fn make_private(directory: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Failure::file("make", directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn only_a_directory_that_is_empty_new_or_ours_becomes_a_profile() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("profile");
        may_be_filled(&path).expect("it is not there yet");
        fs::create_dir(&path).expect("a directory");
        may_be_filled(&path).expect("it is empty");
        fs::write(path.join(OPENSC_CONF), OPENSC).expect("written");
        fs::write(path.join("chromium.log"), "").expect("written");
        may_be_filled(&path).expect("it is ours");

        for (name, is_directory) in [(".pki", true), ("opensc.conf", false)] {
            let other = directory.path().join(format!("with {name}"));
            fs::create_dir(&other).expect("a directory");
            match is_directory {
                true => fs::create_dir(other.join(name)).expect("a directory"),
                false => fs::write(other.join(name), "mine").expect("written"),
            }
            let failure = may_be_filled(&other).expect_err(name);
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(failure.message().contains("is not empty"), "{name}");
            assert!(
                failure
                    .next_step()
                    .is_some_and(|next| next.contains("--profile"))
            );
            assert_eq!(fs::read_dir(&other).expect("there").count(), 1);
        }
        let file = directory.path().join("file");
        fs::write(&file, "").expect("written");
        may_be_filled(&file).expect_err("a file");
    }
}
