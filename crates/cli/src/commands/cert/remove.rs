//! `kortlab cert remove`.

use clap::Args;
use kortlab_card::{Change, PinRole};
use kortlab_explain::card::slot_id;

use super::find::find;
use crate::commands::{Context, Done, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{busy, note};

/// Remove a certificate from the card, under the PIN for Legitimering; its key stays
///
/// ID is what `cert list` shows under ID; or a label; or the key's identifier if only one
/// certificate has it; or where several have one ID, their numbers in the directory, as `#3`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert remove 4333
  kortlab cert remove 'HCC Underskrift' --auth-pin env:PIN")]
pub struct Arguments {
    /// Which certificate
    id: String,
}

/// Removes it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (mut card, mut journal) = session::open_with_journal(context)?;
    recover::first(context, &mut card, &mut journal)?;
    let slots = card.listed_slots();
    let slot = find(card.contents(), &slots, &arguments.id)?;
    let change = Change::new().remove(slot.clone());
    let plan = card.plan(&change)?;
    let removed = busy("removing the certificate", || {
        session::with_pin(context, &mut card, PinRole::Authentication, |card| {
            note(format_args!("guarantee: {}", plan.guarantee()));
            card.execute(&plan, &mut journal)
        })
    })?;
    let text = format!("{} is removed", slot.name());
    let done = Done::new("removed", slot_id(slot), text);
    context
        .output
        .report(&done.with(plan.guarantee(), removed.warnings))?;
    Ok(Exit::Done)
}
