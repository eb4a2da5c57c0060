//! `kortlab pin verify`.

use clap::Args;
use kortlab_card::PinRole;

use super::Which;
use crate::commands::{Context, Done, session};
use crate::failure::{Exit, Failure};

/// Verify a PIN; a wrong one costs a try
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab pin verify auth
  kortlab pin verify auth --auth-pin env:PIN
  kortlab pin verify sign --sign-pin file:pin.txt")]
pub struct Arguments {
    /// Which PIN
    which: Which,
}

/// Verifies it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let role = PinRole::from(arguments.which);
    let mut card = session::open(context)?;
    let pin = session::pin(context, &mut card, role)?;
    session::alone(&mut card, |card| card.verify(role, &pin))?;
    context
        .output
        .report(&Done::pin(role, "verified", "is right"))?;
    Ok(Exit::Done)
}
