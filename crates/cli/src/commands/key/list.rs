//! `kortlab key list`.

use std::fmt;

use clap::Args;
use kortlab_card::Problem;
use kortlab_explain::card::KeyEntry;
use serde::Serialize;

use crate::commands::problem::{self, Shown};
use crate::commands::{Context, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::Table;

/// List the private keys
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab key list
  kortlab -c card.json key list --json")]
pub struct Arguments {}

/// Lists them.
pub fn run(context: &mut Context, Arguments {}: Arguments) -> Result<Exit, Failure> {
    let (mut card, mut journal) = session::open_with_journal(context)?;
    let waiting = recover::waiting(&mut card, &mut journal)?;
    let keys = card.keys().iter().map(KeyEntry::from).collect();
    let problems = [card.contents().problems.clone(), waiting].concat();
    context.output.report(&Keys { keys, problems })?;
    Ok(Exit::Done)
}

/// The JSON document.
#[derive(Serialize)]
struct Keys {
    keys: Vec<KeyEntry>,
    /// What is wrong with the card's PKCS#15 files.
    problems: Vec<Problem>,
}

/// What is to be known of the keys beside the table, a line each.
pub fn notes(keys: &[KeyEntry]) -> Vec<String> {
    let others: Vec<_> = keys
        .iter()
        .filter(|key| !key.supported)
        .map(|key| key.id.as_str())
        .collect();
    if others.is_empty() {
        return Vec::new();
    }
    let list = others.join(", ");
    vec![format!(
        "not supported by kortlab, which works with RSA keys of 512 to 8192 bits: {list}"
    )]
}

/// The keys as a table.
pub fn table(keys: &[KeyEntry]) -> Table {
    let mut table = Table::new(["ID", "Label", "Kind", "PIN", "Usage"])
        .or("no private keys were found on the card");
    for key in keys {
        let bits = key.bits.map(|bits| format!("-{bits}")).unwrap_or_default();
        table.row([
            key.id.clone().into(),
            key.label.clone().unwrap_or_default().into(),
            format!("{}{bits}", key.kind.to_uppercase()).into(),
            key.pin.unwrap_or("none").into(),
            key.usage.join(", ").into(),
        ]);
    }
    table
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(&self.keys).fmt(f)?;
        for note in notes(&self.keys) {
            writeln!(f, "{note}")?;
        }
        if !self.problems.is_empty() {
            writeln!(f)?;
        }
        problem::folded(self.problems.iter().map(Shown::new)).fmt(f)
    }
}
