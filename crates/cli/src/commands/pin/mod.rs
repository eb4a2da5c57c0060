//! `kortlab pin`: the state of the PINs, and verifying, changing, unblocking them.

mod change;
pub mod status;
mod unblock;
mod verify;

use clap::{Args, Subcommand, ValueEnum};
use kortlab_card::PinRole;

use super::Context;
use crate::failure::{Exit, Failure};

/// Show, verify, change and unblock the PINs
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab pin status
  kortlab pin verify auth
  kortlab pin change sign
  kortlab pin unblock auth")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Status(status::Arguments),
    Verify(verify::Arguments),
    Change(change::Arguments),
    Unblock(unblock::Arguments),
}

/// Runs the command that was given.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Status(arguments) => status::run(context, arguments),
        Command::Verify(arguments) => verify::run(context, arguments),
        Command::Change(arguments) => change::run(context, arguments),
        Command::Unblock(arguments) => unblock::run(context, arguments),
    }
}

/// Which PIN.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Which {
    /// The PIN for Legitimering (authentication)
    Auth,
    /// The PIN for Underskrift (signature)
    Sign,
}

impl From<Which> for PinRole {
    fn from(which: Which) -> Self {
        match which {
            Which::Auth => Self::Authentication,
            Which::Sign => Self::Signature,
        }
    }
}
