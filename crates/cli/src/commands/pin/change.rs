//! `kortlab pin change`.

use clap::Args;
use kortlab_card::PinRole;

use super::{Which, new_pin_at_hand};
use crate::commands::{Context, Done, session};
use crate::failure::{Exit, Failure};
use crate::pin_source as pin;

/// Change a PIN; the old one comes from --auth-pin or --sign-pin
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab pin change auth
  kortlab pin change auth --auth-pin env:OLD --new-pin env:NEW
  kortlab pin change sign --sign-pin file:old.txt --new-pin file:new.txt")]
pub struct Arguments {
    /// Which PIN
    which: Which,

    /// Where the new PIN comes from: prompt, env:NAME, file:PATH, fd:N
    #[arg(long, value_name = "SOURCE")]
    new_pin: Option<String>,
}

/// Changes it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let role = PinRole::from(arguments.which);
    let mut card = session::open(context)?;
    // Told before a PIN is typed, not after.
    card.can_change_pin(role)?;
    let at_hand = new_pin_at_hand(&mut card, role, arguments.new_pin.as_deref())?;
    let old = session::pin(context, &mut card, role)?;
    let new = at_hand.map_or_else(|| pin::new_pin(arguments.new_pin), Ok)?;
    session::alone(&mut card, |card| card.change_pin(role, &old, &new))?;
    context
        .output
        .report(&Done::pin(role, "changed", "is changed"))?;
    Ok(Exit::Done)
}
