//! Test cases of others, for a campaign to begin with.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use kortlab_campaign::corpora::{self, opensc};
use kortlab_campaign::{MAX_LINES, Recipe};

use crate::failure::Failure;
use crate::files;
use crate::output::{note, warn};

/// Test cases to begin with.
#[derive(Args)]
pub struct CorpusArguments {
    /// Begin with these test cases: a file, or a directory of files, each a test case of OpenSC's
    /// fuzzers, or faults, one a line
    #[arg(long, value_name = "PATH")]
    corpus: Vec<PathBuf>,
}

impl CorpusArguments {
    /// The test cases. Files that are none are named, and left alone.
    ///
    /// # Errors
    /// What was named is not there, or there is no test case in all of it.
    pub fn recipes(&self) -> Result<Vec<Recipe>, Failure> {
        let mut recipes = Vec::new();
        for path in &self.corpus {
            let before = recipes.len();
            for file in all_files(path)? {
                match read(&file) {
                    Ok(recipe) => recipes.push(recipe),
                    Err(why) => warn(format_args!("{} is left alone: {why}", file.display())),
                }
            }
            if recipes.len() == before {
                return Err(
                    Failure::failed(format!("{}: there is no test case", path.display()))
                        .of_kind("invalid")
                        .hint(
                            "give a corpus of OpenSC's fuzzers, or files with a fault on each line",
                        ),
                );
            }
            note(format_args!(
                "{}: {} test cases",
                path.display(),
                recipes.len() - before
            ));
        }
        Ok(recipes)
    }
}

/// A file, or what is in a directory, in the order of its names.
fn all_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::file("read", path, &error);
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Recipe, String> {
    let most = MAX_LINES.max(opensc::MAX_FILE);
    let bytes = files::read_regular(path, most).map_err(|failure| failure.message().to_owned())?;
    corpora::read(&bytes).map_err(|error| error.to_string())
}
