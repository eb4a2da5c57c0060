//! `cargo xtask bench`: the benchmarks.

use super::{Command, passed_on};
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "bench",
    help: "\
Run the benchmarks, after installing what they need.

Usage: cargo xtask bench [-- ARGS…]

ARGS go to `cargo bench`, for example: cargo xtask bench -- --bench vpcd
",
    run,
};

fn run(arguments: &[String]) -> Result<(), Failure> {
    apt::ensure(&needs::test())?;
    let mut cargo = process::cargo();
    cargo.args(["bench", "--package", "kortlab-benches"]);
    process::run(cargo.args(passed_on(arguments)))
}
