//! The files that a command line names, and that none of those it writes is another one of them: what
//! a command makes is never the card, the recording or the PIN that it works with.

use std::any::TypeId;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};

use crate::channel::CardSpec;
use crate::failure::Failure;
use crate::files::Place;

/// The options whose files are written; all other files are read.
pub const WRITTEN: [&str; 6] = ["trace", "trace_start", "html", "bundle", "out", "output"];
/// What is replaced by what becomes of it, as its command says: `fuzz minimize`.
const REPLACED: &str = "case";
/// The name that the help gives to where a secret comes from.
const SOURCE: &str = "SOURCE";

/// The files that a command line names.
#[derive(Clone, Debug, Default)]
pub struct NamedFiles(Vec<Named>);

#[derive(Clone, Debug)]
struct Named {
    id: String,
    /// As the command line or its help has it: `--trace`, `FILE`.
    shown: String,
    path: PathBuf,
    is_written: bool,
}

impl NamedFiles {
    /// The files that the arguments name, those of the subcommands included. Of --card nothing is said
    /// here: not every command uses it; see [`NamedFiles::with_card`].
    pub fn of(command: &Command, matches: &ArgMatches) -> Self {
        let mut files = Self::default();
        let (mut command, mut matches) = (command, matches);
        let mut is_root = true;
        loop {
            for arg in command.get_arguments() {
                // What is for every command the first has already.
                if is_root || !arg.is_global_set() {
                    files.add(arg, matches);
                }
            }
            is_root = false;
            let below = matches.subcommand();
            let below =
                below.and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
            match below {
                Some(below) => (command, matches) = below,
                None => return files,
            }
        }
    }

    /// The same, and the file that the card is, or comes from.
    #[must_use]
    pub fn with_card(mut self, card: &CardSpec) -> Self {
        let (CardSpec::Image(path) | CardSpec::Socket(path) | CardSpec::Replay { path, .. }) = card
        else {
            return self;
        };
        self.0.push(Named {
            id: "card".to_owned(),
            shown: "--card".to_owned(),
            path: path.clone(),
            is_written: false,
        });
        self
    }

    /// These and others.
    #[must_use]
    pub fn and(&self, others: Self) -> Self {
        Self(self.0.iter().cloned().chain(others.0).collect())
    }

    /// Refuses a file that would be written, and that the command line names for something else, too: by
    /// whatever name, through whatever links.
    ///
    /// # Errors
    /// There is one.
    pub fn must_be_apart(&self) -> Result<(), Failure> {
        for written in self.0.iter().filter(|file| file.is_written) {
            let Some(written_place) = place(&written.path) else {
                continue;
            };
            let others = self
                .0
                .iter()
                .filter(|other| other.id != written.id && other.id != REPLACED);
            for other in others {
                if place(&other.path).as_ref() != Some(&written_place) {
                    continue;
                }
                let (one, two) = (&written.shown, &other.shown);
                let path = other.path.display();
                return Err(match other.is_written {
                    true => Failure::usage(format!("{one} and {two} would both write {path}")),
                    false => {
                        Failure::usage(format!("{one} would overwrite {path}, the file of {two}"))
                    }
                }
                .hint(format!("nothing was written; name another file for {one}")));
            }
        }
        Ok(())
    }

    fn add(&mut self, arg: &Arg, matches: &ArgMatches) {
        let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let names = arg.get_value_names().unwrap_or_default();
        let is_source = names.iter().any(|name| name.as_str() == SOURCE);
        if !is_path && !is_source {
            return;
        }
        let id = arg.get_id().as_str();
        let shown = match (arg.get_long(), names.first()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some(name)) => name.to_string(),
            (None, None) => id.to_owned(),
        };
        let values = matches.try_get_raw(id).ok().flatten();
        for value in values.into_iter().flatten() {
            let path = match is_source {
                true => path_of_source(value),
                false => Some(value.into()),
            };
            // Standard input and output are no files.
            let path = path.filter(|path: &PathBuf| path != Path::new("-"));
            self.0.extend(path.map(|path| Named {
                id: id.to_owned(),
                shown: shown.clone(),
                path,
                is_written: arg.get_long().is_some() && WRITTEN.contains(&id),
            }));
        }
    }
}

/// Where this is; none if no file can be lost there, as in a pipe, a device or a directory.
fn place(path: &Path) -> Option<Place> {
    let found = fs::metadata(path).map(|found| found.file_type()).ok();
    let keeps = |kind: FileType| !kind.is_char_device() && !kind.is_fifo() && !kind.is_dir();
    Place::of(path).filter(|_| found.is_none_or(keeps))
}

/// The file that a secret comes from, if it comes from one.
fn path_of_source(source: &OsStr) -> Option<PathBuf> {
    let bytes = source.as_bytes();
    if let Some(path) = bytes.strip_prefix(b"file:") {
        return Some(OsStr::from_bytes(path).into());
    }
    let number = std::str::from_utf8(bytes.strip_prefix(b"fd:")?).ok()?;
    Some(crate::pin_source::descriptor_path(number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(files: &[(&str, &Path)]) -> Result<(), String> {
        let named = files.iter().map(|(id, path)| Named {
            id: (*id).to_owned(),
            shown: format!("--{id}"),
            path: (*path).to_owned(),
            is_written: WRITTEN.contains(id),
        });
        let apart = NamedFiles(named.collect()).must_be_apart();
        apart.map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn a_file_is_itself_by_whatever_name_and_through_whatever_links() {
        let lab = tempfile::tempdir().expect("a directory");
        let path = |name: &str| lab.path().join(name);
        fs::write(path("v.json"), "a card").expect("written");
        fs::write(path("w.json"), "a card").expect("written");
        fs::hard_link(path("v.json"), path("hard.json")).expect("a link");
        std::os::unix::fs::symlink("v.json", path("soft.json")).expect("a link");
        std::os::unix::fs::symlink("new.json", path("to-new.json")).expect("a link");
        std::os::unix::fs::symlink("loop.json", path("loop.json")).expect("a link");
        fs::create_dir(path("sub")).expect("a directory");
        for other in ["v.json", "hard.json", "soft.json", "sub/../v.json"] {
            let error =
                apart(&[("trace", &path(other)), ("card", &path("v.json"))]).expect_err(other);
            assert!(
                error.contains("--trace") && error.contains("--card"),
                "{error}"
            );
        }
        for other in ["new.json", "to-new.json", "sub/../new.json"] {
            apart(&[("trace", &path("new.json")), ("trace_start", &path(other))]).expect_err(other);
        }
        for other in ["w.json", "new.json", "loop.json", "nowhere/v.json", "sub"] {
            assert_eq!(
                apart(&[("trace", &path(other)), ("card", &path("v.json"))]),
                Ok(()),
                "{other}"
            );
        }
        // What is only read may be read twice, and what has no memory loses nothing.
        assert_eq!(
            apart(&[("auth_pin", &path("v.json")), ("sign_pin", &path("v.json"))]),
            Ok(())
        );
        let null = Path::new("/dev/null");
        assert_eq!(apart(&[("html", null), ("bundle", null)]), Ok(()));
    }

    #[test]
    fn a_secret_comes_from_a_file_or_an_open_one() {
        let of = |source: &str| path_of_source(OsStr::new(source));
        assert_eq!(of("file:p.json"), Some("p.json".into()));
        assert!(of("fd:3").is_some_and(|path| path.ends_with("fd/3")));
        for other in ["prompt", "env:PIN", "fd:x", "123456"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
