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
cannot be, it builds without, and says so. The demo itself uses no reader. What the demo does not
need is not built: `cargo build` makes the whole `kortlab`, with `kortlab portal` and its clients.
",
    run,
};

fn run(arguments: &[String]) -> Result<(), Failure> {
    let features = features()?;
    let kortlab = |subcommand| {
        let mut cargo = process::cargo();
        cargo.args(subcommand);
        cargo.args(["--package", "kortlab", "--bin", "kortlab"]);
        cargo.args(features);
        cargo
    };
    if !process::root().join("target/debug/kortlab").is_file() {
        eprintln!(
            "xtask: building what the demo stands on, some 200 crates: the first time takes \
             about 3 minutes on two cores, later it takes seconds"
        );
    }
    // cargo shows how far it is.
    process::run(&mut kortlab(&["build"][..]))?;
    let mut demo = kortlab(&["run", "--quiet"][..]);
    process::run(demo.args(["--", "demo"]).args(passed_on(arguments)))
}

/// The features to build with: those that the demo needs, with PC/SC where that can be had. The
/// databases, pages and metrics of the whole portal would take as long again to build.
fn features() -> Result<&'static [&'static str], Failure> {
    let Err(failure) = apt::ensure(&needs::build()) else {
        return Ok(&["--no-default-features", "--features", "demo,pcsc"]);
    };
    apt::ensure(&needs::bare_build())?;
    eprintln!("xtask: {}", failure.message);
    eprintln!(
        "xtask: building without PC/SC readers (without the feature pcsc); the demo needs none"
    );
    Ok(&["--no-default-features", "--features", "demo"])
}
