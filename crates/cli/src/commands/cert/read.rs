//! `kortlab cert read`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use kortlab_card::{Problem, Slot, SlotProblem};
use kortlab_explain::card::slot_id;
use kortlab_explain::certificate::holds_secret;
use kortlab_issuer::encoded;
use kortlab_terminal::new_file;
use serde::Serialize;

use super::find::find;
use crate::commands::{Context, recover, session};
use crate::failure::{Exit, Failure};
use crate::output::{Hex, warn};

/// Read a certificate from the card
///
/// ID is what `cert list` shows under ID; or a label; or the key's identifier if only one
/// certificate has it; or where several have one ID, their numbers in the directory, as `#3`. What is
/// no certificate is named for what it is (compressed, wrapped, cut) and given out with --raw only, byte
/// for byte.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab cert read 4331
  kortlab cert read 4331 | openssl x509 -noout -text
  kortlab cert read 4331 --der --out carrier.der
  kortlab cert read 4331 --raw --out what-is-there.bin")]
pub struct Arguments {
    /// Which certificate
    id: String,

    /// Write DER, not PEM
    #[arg(long)]
    der: bool,

    /// Write the bytes that are there, whatever they are
    #[arg(long, conflicts_with = "der")]
    raw: bool,

    /// Where to write it; standard output if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Overwrite a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// Reads it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (mut card, mut journal) = session::open_with_journal(context)?;
    let waiting = recover::waiting(&mut card, &mut journal)?;
    let slots = card.slots()?;
    let slot = find(card.contents(), &slots, &arguments.id)
        .map_err(|failure| failure.because(waiting.clone()))?;
    let problems = [problems(slot), waiting].concat();
    if arguments.raw {
        return raw(context, &arguments, slot, problems);
    }
    if !slot.info.as_ref().is_some_and(|info| info.is_whole) {
        return Err(no_certificate(slot, problems));
    }
    for finding in &slot.findings {
        warn(format!("{}: {finding}", slot_id(slot)));
    }
    let pem = encoded::certificate_pem(&slot.der)
        .map_err(|error| Failure::failed(error.to_string()).hint("--der writes it as DER"))?;
    let bytes = if arguments.der {
        &*slot.der
    } else {
        pem.as_bytes()
    };
    match &arguments.out {
        Some(path) => new_file::write(path, bytes, arguments.force)?,
        None if context.output.is_json() => context.output.report(&Read {
            id: slot_id(slot),
            der: Hex(&slot.der).to_string(),
            pem,
            problems,
        })?,
        None => context.output.bytes(bytes)?,
    }
    Ok(Exit::Done)
}

/// The bytes as they are on the card. Those of a private key are not given out.
fn raw(
    context: &mut Context,
    arguments: &Arguments,
    slot: &Slot,
    problems: Vec<Problem>,
) -> Result<Exit, Failure> {
    if holds_secret(&slot.der) || is_unread(slot) {
        return Err(no_certificate(slot, problems));
    }
    match &arguments.out {
        Some(path) => new_file::write(path, &slot.der, arguments.force)?,
        None if context.output.is_json() => context.output.report(&Raw {
            id: slot_id(slot),
            raw: Hex(&slot.der).to_string(),
            problems,
        })?,
        None => context.output.bytes(&slot.der)?,
    }
    Ok(Exit::Done)
}

/// What is wrong with a certificate, as reading alone tells.
fn problems(slot: &Slot) -> Vec<Problem> {
    let findings = slot.findings.iter();
    findings.map(|finding| finding.to_problem(slot)).collect()
}

/// Why there is no certificate to give out.
fn no_certificate(slot: &Slot, problems: Vec<Problem>) -> Failure {
    let id = slot_id(slot);
    let why: Vec<_> = slot.findings.iter().map(ToString::to_string).collect();
    let failure = Failure::new(
        Exit::Refused,
        format!("{id} is not given out as a certificate: {}", why.join("; ")),
    )
    .because(problems);
    if is_unread(slot) || holds_secret(&slot.der) {
        return match slot.findings.last() {
            Some(finding) => failure.hint(finding.next_step()),
            None => failure,
        };
    }
    failure.hint(format!(
        "`kortlab cert read {id} --raw --out FILE` writes the bytes that are there"
    ))
}

/// Whether nothing could be read.
fn is_unread(slot: &Slot) -> bool {
    slot.findings.iter().any(|finding| {
        matches!(
            finding,
            SlotProblem::Unreadable(_) | SlotProblem::WithoutFile | SlotProblem::NotX509
        )
    })
}

/// The JSON document.
#[derive(Serialize)]
struct Read {
    id: String,
    der: String,
    pem: String,
    /// What is wrong with it, and whether a change of the card waits.
    problems: Vec<Problem>,
}

/// The JSON document of `--raw`.
#[derive(Serialize)]
struct Raw {
    id: String,
    raw: String,
    /// What is wrong with it, and whether a change of the card waits.
    problems: Vec<Problem>,
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pem)
    }
}
