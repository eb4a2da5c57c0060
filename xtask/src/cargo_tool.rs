//! Cargo subcommands that are not part of Rust.

use crate::process::{self, Failure};

/// Installs a cargo subcommand, unless it is there.
///
/// # Errors
/// It cannot be installed.
pub fn ensure(package: &str, subcommand: &str) -> Result<(), Failure> {
    if process::succeeds(process::cargo().args([subcommand, "--version"])) {
        return Ok(());
    }
    eprintln!("xtask: installing {package} with cargo install");
    process::run(process::cargo().args(["install", "--locked", package]))
}
