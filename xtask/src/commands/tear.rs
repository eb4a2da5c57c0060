//! `cargo xtask tear`: the card torn out at every byte.

use super::{Command, passed_on};
use crate::process::{self, Failure};

pub const COMMAND: Command = Command {
    name: "tear",
    help: "\
Carry out the guide's renewal on a virtual card that is torn out of its reader at every byte
programmed and at every APDU boundary, on each kind of memory, with and without a crash of the
host; recover; and check that no certificate is lost, every directory parses, no PIN tries are
gained and no file is left over. Prints how many cuts there were and how many violations, and ends
with 1 if there was one. Takes one or two minutes once it is built.

Usage: cargo xtask tear [--planted-bug] [-- ARGS…]

  --planted-bug  Change the card in wrong orders instead, and end with 1 unless each is found

ARGS go to the harness; `cargo xtask tear -- --help` lists them.
",
    run,
};

const PLANTED_BUG: &str = "--planted-bug";

fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut cargo = process::cargo();
    process::run(cargo.args(arguments_for_cargo(arguments)?))
}

fn arguments_for_cargo(arguments: &[String]) -> Result<Vec<&str>, Failure> {
    let (planted, rest) = match arguments.split_first() {
        Some((first, rest)) if first == PLANTED_BUG => (true, rest),
        _ => (false, arguments),
    };
    if let Some(unknown) = rest.first().filter(|first| *first != "--") {
        return Err(Failure::usage(format!("unexpected argument {unknown}")));
    }
    let mut words = vec!["run", "--release", "--package", "kortlab-tear"];
    words.extend(["--bin", "kortlab-tear", "--"]);
    words.extend(planted.then_some(PLANTED_BUG));
    words.extend(passed_on(rest).iter().map(String::as_str));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planted_bug_and_other_arguments_go_to_the_harness() {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let given = owned(&["--planted-bug", "--", "--sample", "9"]);
        let words = arguments_for_cargo(&given).unwrap();
        assert!(words.ends_with(&["--", "--planted-bug", "--sample", "9"]));
        let words = owned(&[]);
        assert!(arguments_for_cargo(&words).unwrap().ends_with(&["--"]));
        assert_eq!(arguments_for_cargo(&owned(&["--all"])).unwrap_err().code, 2);
    }
}
