//! `kortlab explain`: what bytes, traces and logs mean.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use clap::builder::PossibleValuesParser;
use kortlab_explain::kind::Kind;
use kortlab_explain::{Explanation, printable};
use kortlab_trace::{MAX_TRACE, Reading};
use serde::Serialize;

use super::Context;
use super::problem::{Shown, count, folded};
use super::trace::Session;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::hexadecimal;
use crate::output::{BOLD, DIM, warn};

/// Say what a command, an answer, a status word, an ATR, a file of a card, a certificate, a trace or
/// a log means
///
/// WHAT is hexadecimal, base64, or a file: DER, PEM, text in hexadecimal or base64, a trace, a debug
/// log of OpenSC (OPENSC_DEBUG=9) or a log of pcscd with APDUs, as people post them. Of traces and
/// logs it knows what was selected, verified and read before. Exits 6 if something is wrong with
/// what was given.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab explain 6A82
  kortlab explain 00 A4 08 00 04 50 15 44 03
  kortlab explain --as odf A40A300804063F0050154403
  kortlab explain MAYwBAwCQUI=
  kortlab explain hcc.pem
  kortlab explain session.apdu
  kortlab explain opensc-debug.log")]
pub struct Arguments {
    /// Hexadecimal, base64, or the name of a file; - is standard input
    #[arg(value_name = "WHAT", required = true)]
    what: Vec<String>,

    /// What the bytes are, if they are not to be guessed
    #[arg(long = "as", value_name = "KIND", value_parser = PossibleValuesParser::new(Kind::names()))]
    kind: Option<String>,
}

/// Bytes, or what passed between a program and a card.
enum Given {
    Bytes(Vec<u8>),
    Session(Reading),
}

/// Explains it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let kind = arguments.kind.as_deref().and_then(Kind::named);
    match given(&arguments.what, kind.is_some())? {
        Given::Session(reading) => {
            let session = Session::new(&reading);
            context.output.report(&session)?;
            for trouble in &reading.troubles {
                warn(trouble);
            }
            Ok(match reading.troubles.is_empty() {
                true => Exit::Done,
                false => Exit::Findings,
            })
        }
        Given::Bytes(bytes) => {
            let kind = kind.unwrap_or_else(|| Kind::guess(&bytes));
            let explained = Explained(kind.explain(&bytes));
            let exit = match count(&explained.0.problems) {
                0 => Exit::Done,
                _ => Exit::Findings,
            };
            context.output.report(&explained)?;
            Ok(exit)
        }
    }
}

/// What was given: a file if there is one of that name, else the words themselves.
fn given(words: &[String], as_bytes: bool) -> Result<Given, Failure> {
    if let [name] = words {
        let path = PathBuf::from(name);
        if name == "-" || path.is_file() {
            return of_file(&path, as_bytes);
        }
    }
    let text = words.join(" ");
    if let Some(bytes) = of_text(&text) {
        return Ok(Given::Bytes(bytes));
    }
    // Neither: what a reader of hexadecimal complains about is the most telling.
    let failure = hexadecimal::parse(&text).err();
    let failure = failure.unwrap_or_else(|| Failure::usage("there are no bytes"));
    Err(failure.hint("give hexadecimal, base64, or the name of a file that is there"))
}

fn of_file(path: &Path, as_bytes: bool) -> Result<Given, Failure> {
    let bytes = files::read_secret(path, MAX_TRACE)?;
    if let Ok(text) = str::from_utf8(&bytes) {
        if let Some(der) = pem(text) {
            return Ok(Given::Bytes(der));
        }
        if let Some(bytes) = of_text(text) {
            return Ok(Given::Bytes(bytes));
        }
    }
    let reading = (!as_bytes).then(|| kortlab_trace::read(&bytes));
    Ok(match reading.filter(|reading| !reading.is_empty()) {
        Some(reading) => Given::Session(reading),
        None => Given::Bytes(bytes.to_vec()),
    })
}

/// What stands in the first block of PEM.
fn pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    base64(body)
}

/// The bytes of a text that is hexadecimal or base64 and nothing else; base64 is not of words.
fn of_text(text: &str) -> Option<Vec<u8>> {
    let is_blank = text.trim().is_empty();
    let is_words = text.trim().contains([' ', '\t']);
    let bytes = hexadecimal::parse(text).ok();
    bytes
        .or_else(|| base64(text).filter(|_| !is_words))
        .filter(|_| !is_blank)
}

/// The bytes of base64, padded, line feeds anywhere.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    STANDARD.decode(digits).ok()
}

/// What the bytes say.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Explained(pub Explanation);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explanation = &self.0;
        writeln!(f, "{BOLD}{}{BOLD:#}", explanation.what)?;
        for (depth, node) in explanation.lines() {
            let indent = 2 * depth;
            let offset = node.span.offset;
            writeln!(
                f,
                "  {DIM}{offset:04X}{DIM:#}  {:indent$}{}",
                "",
                printable(&node.to_string())
            )?;
        }
        write!(f, "{}", folded(explanation.problems.iter().map(Shown::new)))
    }
}
