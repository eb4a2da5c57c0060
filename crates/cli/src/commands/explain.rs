//! `kortlab explain`: what bytes, traces and logs mean.

mod blocks;

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use clap::builder::PossibleValuesParser;
use kortlab_apdu::ByteCount;
use kortlab_explain::kind::Kind;
use kortlab_explain::{Explanation, printable, written};
use kortlab_trace::{MAX_TRACE, Reading, Source, What, packed, utf16_text};
use serde::Serialize;

use self::blocks::{Blocks, Explanations};
use super::Context;
use super::problem::{Shown, count, folded};
use super::trace::Session;
use crate::certificate_file::unusable;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::hexadecimal;
use crate::output::{BOLD, DIM, note, warn};

/// Say what a command, an answer, a status word, an ATR, a file of a card, a certificate, a trace or
/// a log means
///
/// WHAT is hexadecimal, base64, an array or a text with escapes of a programming language, or a file:
/// DER, PEM (of several blocks each), text of these forms, rows of xxd, hexdump, `od -t x1` or Wireshark, a trace, or what people post
/// of their cards: a debug log of OpenSC (OPENSC_DEBUG=9), a log of pcscd with APDUs, of
/// GlobalPlatformPro and apdu4j, of apdutool, and what opensc-tool, scriptor, pyscard, pySim, JCShell,
/// GPShell and pcsc_scan print. Of traces and logs it knows what was selected, verified and read
/// before. Exits 6 if something is wrong with what was given.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab explain 6A82
  kortlab explain 00 A4 08 00 04 50 15 44 03
  kortlab explain --as odf A40A300804063F0050154403
  kortlab explain MAYwBAwCQUI=
  kortlab explain '{0x00, 0xA4, 0x04, 0x00}'
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
    /// Those of a text in PEM.
    Blocks(Blocks),
    Session(Reading),
}

/// Explains it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let kind = arguments.kind.as_deref().and_then(Kind::named);
    match given(&arguments.what, kind)? {
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
        Given::Bytes(bytes) => report(context, &Explained(explain(kind, &bytes))),
        Given::Blocks(blocks) => report(
            context,
            &Explanations::new(&blocks, |der| explain(kind, der)),
        ),
    }
}

/// What bytes say that are of this kind, or of what they seem to be.
fn explain(kind: Option<Kind>, bytes: &[u8]) -> Explanation {
    let kind = kind.unwrap_or_else(|| Kind::guess(bytes));
    kind.explain(bytes)
}

fn report(context: &mut Context, explained: &impl Told) -> Result<Exit, Failure> {
    context.output.report(explained)?;
    Ok(match explained.findings() {
        0 => Exit::Done,
        _ => Exit::Findings,
    })
}

/// What is told, and how much is wrong with it.
trait Told: Serialize + fmt::Display {
    fn findings(&self) -> usize;
}

impl Told for Explained {
    fn findings(&self) -> usize {
        count(&self.0.problems)
    }
}

/// What was given: a file if there is one of that name, else the words themselves.
fn given(words: &[String], kind: Option<Kind>) -> Result<Given, Failure> {
    if let [name] = words {
        let path = PathBuf::from(name);
        if name == "-" || path.is_file() {
            return of_file(&path, kind);
        }
    }
    let text = words.join(" ");
    if let Some(bytes) = of_text(&text) {
        return bytes.map(Given::Bytes);
    }
    // Neither: what a reader of hexadecimal complains about is the most telling.
    let failure = hexadecimal::parse(&text).err();
    let failure = failure.unwrap_or_else(|| Failure::usage("there are no bytes"));
    Err(failure.hint("give hexadecimal, base64, or the name of a file that is there"))
}

fn of_file(path: &Path, kind: Option<Kind>) -> Result<Given, Failure> {
    let bytes = files::read_secret(path, MAX_TRACE)?;
    let of_utf16 = utf16_text(&bytes);
    let text = match &of_utf16 {
        Some(text) => Some(text.as_str()),
        None => str::from_utf8(bytes.strip_prefix(files::UTF8_MARK).unwrap_or(&bytes)).ok(),
    };
    if let Some(text) = text {
        if let Some(blocks) = Blocks::read(text) {
            let reading = kortlab_trace::read(text.as_bytes());
            match blocks.trouble() {
                // A session in whose text blocks stand.
                _ if kind.is_none() && is_session(&reading) => {
                    warn(format_args!(
                        "{}: there are blocks of PEM in it, too, which are not explained: give them in \
                         a file of their own",
                        path.display()
                    ));
                    return Ok(Given::Session(reading));
                }
                None => return Ok(Given::Blocks(blocks)),
                Some(trouble) if kind.is_none() && reading.is_empty() => {
                    return Err(unusable(path, trouble));
                }
                // Bytes of a kind that was said.
                Some(_) => {}
            }
        }
        if let Some(written) = of_text(text) {
            let named = |failure: Failure| {
                let message = format!("{}: {}", path.display(), failure.message());
                failure.saying(message)
            };
            let written = written.map_err(named)?;
            if kind.is_some_and(|kind| is_as_it_stands(kind, &bytes, &written, text)) {
                note(format_args!(
                    "{} was read as the bytes that it has; as text, in which bytes are written down, it would be {}",
                    path.display(),
                    ByteCount(written.len())
                ));
                return Ok(Given::Bytes(bytes.to_vec()));
            }
            note(format_args!(
                "{} was read as text, in which {} are written down",
                path.display(),
                ByteCount(written.len())
            ));
            return Ok(Given::Bytes(written));
        }
    }
    if kind.is_some() {
        return Ok(Given::Bytes(bytes.to_vec()));
    }
    if text.is_some_and(|text| text.trim().is_empty()) {
        let text = format!("there are no bytes in {}", path.display());
        return Err(Failure::failed(text).of_kind("invalid").hint(GIVE_THE_FILE));
    }
    let decoded = of_utf16.as_ref().map(|text| text.as_bytes());
    let reading = kortlab_trace::read(decoded.unwrap_or(&bytes));
    if !reading.is_empty() {
        return Ok(of_reading(reading));
    }
    let is_other = packed(&bytes).is_some() || reading.source == Source::Pcapng;
    match is_other || of_utf16.is_some() || is_text(&bytes, text) {
        true => Err(not_understood(path, &reading)),
        false => Ok(Given::Bytes(bytes.to_vec())),
    }
}

/// Whether a card has answered to a command there: no other text has that by chance.
fn is_session(reading: &Reading) -> bool {
    let has = |wanted: fn(&What) -> bool| {
        reading
            .entries
            .iter()
            .any(|entry| wanted(&entry.event.what))
    };
    has(|what| matches!(what, What::Command(_))) && has(|what| matches!(what, What::Answer { .. }))
}

/// A list of cards without commands is their answers to reset: of one card that.
fn of_reading(reading: Reading) -> Given {
    let mut atrs = reading.entries.iter().map(|entry| match &entry.event.what {
        What::Card { atr, .. } => Some(atr),
        _ => None,
    });
    if let (Some(Some(atr)), None) = (atrs.next(), atrs.next())
        && reading.troubles.is_empty()
    {
        return Given::Bytes(atr.clone());
    }
    Given::Session(reading)
}

/// Whether a file that may be text, too, is of the kind that was said, as it stands: it begins so, and what
/// is written down in it does not. Zeros in hexadecimal begin like DER does; as those are written, they have
/// blanks between them or behind.
fn is_as_it_stands(kind: Kind, bytes: &[u8], written: &[u8], text: &str) -> bool {
    let is_whole = || !text.contains(char::is_whitespace) || Kind::Tlv.begins(bytes);
    kind.begins(bytes) && !kind.begins(written) && is_whole()
}

/// Whether this, which is more than blanks, is a text, and so not what a card or a file in DER has. In a text a
/// few characters may be none: no log is shown as data objects, which would have its PINs in them.
fn is_text(bytes: &[u8], text: Option<&str>) -> bool {
    /// One byte of so many may be no character, of so many bytes at least.
    const ODD: usize = 16;
    let is_control = |character: char| character.is_control() && !character.is_whitespace();
    let odd = match text {
        Some(text) => text.chars().filter(|sign| is_control(*sign)).count(),
        None => {
            let is_odd = |byte: &&u8| !byte.is_ascii() || is_control(char::from(**byte));
            bytes.iter().filter(is_odd).count()
        }
    };
    match odd {
        0 => true,
        odd => odd.saturating_mul(ODD) <= bytes.len() && !Kind::Tlv.begins(bytes),
    }
}

/// A text of no form that is known: the first lines that were not understood are named.
fn not_understood(path: &Path, reading: &Reading) -> Failure {
    /// So many of them are told.
    const TOLD: usize = 3;
    let told = reading.troubles.iter().take(TOLD).map(ToString::to_string);
    let told: Vec<_> = told.collect();
    let why = match told.is_empty() {
        true => "there is no command, answer or other bytes in it".to_owned(),
        false => told.join("; "),
    };
    let more = reading.troubles.len().saturating_sub(TOLD);
    let more = match more {
        0 => String::new(),
        more => format!("; and {more} lines more"),
    };
    let text = format!("{} was not understood: {why}{more}", path.display());
    Failure::failed(text).of_kind("invalid").hint(
        "`kortlab explain --help` says which forms are; --as KIND takes the bytes as they stand",
    )
}

/// The bytes of a text that writes down bytes and is nothing else; base64 is not of words.
///
/// # Errors
/// It has one of the forms, but for a line.
fn of_text(text: &str) -> Option<Result<Vec<u8>, Failure>> {
    if text.trim().is_empty() {
        return None;
    }
    if let Some(written) = written::read(text) {
        let misfit = |misfit: written::Misfit| Failure::failed(misfit.to_string());
        return Some(written.map_err(|error| misfit(error).of_kind("invalid").hint(WHOLE)));
    }
    let of_base64 = || match text.trim().contains([' ', '\t']) {
        true => None,
        false => base64(text),
    };
    hexadecimal::parse(text).ok().or_else(of_base64).map(Ok)
}

/// What to do where a file is empty.
const GIVE_THE_FILE: &str = "give the file that was meant; --as KIND takes an empty one, too";

/// What to do where a line does not fit the others.
const WHOLE: &str = "give all of it, and nothing else; nothing is left out in silence";

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
        self.without_heading().fmt(f)
    }
}

impl Explained {
    /// All but what the bytes are.
    const fn without_heading(&self) -> Parts<'_> {
        Parts(&self.0)
    }
}

/// The parts of an explanation, and what is wrong with them.
struct Parts<'a>(&'a Explanation);

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(explanation) = self;
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
