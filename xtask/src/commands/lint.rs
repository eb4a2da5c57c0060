//! `cargo xtask lint`: formatting, clippy, documentation.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Command, no_arguments};
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "lint",
    help: "\
Check formatting, clippy (whole, with the demo alone, with neither portal nor PC/SC) and the documentation, warnings being errors.

Usage: cargo xtask lint
",
    run,
};

const CHECKS: [&[&str]; 2] = [
    &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ],
    &[
        "clippy",
        "--package",
        "kortlab",
        "--no-default-features",
        "--",
        "-D",
        "warnings",
    ],
];

fn run(arguments: &[String]) -> Result<(), Failure> {
    no_arguments(arguments)?;
    apt::ensure(&needs::build())?;
    components()?;
    let files = rust_files(&process::root())?;
    // rustfmt does not see modules that a macro declares, such as `models![…]`: so it is given files.
    process::run(
        process::cargo()
            .args(["fmt", "--all", "--check", "--"])
            .args(files),
    )?;
    for check in CHECKS {
        process::run(process::cargo().args(check))?;
    }
    let mut doc = process::cargo();
    doc.args(["doc", "--workspace", "--no-deps"]);
    process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// rustup's minimal profile has neither rustfmt nor clippy.
fn components() -> Result<(), Failure> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if process::succeeds(process::cargo().args([subcommand, "--version"])) {
            continue;
        }
        process::run(process::program("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

/// Every Rust file below, but for what is built and what is hidden.
fn rust_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| Failure::new(format!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), entry.file_name());
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if !hidden && name != "target" {
                files.extend(rust_files(&path)?);
            }
        } else if !hidden && path.extension() == Some(OsStr::new("rs")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_only_a_macro_declares_are_formatted_too() {
        let files = rust_files(&process::root()).unwrap();
        let has = |name: &str| files.iter().any(|file| file.ends_with(name));
        assert!(has("emulator/src/models/eid/mod.rs"));
        assert!(has("fuzz/src/targets/tlv.rs"));
        let built = process::root().join("target");
        assert!(!files.iter().any(|file| file.starts_with(&built)));
    }
}
