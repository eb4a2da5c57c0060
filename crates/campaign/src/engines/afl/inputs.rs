//! What AFL++ has kept: test cases that brought something new, that crashed, and that hung.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::recipe::Recipe;

/// Why a test case was kept, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The program crashed.
    Crash,
    /// It did not end in its time.
    Hang,
    /// It reached something new.
    Way,
}

/// A test case that was not looked at yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct New {
    /// Why it was kept.
    pub kind: Kind,
    /// Where.
    pub path: PathBuf,
}

/// The test cases of all instances that share a directory, and which of them were looked at, also by
/// an earlier process.
#[derive(Debug)]
pub struct Inputs {
    sync: PathBuf,
    /// Files that were seen; a file never changes.
    paths: BTreeSet<PathBuf>,
    /// What was in them.
    judged: BTreeSet<String>,
    list: File,
}

impl Inputs {
    /// Those in this directory; `list` is the file in which it is written down what was looked at.
    ///
    /// # Errors
    /// The list can be neither read nor made.
    pub fn open(sync: &Path, list: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(list)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(Self {
            sync: sync.to_owned(),
            paths: BTreeSet::new(),
            judged: text.lines().map(str::to_owned).collect(),
            list: file,
        })
    }

    /// Those that have come since, the most telling first.
    pub fn new_ones(&mut self) -> Vec<New> {
        let mut found = Vec::new();
        for instance in directories(&self.sync) {
            for place in directories(&instance) {
                let name = place.file_name().unwrap_or_default().to_string_lossy();
                // Those of an earlier start have its time behind their name.
                let kind = match name.split('.').next() {
                    Some("crashes") => Kind::Crash,
                    Some("hangs") => Kind::Hang,
                    Some("queue") => Kind::Way,
                    _ => continue,
                };
                let entries = fs::read_dir(&place).into_iter().flatten().flatten();
                let files = entries.filter(|entry| {
                    let name = entry.file_name();
                    name.as_encoded_bytes().starts_with(b"id:")
                });
                for path in files.map(|entry| entry.path()) {
                    if self.paths.insert(path.clone()) {
                        found.push(New { kind, path });
                    }
                }
            }
        }
        found.sort();
        found
    }

    /// The faults of one; nothing if the same was looked at before.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, new: &New) -> io::Result<Option<Recipe>> {
        let recipe = Recipe::from_file(&new.path)?;
        Ok((!self.judged.contains(&hash(&recipe))).then_some(recipe))
    }

    /// Writes down that one was looked at, and what it led to is kept.
    ///
    /// # Errors
    /// The list cannot be written.
    pub fn judged(&mut self, recipe: &Recipe) -> io::Result<()> {
        let hash = hash(recipe);
        writeln!(self.list, "{hash}")?;
        self.judged.insert(hash);
        Ok(())
    }
}

fn hash(recipe: &Recipe) -> String {
    let digest = Sha256::digest(recipe.to_lines().as_bytes());
    hex::encode(digest.get(..16).unwrap_or_default())
}

/// The directories in a directory, which are followed no further.
fn directories(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_is_given_once_crashes_first_and_what_was_judged_is_known_later() {
        let root = std::env::temp_dir().join(format!("kortlab-inputs-{}", std::process::id()));
        let sync = root.join("afl");
        for (place, name, text) in [
            ("0/queue", "id:000000,orig:good", "# none\n"),
            ("0/queue", "id:000001,src:000000", "empty:nth=2\n"),
            ("0/queue/.state", "id:000001", "not a test case"),
            ("0/crashes", "id:000000,sig:06", "sw:sw=6F00\n"),
            ("0/crashes", "README.txt", "no test case"),
            (
                "1/crashes.2026-01-01-00:00:00",
                "id:000000,sig:11",
                "stale\n",
            ),
            ("1/hangs", "id:000000", "sw:sw=6F00\n"),
        ] {
            fs::create_dir_all(sync.join(place)).unwrap();
            fs::write(sync.join(place).join(name), text).unwrap();
        }
        let list = root.join("judged");
        let mut inputs = Inputs::open(&sync, &list).unwrap();
        let found = inputs.new_ones();
        let kinds: Vec<_> = found.iter().map(|new| new.kind).collect();
        assert_eq!(
            kinds,
            [Kind::Crash, Kind::Crash, Kind::Hang, Kind::Way, Kind::Way]
        );
        assert!(inputs.new_ones().is_empty());
        let crash = inputs.read(&found[0]).unwrap().unwrap();
        assert_eq!(crash.to_lines(), "sw:sw=6F00\n");
        inputs.judged(&crash).unwrap();
        // The same in another place.
        assert_eq!(inputs.read(&found[2]).unwrap(), None);
        let mut later = Inputs::open(&sync, &list).unwrap();
        let found = later.new_ones();
        assert_eq!(later.read(&found[0]).unwrap(), None);
        assert!(later.read(&found[1]).unwrap().is_some());
        fs::remove_dir_all(root).unwrap();
    }
}
