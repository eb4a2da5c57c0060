//! The program that is fuzzed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The path of the executable file.
    pub path: PathBuf,
    /// The arguments behind it.
    pub arguments: Vec<String>,
}

impl Program {
    /// The program at this path.
    ///
    /// # Errors
    /// The argument that is not UTF-8: a case is a text.
    pub fn new(path: &Path, arguments: &[OsString]) -> Result<Self, OsString> {
        let arguments = arguments
            .iter()
            .map(|argument| argument.clone().into_string())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            path: path.to_owned(),
            arguments,
        })
    }
}
