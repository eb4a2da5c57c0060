//! `cargo xtask deny`: what the dependencies are allowed to be.

use super::{Command, no_arguments};
use crate::cargo_tool;
use crate::process::{self, Failure};

pub const COMMAND: Command = Command {
    name: "deny",
    help: "\
Check the dependencies against deny.toml: bans, licences, sources.

Usage: cargo xtask deny [--advisories]

  --advisories  also look for published security advisories; fetches their list from the network

cargo-deny is installed if it is missing.
",
    run,
};

fn run(arguments: &[String]) -> Result<(), Failure> {
    let advisories = match arguments.split_first() {
        Some((first, rest)) if first == "--advisories" => {
            no_arguments(rest)?;
            true
        }
        _ => {
            no_arguments(arguments)?;
            false
        }
    };
    cargo_tool::ensure("cargo-deny", "deny")?;
    let mut deny = process::cargo();
    deny.args([
        "deny",
        "--workspace",
        "check",
        "bans",
        "licenses",
        "sources",
    ]);
    if advisories {
        deny.arg("advisories");
    }
    process::run(&mut deny)?;
    if !advisories {
        eprintln!("xtask: advisories were not looked at: they need the network; add --advisories");
    }
    Ok(())
}
