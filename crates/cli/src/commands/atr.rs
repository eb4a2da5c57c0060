//! `kortlab atr`: decodes an answer to reset.

use std::fmt;

use clap::Args;
use kortlab_apdu::Channel as _;
use kortlab_explain::atr::Words;
use serde::Serialize;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::hexadecimal;
use crate::output::{Cell, Table, WARNING};

/// Decode the card's answer to reset (ATR), or the one given
///
/// Exits 6 if something in it does not fit the standard.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab atr
  kortlab -c card.json atr
  kortlab atr 3B7D96000080318065B0A31101F383009000")]
pub struct Arguments {
    /// The ATR in hexadecimal; blanks and colons between the bytes are allowed
    #[arg(value_name = "HEX")]
    hex: Vec<String>,
}

/// Decodes and prints.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (bytes, wrong) = if arguments.hex.is_empty() {
        let channel = context.open_channel()?;
        (channel.atr().to_vec(), Exit::Refused)
    } else {
        (hexadecimal::parse(&arguments.hex.join(" "))?, Exit::Failed)
    };
    let words = Words::new(&bytes).map_err(|error| {
        let next_step = match wrong {
            Exit::Failed => "give all of its bytes, as `kortlab atr` or pcsc_scan shows them",
            _ => "put the card in again, cleaned; if it comes again, the card or its reader is broken",
        };
        Failure::new(wrong, format!("not an ATR: {error}"))
            .hint(next_step)
            .because(kortlab_explain::atr::explain(&bytes).problems)
    })?;
    let exit = match words.findings() {
        [] => Exit::Done,
        _ => Exit::Findings,
    };
    context.output.report(&Decoded(words))?;
    Ok(exit)
}

/// The JSON document, and the table.
#[derive(Serialize)]
struct Decoded(Words);

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::plain();
        for (name, text) in self.0.rows() {
            table.row([name.into(), text.into()]);
        }
        for finding in self.0.findings() {
            let offset = finding.offset().unwrap_or_default();
            let text = format!("at byte {offset}: {}", finding.message());
            table.row(["Finding".into(), Cell::from(text).styled(WARNING)]);
        }
        table.fmt(f)
    }
}
