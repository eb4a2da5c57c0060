//! `kortlab pin status`.

use std::fmt;

use clap::Args;
use kortlab_card::{Card, Problem, WhyUnknown};
use kortlab_explain::card::PinEntry;
use serde::Serialize;

use crate::channel::AnyChannel;
use crate::commands::problem::{self, Shown};
use crate::commands::{Context, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{Cell, ERROR, GOOD, Table, WARNING};

/// Show the PINs and how many tries each has left; costs no try
///
/// Exits 6 if something is wrong, an error or a warning: with what the card says of its PINs and
/// keys, with a PIN whose state cannot be found out, or if a change waits for `kortlab recover`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab pin status
  kortlab -c card.json pin status --json")]
pub struct Arguments {}

/// Shows them.
pub fn run(context: &mut Context, Arguments {}: Arguments) -> Result<Exit, Failure> {
    let (mut card, mut journal) = session::open_for_pins(context)?;
    let waiting = recover::waiting(&mut card, &mut journal)?;
    let (pins, unknown) = read(&mut card)?;
    let problems: Vec<_> = card
        .contents()
        .problems
        .iter()
        .chain(&unknown)
        .chain(&waiting)
        .cloned()
        .collect();
    let exit = match problem::count(&problems) {
        0 => Exit::Done,
        _ => Exit::Findings,
    };
    context.output.report(&Pins { pins, problems })?;
    Ok(exit)
}

/// All PINs of a card and their states, and what is wrong where one could not be found out.
pub fn read(card: &mut Card<AnyChannel>) -> Result<(Vec<PinEntry>, Vec<Problem>), Failure> {
    let found = card.pin_states()?;
    let pins = found.iter().map(PinEntry::new).collect();
    let problems = found.into_iter().filter_map(|found| found.problem);
    let problems = problems.chain(card.pins_of_others()?);
    Ok((pins, problems.collect()))
}

/// The JSON document.
#[derive(Serialize)]
struct Pins {
    pins: Vec<PinEntry>,
    /// What is wrong with the files that describe the PINs, or with a PIN; a change of the card
    /// that waits for `kortlab recover`, if there is one.
    problems: Vec<Problem>,
}

/// The PINs as a table.
pub fn table(pins: &[PinEntry]) -> Table {
    let mut table = Table::new(["PIN", "Label", "ID", "Reference", "State"])
        .or("no PINs were found on the card");
    for pin in pins {
        table.row([
            pin.title().into(),
            pin.label.clone().unwrap_or_default().into(),
            pin.id.clone().into(),
            pin.reference.clone().into(),
            state_cell(pin),
        ]);
    }
    table
}

fn state_cell(pin: &PinEntry) -> Cell {
    match (pin.state, pin.tries_left) {
        ("verified", _) => Cell::from("verified").styled(GOOD),
        ("blocked", _) => Cell::from("blocked").styled(ERROR),
        (_, Some(1)) => Cell::from("1 try left").styled(WARNING),
        (_, Some(tries)) => format!("{tries} tries left").into(),
        _ => match pin.why {
            // It is not verified, and the card is well.
            Some(why @ WhyUnknown::NotTold(_)) => why.to_string().into(),
            Some(why) => Cell::from(format!("unknown: {why}")).styled(WARNING),
            None => "unknown".into(),
        },
    }
}

/// What is to be known of the PINs beside the table, a line each.
pub fn notes(pins: &[PinEntry]) -> Vec<String> {
    let mut notes = Vec::new();
    if pins.iter().any(|pin| pin.roles.len() > 1) {
        notes.push(
            "one PIN is for everything: auth (Legitimering) and sign (Underskrift) are the same"
                .to_owned(),
        );
    }
    for pin in pins.iter().filter(|pin| !pin.contradictions.is_empty()) {
        notes.push(format!(
            "the rules for the PIN {} contradict each other: {}",
            pin.title(),
            pin.contradictions.join("; ")
        ));
    }
    notes
}

impl fmt::Display for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(&self.pins).fmt(f)?;
        for note in notes(&self.pins) {
            writeln!(f, "{note}")?;
        }
        if !self.problems.is_empty() {
            writeln!(f)?;
        }
        problem::folded(self.problems.iter().map(Shown::new)).fmt(f)
    }
}
