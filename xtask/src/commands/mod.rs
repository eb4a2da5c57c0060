//! The commands, one file each.

mod bench;
mod demo;
mod deny;
mod dist;
mod fuzz;
mod lint;
mod load;
mod tear;
mod test;

use crate::process::Failure;

pub use test::programs::{RECORD, record};

/// A command of `cargo xtask`.
pub struct Command {
    /// What it is called.
    pub name: &'static str,
    /// The text of `--help`.
    pub help: &'static str,
    /// Runs it with the arguments that follow its name.
    pub run: fn(&[String]) -> Result<(), Failure>,
}

/// Every command.
pub const ALL: [&Command; 9] = [
    &demo::COMMAND,
    &test::COMMAND,
    &lint::COMMAND,
    &fuzz::COMMAND,
    &bench::COMMAND,
    &load::COMMAND,
    &deny::COMMAND,
    &dist::COMMAND,
    &tear::COMMAND,
];

/// The command of that name.
pub fn find(name: &str) -> Option<&'static Command> {
    ALL.into_iter().find(|command| command.name == name)
}

/// Refuses arguments where there are none.
fn no_arguments(arguments: &[String]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(Failure::usage(format!("unexpected argument {argument}"))),
    }
}

/// The arguments without the `--` that separates them from xtask's own.
fn passed_on(arguments: &[String]) -> &[String] {
    match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    }
}
