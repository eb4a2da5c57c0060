//! `cargo xtask lint`: formatting, clippy, documentation.

use super::{Command, no_arguments};
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "lint",
    help: "\
Check formatting, clippy (with and without PC/SC) and the documentation, warnings being errors.

Usage: cargo xtask lint
",
    run,
};

const CHECKS: [&[&str]; 3] = [
    &["fmt", "--all", "--check"],
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
