//! `kortlab recover`, and the same before every command that changes certificates.

use std::fmt;

use clap::Args;
use kortlab_card::{Card, FileJournal, PinRole, Recovery};
use serde::Serialize;

use super::{Context, session};
use crate::channel::AnyChannel;
use crate::failure::{Exit, Failure};
use crate::output::{busy, note, printable, warn};

/// Complete or undo a change of the card that was interrupted, under the PIN for Legitimering
///
/// Before certificates are written or removed, the change is noted down on this computer, in
/// $XDG_STATE_HOME/kortlab/transactions (~/.local/state/kortlab/transactions). If the card is
/// pulled out meanwhile, or the computer crashes, this command completes the change or undoes it:
/// afterwards all certificates are the old ones, or all are the new ones. Can itself be
/// interrupted and run again. Commands that change certificates do it by themselves.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab recover
  kortlab -c card.json recover --auth-pin env:PIN
  kortlab recover --force")]
pub struct Arguments {
    /// Recover although another program has changed the card's directory of certificates since;
    /// what that program did to it is lost
    #[arg(long)]
    force: bool,
}

/// Recovers the card.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let mut card = session::open(context)?;
    let mut journal = journal()?;
    let recovery = recover(context, &mut card, &mut journal, arguments.force)?;
    context.output.report(&Outcome::new(recovery))?;
    Ok(Exit::Done)
}

/// The journal, after an earlier change of this card that was interrupted has been completed or
/// undone.
///
/// # Errors
/// That failed; the card must then not be changed otherwise.
pub fn first(context: &Context, card: &mut Card<AnyChannel>) -> Result<FileJournal, Failure> {
    let mut journal = journal()?;
    if let Some(recovery) = recover(context, card, &mut journal, false)? {
        note(Outcome::new(Some(recovery)));
    }
    Ok(journal)
}

fn recover(
    context: &Context,
    card: &mut Card<AnyChannel>,
    journal: &mut FileJournal,
    force: bool,
) -> Result<Option<Recovery>, Failure> {
    let Some(transaction) = card.pending(journal)? else {
        return Ok(None);
    };
    note(format_args!(
        "an earlier change of this card ({}) was interrupted; it is recovered now",
        printable(&transaction.purpose)
    ));
    let pin = context.pins.pin(PinRole::Authentication)?;
    let recovered = busy("recovering the card", || card.recover(journal, &pin, force));
    let forgotten = card.reset();
    let recovered = recovered?;
    forgotten?;
    for warning in recovered.iter().flat_map(|recovery| &recovery.warnings) {
        warn(warning);
    }
    Ok(recovered)
}

/// Where changes of the card are noted down while they are under way.
///
/// # Errors
/// There is no place for it.
pub fn journal() -> Result<FileJournal, Failure> {
    FileJournal::of_user().map_err(|error| {
        Failure::failed(error.to_string()).hint("set XDG_STATE_HOME to a directory of your own")
    })
}

/// The JSON document.
#[derive(Serialize)]
struct Outcome {
    /// `nothing`, `completed` or `rolled-back`.
    outcome: &'static str,
    /// What the change was: `write 2, remove 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    #[serde(skip)]
    text: String,
}

impl Outcome {
    fn new(recovery: Option<Recovery>) -> Self {
        match recovery {
            None => Self {
                outcome: "nothing",
                change: None,
                text: "nothing to recover: no change of this card was interrupted".to_owned(),
            },
            Some(recovery) => Self {
                outcome: recovery.way.name(),
                text: format!("the change ({}) is {}", recovery.purpose, recovery.way),
                change: Some(recovery.purpose),
            },
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text))
    }
}
