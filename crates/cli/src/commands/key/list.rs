//! `kortlab key list`.

use std::fmt;

use clap::Args;
use kortlab_card::{Key, KeyKind};
use serde::Serialize;

use crate::commands::{Context, session};
use crate::failure::{Exit, Failure};
use crate::output::{Hex, Table};

/// List the private keys
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab key list
  kortlab -c card.json key list --json")]
pub struct Arguments {}

/// Lists them.
pub fn run(context: &mut Context, Arguments {}: Arguments) -> Result<Exit, Failure> {
    let card = session::open(context)?;
    let keys = card.keys().iter().map(KeyEntry::from).collect();
    context.output.report(&Keys { keys })?;
    Ok(Exit::Done)
}

/// The JSON document.
#[derive(Serialize)]
struct Keys {
    keys: Vec<KeyEntry>,
}

/// One key.
#[derive(Serialize)]
pub struct KeyEntry {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// `rsa`, `ec` or `other`.
    kind: &'static str,
    bits: Option<u32>,
    usage: Vec<&'static str>,
    /// `auth`, `sign`, or null.
    pin: Option<&'static str>,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_consent: Option<u32>,
}

impl From<&Key> for KeyEntry {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.to_string(),
            label: key.label.clone(),
            kind: match key.kind {
                KeyKind::Rsa => "rsa",
                KeyKind::Ec => "ec",
                KeyKind::Other => "other",
            },
            bits: key.bits,
            usage: key.usage.names().collect(),
            pin: key.pin.map(|role| role.name()),
            path: Hex(&key.path).to_string(),
            user_consent: key.user_consent,
        }
    }
}

/// The keys as a table.
pub fn table(keys: &[KeyEntry]) -> Table {
    let mut table = Table::new(["ID", "Label", "Kind", "PIN", "Usage"]);
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
        table(&self.keys).fmt(f)
    }
}
