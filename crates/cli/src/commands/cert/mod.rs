//! `kortlab cert`: the certificates on the card.

mod check;
mod evidence;
mod find;
mod list;
#[cfg(feature = "portal")]
mod online;
mod read;
mod remove;
mod revocation;
mod table;
mod trust;
mod write;

use clap::{Args, Subcommand};

use super::Context;
use crate::failure::{Exit, Failure};

pub use evidence::Evidence;
pub use revocation::RevocationLists;
pub use table::table;

/// List, read, write, remove and check the certificates
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert list
  kortlab cert check --ca-dir ca --crl hcc.crl
  kortlab cert read 4331 --out carrier.pem
  kortlab cert write new.pem --key 45
  kortlab cert remove 4334")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Arguments),
    Read(read::Arguments),
    Write(write::Arguments),
    Remove(remove::Arguments),
    Check(check::Arguments),
}

/// Runs the command that was given.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(context, arguments),
        Command::Read(arguments) => read::run(context, arguments),
        Command::Write(arguments) => write::run(context, arguments),
        Command::Remove(arguments) => remove::run(context, arguments),
        Command::Check(arguments) => check::run(context, arguments),
    }
}
