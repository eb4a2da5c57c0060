//! `kortlab pin unblock`.

use clap::Args;
use kortlab_card::PinRole;

use super::{Which, new_pin_at_hand};
use crate::commands::{Context, Done, session};
use crate::failure::{Exit, Failure};
use crate::pin_source as pin;

/// Unblock a PIN with the PUK and give it a new value; a wrong PUK costs one of its tries
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab pin unblock auth
  kortlab pin unblock auth --puk env:PUK --new-pin env:NEW")]
pub struct Arguments {
    /// Which PIN
    which: Which,

    /// Where the new PIN comes from: prompt, env:NAME, file:PATH, fd:N
    #[arg(long, value_name = "SOURCE")]
    new_pin: Option<String>,
}

/// Unblocks it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let role = PinRole::from(arguments.which);
    let mut card = session::open(context)?;
    // Told before the PUK is typed, not after.
    card.can_send_puk(role)?;
    let at_hand = new_pin_at_hand(&mut card, role, arguments.new_pin.as_deref())?;
    let puk = context.pins.puk()?;
    let new = at_hand.map_or_else(|| pin::new_pin(arguments.new_pin), Ok)?;
    session::alone(&mut card, |card| card.unblock_pin(role, &puk, &new))?;
    let done = Done::pin(role, "unblocked", "is unblocked and has its new value");
    context.output.report(&done)?;
    Ok(Exit::Done)
}
