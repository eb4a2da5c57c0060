//! `kortlab recover`, and the same before every command that changes certificates.

use std::fmt;

use clap::Args;
use kortlab_apdu::Channel;
use kortlab_card::{Card, Fit, IfChanged, Journal as _, PinRole, Problem, Recovery};
use serde::Serialize;

use super::{Context, session};
use crate::channel::{AnyChannel, CardJournal};
use crate::failure::{Exit, Failure};
use crate::output::{busy, note, printable, warn};

/// Complete or undo a change of the card that was interrupted, under the PIN for Legitimering
///
/// Before certificates are written or removed, the change is noted down: in the image of a virtual
/// card, else on this computer, in $XDG_STATE_HOME/kortlab/transactions
/// (~/.local/state/kortlab/transactions). If the card is pulled out meanwhile, or the computer
/// crashes, this command completes the change or undoes it: afterwards all certificates are the old
/// ones, or all are the new ones. Can itself be interrupted and run again. Commands that change
/// certificates do it by themselves. What was noted down about another card of the same serial
/// number is named, and kept for that one.
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
    let if_changed = match arguments.force {
        true => IfChanged::Overwrite,
        false => IfChanged::LeaveIt,
    };
    let (mut card, mut journal) = session::open_with_journal(context)?;
    let recovery = recover(context, &mut card, &mut journal, if_changed)?;
    name_others(&mut card, &mut journal, true)?;
    context.output.report(&Outcome::new(recovery))?;
    Ok(Exit::Done)
}

/// Completes or undoes an earlier change of this card that was interrupted, before another one.
///
/// # Errors
/// That failed; the card must then not be changed otherwise.
pub fn first(
    context: &Context,
    card: &mut Card<AnyChannel>,
    journal: &mut CardJournal,
) -> Result<(), Failure> {
    if let Some(recovery) = recover(context, card, journal, IfChanged::LeaveIt)? {
        note(Outcome::new(Some(recovery)));
    }
    name_others(card, journal, false)
}

/// Says on standard error that a change of this card waits, and gives it as findings.
///
/// # Errors
/// The card is gone.
pub fn waiting<C: Channel>(
    card: &mut Card<C>,
    journal: &mut CardJournal,
) -> Result<Vec<Problem>, Failure> {
    let problems = card.unfinished_changes(journal)?;
    for problem in &problems {
        warn(format_args!(
            "{}; {}",
            problem.message(),
            problem.next_step()
        ));
    }
    Ok(problems)
}

/// Names what the journal has about other cards of this serial number: all of it, or what was not
/// named before. It stays, for those cards.
fn name_others(
    card: &mut Card<AnyChannel>,
    journal: &mut CardJournal,
    all: bool,
) -> Result<(), Failure> {
    for (kept, fit) in card.notes(journal)? {
        if kept.of_this_card || (kept.set_aside && !all) {
            continue;
        }
        let purpose = printable(&kept.transaction.purpose);
        let here = match fit {
            Fit::Finished => "this card shows it whole",
            Fit::Untouched => "on this card it has not begun",
            _ => "it is not about this card",
        };
        let whose = match fit {
            Fit::Finished | Fit::Untouched if card.has_keys_of(&kept.transaction) => {
                "this card, or of a copy of it with the same keys,"
            }
            _ => "a card of the same serial number",
        };
        // It is named where it is from now on.
        let moved = journal.set_aside(&kept.id);
        let moved = moved.map_err(|error| Failure::failed(error.to_string()))?;
        let place = moved.or(kept.place).unwrap_or_default();
        note(format_args!(
            "a change ({purpose}) of {whose} was interrupted, and {here}; \
             what was noted down stays in {}, for a copy of this card or another one: delete it \
             if there is none",
            place.display()
        ));
    }
    Ok(())
}

fn recover(
    context: &Context,
    card: &mut Card<AnyChannel>,
    journal: &mut CardJournal,
    if_changed: IfChanged,
) -> Result<Option<Recovery>, Failure> {
    let Some(transaction) = card.pending(journal)? else {
        return Ok(None);
    };
    // Of a directory that was changed since, an error tells, unless that change is to be lost.
    if if_changed == IfChanged::Overwrite || card.pending_is_as_it_was_left(journal)? {
        note(format_args!(
            "an earlier change of this card ({}) was interrupted; it is recovered now",
            printable(&transaction.purpose)
        ));
    }
    let pin = context.pins.pin(PinRole::Authentication)?;
    let recovered = busy("recovering the card", || {
        session::alone(card, |card| card.recover(journal, &pin, if_changed))
    })?;
    for warning in recovered.iter().flat_map(|recovery| &recovery.warnings) {
        warn(warning);
    }
    Ok(recovered)
}

/// The JSON document.
#[derive(Serialize)]
struct Outcome {
    /// `nothing`, `completed` or `rolled-back`.
    outcome: &'static str,
    /// What the change was: `write 2, remove 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    /// What was left undone, in words: a file that stays, say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip)]
    text: String,
}

impl Outcome {
    fn new(recovery: Option<Recovery>) -> Self {
        match recovery {
            None => Self {
                outcome: "nothing",
                change: None,
                warnings: Vec::new(),
                text: "nothing to recover: no change of this card was interrupted".to_owned(),
            },
            Some(recovery) => Self {
                outcome: recovery.way.name(),
                text: format!("the change ({}) is {}", recovery.purpose, recovery.way),
                change: Some(recovery.purpose),
                warnings: recovery.warnings,
            },
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text))
    }
}
