//! `kortlab cert read`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use der::pem::{LineEnding, encode_string};
use serde::Serialize;

use super::find::{find, slot_id};
use crate::commands::{Context, session};
use crate::failure::{Exit, Failure};
use crate::output::Hex;
use crate::world;

/// Read a certificate from the card
///
/// ID is what `cert list` shows under ID; or a label; or the key's identifier if only one
/// certificate has it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert read 4331
  kortlab cert read 4331 | openssl x509 -noout -text
  kortlab cert read 4331 --der --out carrier.der")]
pub struct Arguments {
    /// Which certificate
    id: String,

    /// Write DER, not PEM
    #[arg(long)]
    der: bool,

    /// Where to write it; standard output if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Overwrite a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// Reads it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let mut card = session::open(context)?;
    let slots = card.slots()?;
    let slot = find(&slots, &arguments.id)?;
    if slot.der.is_empty() {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "the certificate {} cannot be read: {}",
                slot_id(slot),
                slot.findings.join("; ")
            ),
        ));
    }
    let pem = encode_string("CERTIFICATE", LineEnding::LF, &slot.der)
        .map_err(|error| Failure::failed(format!("cannot write PEM: {error}")))?;
    let bytes = if arguments.der {
        slot.der.as_slice()
    } else {
        pem.as_bytes()
    };
    match &arguments.out {
        Some(path) => world::write(path, bytes, arguments.force)?,
        None if context.output.is_json() || !arguments.der => context.output.report(&Read {
            id: slot_id(slot),
            der: Hex(&slot.der).to_string(),
            pem,
        })?,
        None => context.output.bytes(bytes)?,
    }
    Ok(Exit::Done)
}

/// The JSON document.
#[derive(Serialize)]
struct Read {
    id: String,
    der: String,
    pem: String,
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pem)
    }
}
