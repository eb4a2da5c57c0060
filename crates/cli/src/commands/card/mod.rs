//! `kortlab card`: card images.

pub mod new;
mod own;
mod unpack;

use clap::{Args, Subcommand};

use super::Context;
use crate::failure::{Exit, Failure};

/// Make card images
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab card new -o card.json
  kortlab card new -o expired.json --state expired
  kortlab card new -o mine.json --p12 me.p12 --passphrase file:passphrase.txt
  kortlab card unpack bundle.json -o copy.json")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::Arguments),
    Unpack(unpack::Arguments),
}

/// Runs the command that was given.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::New(arguments) => new::run(context, arguments),
        Command::Unpack(arguments) => unpack::run(context, arguments),
    }
}
