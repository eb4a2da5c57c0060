//! The licences of the crates that are in the binary: a list, and their texts as they came.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::{about, copy, make_directory, write};
use crate::process::{self, Failure};

/// Writes `licences/` into this directory.
///
/// # Errors
/// cargo does not tell the crates, or a file cannot be written.
pub fn collect(extras: &Path) -> Result<(), Failure> {
    let mut tree = process::cargo();
    tree.args(["tree", "--locked", "--package", "kortlab"]);
    tree.args(["--edges", "normal", "--prefix", "none"]);
    let told = process::output(tree.args(["--format", "{p}\t{l}"]))?;
    let crates = crates(&String::from_utf8_lossy(&told));
    let directory = extras.join("licences");
    make_directory(&directory)?;
    let sources = sources();
    let mut list = String::from("What kortlab is linked with, and under which licences.\n\n");
    let mut texts = 0;
    for (name, version, licence) in &crates {
        list.push_str(&format!("{name} {version}: {licence}\n"));
        for source in &sources {
            let from = source.join(format!("{name}-{version}"));
            texts += copy_texts(&from, &directory, &format!("{name}-{version}"))?;
        }
    }
    list.push_str(&format!(
        "\n{} crates; {texts} texts of licences are beside this list, as the crates carry them.\n",
        crates.len()
    ));
    write(&directory.join("LIST.txt"), list.as_bytes())
}

/// Name, version and licence of each crate that is not ours, each once.
fn crates(tree: &str) -> BTreeSet<(String, String, String)> {
    let crates = tree.lines().filter_map(|line| {
        let (package, licence) = line.split_once('\t')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        // Ours are named with the directory they are in.
        if words.any(|word| word.starts_with("(/")) {
            return None;
        }
        let licence = licence.trim_end_matches(" (*)");
        Some((name.to_owned(), version.to_owned(), licence.to_owned()))
    });
    crates.collect()
}

/// Where cargo keeps the sources of crates.
fn sources() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let registries = home.map(|home| home.join("registry/src"));
    let entries = registries.and_then(|path| fs::read_dir(path).ok());
    let entries = entries.into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn copy_texts(from: &Path, to: &Path, prefix: &str) -> Result<usize, Failure> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(0);
    };
    let mut copied = 0;
    for entry in entries {
        let path = entry.map_err(|error| about(from, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let upper = name.to_uppercase();
        let is_text = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"]
            .iter()
            .any(|start| upper.starts_with(start));
        if is_text && path.is_file() {
            copy(&path, &to.join(format!("{prefix}.{name}")))?;
            copied += 1;
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_told_once_each_and_ours_are_left_out() {
        let tree = "kortlab v0.1.0 (/src/crates/cli)\tMIT OR Apache-2.0\n\
                    anstream v1.0.0\tMIT OR Apache-2.0\n\
                    der_derive v0.8.0 (proc-macro)\tApache-2.0 OR MIT\n\
                    anstream v1.0.0\tMIT OR Apache-2.0 (*)\n\n";
        let crates: Vec<_> = crates(tree).into_iter().map(|found| found.0).collect();
        assert_eq!(crates, ["anstream", "der_derive"]);
    }
}
