//! `kortlab cert remove`.

use clap::Args;
use kortlab_card::{Change, PinRole};

use super::find::{find, slot_id};
use crate::commands::{Context, Done, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{busy, note, warn};

/// Remove a certificate from the card, under the PIN for Legitimering; its key stays
///
/// ID is what `cert list` shows under ID; or a label; or the key's identifier if only one
/// certificate has it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert remove 4333
  kortlab cert remove 'HCC Legitimering' --auth-pin env:PIN")]
pub struct Arguments {
    /// Which certificate
    id: String,
}

/// Removes it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let mut card = session::open(context)?;
    let mut journal = recover::first(context, &mut card)?;
    let slots = card.slots()?;
    let slot = find(&slots, &arguments.id)?;
    let change = Change::new().remove(slot.clone());
    let plan = card.plan(&change)?;
    let removed = busy("removing the certificate", || {
        session::with_pin(context, &mut card, PinRole::Authentication, |card| {
            note(format_args!("guarantee: {}", plan.guarantee));
            card.change(&change, &mut journal)
        })
    })?;
    for warning in &removed.warnings {
        warn(warning);
    }
    let text = format!("{} is removed", slot.name());
    let done = Done::new("removed", slot_id(slot), text);
    context.output.report(&done.with(plan.guarantee))?;
    Ok(Exit::Done)
}
