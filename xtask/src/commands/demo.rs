//! `cargo xtask demo`: the renewal on an embedded card.

use super::{Command, passed_on};
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "demo",
    help: "\
Renew the certificates of an embedded card, step by step: builds and runs `kortlab demo`.

Usage: cargo xtask demo [-- ARGS…]

ARGS go to `kortlab demo`, for example: cargo xtask demo -- --seed 7

It needs Rust and a C compiler (for linking). On Debian and Ubuntu, as root or with sudo, it
installs libpcsclite-dev and pkg-config too, for a build that also knows PC/SC readers; where that
cannot be, it builds without, and says so. The demo itself uses no reader.
",
    run,
};

fn run(arguments: &[String]) -> Result<(), Failure> {
    let features = features()?;
    let mut cargo = process::cargo();
    cargo.args(["run", "--quiet", "--package", "kortlab", "--bin", "kortlab"]);
    cargo.args(features).args(["--", "demo"]);
    eprintln!("xtask: building kortlab; the first time takes a minute or two");
    process::run(cargo.args(passed_on(arguments)))
}

/// The features to build with: all, or where PC/SC cannot be had, those without.
fn features() -> Result<&'static [&'static str], Failure> {
    let Err(failure) = apt::ensure(&needs::build()) else {
        return Ok(&[]);
    };
    apt::ensure(&needs::bare_build())?;
    eprintln!("xtask: {}", failure.message);
    eprintln!("xtask: building without PC/SC readers (--no-default-features); the demo needs none");
    Ok(&["--no-default-features"])
}
