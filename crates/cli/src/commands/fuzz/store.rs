//! Where a campaign and its cases are: a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kortlab_campaign::{Case, Limits, MAX_CASE, Program, Progress};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files;
use crate::output::warn;

/// The file with what a campaign needs to go on.
const CAMPAIGN: &str = "campaign.json";
/// The most bytes that it may have.
const MAX_CAMPAIGN: usize = 64 << 20;
/// The version of the form.
const VERSION: u32 = 1;

/// A campaign as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    kortlab_campaign: u32,
    program: Program,
    limits: Limits,
    card_sha256: String,
    progress: Progress,
}

/// A case, behind where it is.
pub type Placed = (PathBuf, Case);

/// The directory of a campaign.
pub struct Store {
    directory: PathBuf,
    program: Program,
    limits: Limits,
    card_sha256: String,
}

impl Store {
    /// Opens the directory, makes it if it is not there, and gives what the campaign in it needs
    /// to go on, and its cases.
    ///
    /// # Errors
    /// It is of another campaign, or cannot be used.
    pub fn open(
        directory: &Path,
        program: &Program,
        limits: Limits,
        card_sha256: String,
        seed: Option<u64>,
    ) -> Result<(Self, Progress, Vec<Placed>), Failure> {
        fs::create_dir_all(directory)
            .map_err(|error| Failure::file("make the directory", directory, &error))?;
        let store = Self {
            directory: directory.to_owned(),
            program: program.clone(),
            limits,
            card_sha256,
        };
        let progress = store.progress(seed)?;
        let cases = store.cases()?;
        Ok((store, progress, cases))
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn progress(&self, seed: Option<u64>) -> Result<Progress, Failure> {
        let path = self.directory.join(CAMPAIGN);
        if !path.exists() {
            return Ok(Progress {
                seed: seed.unwrap_or(0),
                ..Progress::default()
            });
        }
        let text = files::read_regular(&path, MAX_CAMPAIGN)?;
        let kept: Kept = serde_json::from_slice(&text).map_err(|error| {
            Failure::failed(format!("{} is damaged: {error}", path.display()))
                .hint("remove it: its cases stay, and the campaign begins anew")
        })?;
        let same = kept.kortlab_campaign == VERSION
            && kept.program == self.program
            && kept.card_sha256 == self.card_sha256
            && seed.is_none_or(|seed| seed == kept.progress.seed);
        if !same {
            return Err(Failure::failed(format!(
                "{} is a campaign of another program, card or seed",
                self.directory.display()
            ))
            .hint("name another directory with --out"));
        }
        Ok(kept.progress)
    }

    /// The cases that are there; what is none is named and left alone.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn cases(&self) -> Result<Vec<Placed>, Failure> {
        let failed = |error| Failure::file("read the directory", &self.directory, &error);
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_case = path.extension().is_some_and(|ending| ending == "json")
                && path.file_name().is_some_and(|name| name != CAMPAIGN);
            if is_case {
                paths.push(path);
            }
        }
        paths.sort();
        let mut cases = Vec::new();
        for path in paths {
            match read_case(&path) {
                Ok(case) => cases.push((path, case)),
                Err(why) => warn(format_args!("{} is left alone: {why}", path.display())),
            }
        }
        Ok(cases)
    }

    /// Keeps a case, so that it is there whatever happens next.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep(&self, case: &Case) -> io::Result<PathBuf> {
        let path = self.free(case);
        files::replace(&path, case.to_json().as_bytes())?;
        Ok(path)
    }

    /// Where a case goes: its own name, or one beside it if something else has that.
    fn free(&self, case: &Case) -> PathBuf {
        let name = case.file_name();
        let stem = name.trim_end_matches(".json");
        let names = (2..).map(|number: u32| format!("{stem}-{number}.json"));
        let mut paths = std::iter::once(name.clone())
            .chain(names)
            .map(|name| self.directory.join(name));
        let is_free = |path: &PathBuf| {
            fs::symlink_metadata(path).is_err()
                || read_case(path).is_ok_and(|there| there.signature == case.signature)
        };
        paths
            .find(is_free)
            .unwrap_or_else(|| self.directory.join(&name))
    }

    /// Keeps what the campaign needs to go on.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self, progress: Progress) -> io::Result<()> {
        let kept = Kept {
            kortlab_campaign: VERSION,
            program: self.program.clone(),
            limits: self.limits,
            card_sha256: self.card_sha256.clone(),
            progress,
        };
        let text = serde_json::to_string(&kept).map_err(io::Error::other)?;
        files::replace(&self.directory.join(CAMPAIGN), text.as_bytes())
    }
}

/// A case in the directory; or why it is none.
fn read_case(path: &Path) -> Result<Case, String> {
    let text =
        files::read_regular(path, MAX_CASE).map_err(|failure| failure.message().to_owned())?;
    Case::parse(&text).map_err(|error| error.to_string())
}
