//! `kortlab pin status`.

use std::fmt;

use clap::Args;
use kortlab_card::{Card, PinObject, PinPurpose, PinRole, PinState};
use serde::Serialize;

use crate::channel::AnyChannel;
use crate::commands::{Context, session};
use crate::failure::{Exit, Failure};
use crate::output::{Cell, ERROR, GOOD, Table, WARNING};

/// Show the PINs and how many tries each has left; costs no try
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab pin status
  kortlab -c card.json pin status --json")]
pub struct Arguments {}

/// Shows them.
pub fn run(context: &mut Context, Arguments {}: Arguments) -> Result<Exit, Failure> {
    let mut card = session::open(context)?;
    let pins = read(&mut card)?;
    context.output.report(&Pins { pins })?;
    Ok(Exit::Done)
}

/// All PINs of a card and their states.
pub fn read(card: &mut Card<AnyChannel>) -> Result<Vec<PinEntry>, Failure> {
    card.pins()
        .into_iter()
        .map(|pin| {
            let state = card.state_of(&pin)?;
            let role = card.pin_by_id(&pin.auth_id).and_then(|(_, role)| role);
            Ok(PinEntry::new(&pin, role, state))
        })
        .collect()
}

/// The JSON document.
#[derive(Serialize)]
struct Pins {
    pins: Vec<PinEntry>,
}

/// One PIN or PUK.
#[derive(Serialize)]
pub struct PinEntry {
    /// `auth`, `sign`, `puk`, `so` or `other`.
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    id: String,
    reference: String,
    /// `verified`, `not-verified`, `blocked` or `unknown`.
    state: &'static str,
    /// Null if the card does not say.
    tries_left: Option<u8>,
    min_length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
}

impl PinEntry {
    fn new(pin: &PinObject, role: Option<PinRole>, state: PinState) -> Self {
        let (state, tries_left) = match state {
            PinState::Verified => ("verified", None),
            PinState::TriesLeft(tries) => ("not-verified", Some(tries)),
            PinState::Blocked => ("blocked", Some(0)),
            PinState::Unknown => ("unknown", None),
        };
        Self {
            name: match (pin.purpose, role) {
                (PinPurpose::Unblocking, _) => "puk",
                (PinPurpose::SecurityOfficer, _) => "so",
                (PinPurpose::User, Some(role)) => role.name(),
                (PinPurpose::User, None) => "other",
            },
            label: pin.label.clone(),
            id: pin.auth_id.to_string(),
            reference: format!("{:02X}", pin.reference),
            state,
            tries_left,
            min_length: pin.format.min_length,
            max_length: pin.format.max_length,
        }
    }

    fn state_cell(&self) -> Cell {
        match (self.state, self.tries_left) {
            ("verified", _) => Cell::from("verified").styled(GOOD),
            ("blocked", _) => Cell::from("blocked").styled(ERROR),
            (_, Some(1)) => Cell::from("1 try left").styled(WARNING),
            (_, Some(tries)) => format!("{tries} tries left").into(),
            _ => "unknown (the card does not say)".into(),
        }
    }
}

/// The PINs as a table.
pub fn table(pins: &[PinEntry]) -> Table {
    let mut table = Table::new(["PIN", "Label", "ID", "Reference", "State"]);
    for pin in pins {
        table.row([
            pin.name.into(),
            pin.label.clone().unwrap_or_default().into(),
            pin.id.clone().into(),
            pin.reference.clone().into(),
            pin.state_cell(),
        ]);
    }
    table
}

impl fmt::Display for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(&self.pins).fmt(f)
    }
}
