//! `kortlab pin`: the state of the PINs, and verifying, changing, unblocking them.

mod change;
pub mod status;
mod unblock;
mod verify;

use clap::{Args, Subcommand, ValueEnum};
use kortlab_card::{Card, Pin, PinRole};

use super::Context;
use crate::channel::AnyChannel;
use crate::failure::{Exit, Failure};
use crate::pin_source;

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

/// The new PIN for `role`, if it is not typed; that it can be none is told before the old PIN or the PUK
/// is asked for.
fn new_pin_at_hand(
    card: &mut Card<AnyChannel>,
    role: PinRole,
    source: Option<&str>,
) -> Result<Option<Pin>, Failure> {
    let new = pin_source::new_pin_at_hand(source)?;
    if let Some(new) = &new {
        card.can_be_new_pin(role, new)?;
    }
    Ok(new)
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
