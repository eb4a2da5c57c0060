//! `cargo xtask demo`: the renewal on an embedded card.

use super::{Command, passed_on};
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "demo",
    help: "\
Renew the certificates of an embedded card, step by step: `kortlab demo`, built by itself.

Usage: cargo xtask demo [-- ARGS…]

ARGS go to `kortlab demo`, for example: cargo xtask demo -- --seed 7

It needs Rust and a C compiler (for linking). On Debian and Ubuntu, as root or with sudo, it
installs libpcsclite-dev and pkg-config too, with which `cargo build` makes a `kortlab` that knows
PC/SC readers; where that cannot be, it says so. The demo itself uses no reader, and what it does not
need is not built: `cargo build` makes the whole `kortlab`.
",
    run,
};

fn run(arguments: &[String]) -> Result<(), Failure> {
    install()?;
    let demo = |subcommand: &[&str]| {
        let mut cargo = process::cargo();
        cargo.args(subcommand).args(["--package", "kortlab-demo"]);
        cargo
    };
    if !process::root().join("target/debug/kortlab-demo").is_file() {
        eprintln!(
            "xtask: building what the demo stands on, some 200 crates: the first time takes \
             about two and a half minutes on two cores, later it takes seconds"
        );
    }
    // cargo shows how far it is.
    process::run(&mut demo(&["build"]))?;
    let mut run = demo(&["run", "--quiet"]);
    process::run(run.arg("--").args(passed_on(arguments)))
}

/// Installs what the demo needs to be built, and, where that can be, what the whole `kortlab` needs
/// for PC/SC readers besides.
fn install() -> Result<(), Failure> {
    let Err(failure) = apt::ensure(&needs::build()) else {
        return Ok(());
    };
    apt::ensure(&needs::bare_build())?;
    eprintln!("xtask: {}", failure.message);
    eprintln!("xtask: building without PC/SC readers; the demo needs none");
    Ok(())
}
