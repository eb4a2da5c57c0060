//! `cargo xtask test`: every test.

use super::{Command, passed_on};
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "test",
    help: "\
Run every test: `cargo test --workspace`, after installing what the tests need; then the one that
needs a build of its own, with errors put into the slot writer.

Usage: cargo xtask test [-- ARGS…]

ARGS go to `cargo test`, for example: cargo xtask test -- --package kortlab --test opensc

The interoperability tests run a pcscd of their own, with vpcd and OpenSC, in private namespaces;
that takes root, or a kernel that lets users make user namespaces. The portal's tests run their own
PostgreSQL servers, and Chromium on a screen of its own. No test is skipped silently.
",
    run,
};

/// The harness of the slot writer must find an error that is put into the writer. That takes a
/// feature which nothing else is built with.
const PLANTED_BUG: [&str; 7] = [
    "test",
    "--package",
    "kortlab-tear",
    "--features",
    "planted-bug",
    "--test",
    "planted_bug",
];

fn run(arguments: &[String]) -> Result<(), Failure> {
    apt::ensure(&needs::test())?;
    let words = arguments_for_cargo(passed_on(arguments));
    process::run(process::cargo().args(&words))?;
    if words.contains(&"--workspace") && !words.iter().any(|word| word.starts_with("--test")) {
        process::run(process::cargo().args(PLANTED_BUG))?;
    }
    Ok(())
}

fn arguments_for_cargo(passed_on: &[String]) -> Vec<&str> {
    let mut arguments = vec!["test"];
    let chooses = |argument: &String| argument == "--package" || argument.starts_with("-p");
    if !passed_on.iter().any(chooses) {
        arguments.push("--workspace");
    }
    arguments.extend(passed_on.iter().map(String::as_str));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_workspace_is_tested_unless_a_package_is_chosen() {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(arguments_for_cargo(&[]), ["test", "--workspace"]);
        assert_eq!(
            arguments_for_cargo(&owned(&["--", "--nocapture"])),
            ["test", "--workspace", "--", "--nocapture"]
        );
        assert_eq!(
            arguments_for_cargo(&owned(&["-p", "kortlab"])),
            ["test", "-p", "kortlab"]
        );
    }
}
