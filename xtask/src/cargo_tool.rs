//! Cargo subcommands that are not part of Rust.

use crate::process::{self, Failure};

/// Such tools work for seconds: that they are built soon is worth more than that they are fast.
const QUICKLY: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// Installs a cargo subcommand, unless it is there.
///
/// # Errors
/// It cannot be installed.
pub fn ensure(package: &str, subcommand: &str) -> Result<(), Failure> {
    if process::succeeds(process::cargo().args([subcommand, "--version"])) {
        return Ok(());
    }
    eprintln!("xtask: installing {package} with cargo install");
    let mut install = process::cargo();
    install.args(["install", "--locked", package]);
    process::run(install.envs(QUICKLY))
}
