//! Test cases of others, as files: read into recipes, and written.

pub mod opensc;

use crate::recipe::Recipe;

/// Whatever form a file has: a list of faults, one a line, or a test case of OpenSC's fuzzers.
///
/// # Errors
/// It is neither.
pub fn read(bytes: &[u8]) -> Result<Recipe, opensc::Foreign> {
    let lines = Recipe::from_lines(bytes);
    match lines.faults().is_empty() {
        false => Ok(lines),
        true => opensc::Answers::find(bytes).map(|answers| answers.recipe()),
    }
}
