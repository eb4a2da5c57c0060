//! Which control door is meant.

use std::path::{Path, PathBuf};

use crate::desk::control_doors;
use crate::failure::{Exit, Failure};

/// The door that was named, or the only one that stands open.
///
/// # Errors
/// None was named, and there is none, or there are several.
pub fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let doors = control_doors()?;
    match doors.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::new(
            Exit::NoCard,
            "no `kortlab run`, `pcscd` or `emulate` of yours is running",
        )
        .of_kind("no-reader")
        .hint("start one, or name its control door with --control PATH")),
        several => {
            let paths: Vec<_> = several
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            Err(
                Failure::usage("several control doors stand open, and none is named")
                    .hint(format!("give --control with one of {}", paths.join(", "))),
            )
        }
    }
}
