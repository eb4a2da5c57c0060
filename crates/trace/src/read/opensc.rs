//! The debug log of OpenSC, as people post it: commands and answers as rows of bytes with their
//! characters behind them, other lines in between.
//!
//! ```text
//! … apdu.c:…:sc_single_transmit: CLA:0, INS:A4, P1:8, P2:0, data(2) …
//! … reader-pcsc.c:…:pcsc_transmit: reader 'Some Reader 00 00'
//! Outgoing APDU (8 bytes):
//! 00 A4 08 00 02 2F 00 00 ...../..
//! … reader-pcsc.c:…:pcsc_transmit:
//! Incoming APDU (2 bytes):
//! 6A 82 j.
//! ```
//!
//! The system's log, and those of containers, have a prefix before each line, rows included. Older ones say `Outgoing APDU data [    8 bytes] ====`. OpenSC shows PINs in it.

use zeroize::Zeroizing;

use super::{Place, Reading, digits};
use crate::event::{Sent, What};

/// What tells such a log.
pub(super) const MARKS: [&[u8]; 2] = [b"Outgoing APDU", b"Incoming APDU"];

/// The most bytes of one command or answer, as such a log may say: extended length and a header.
const MAX_BYTES: usize = 66_000;

struct Block {
    place: Place,
    /// How many bytes of its line stand before the head: another program's prefix may be before each row.
    prefix: usize,
    is_command: bool,
    length: usize,
    bytes: Zeroizing<Vec<u8>>,
}

pub(super) fn read(bytes: &[u8], reading: &mut Reading) {
    let text = String::from_utf8_lossy(bytes);
    let mut reader: Option<String> = None;
    let mut block: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        let line_number = index.saturating_add(1);
        let start = Place::Line {
            line: line_number,
            column: 1,
        };
        if let Some(open) = &mut block {
            let missing = open.length.saturating_sub(open.bytes.len());
            let behind = || row(line.get(open.prefix..)?, missing).filter(|_| open.prefix > 0);
            if let Some(row) = row(line, missing).or_else(behind) {
                open.bytes.extend_from_slice(&row);
                if open.bytes.len() < open.length {
                    continue;
                }
                if let Some(done) = block.take()
                    && !end(done, reader.as_deref(), reading)
                {
                    return;
                }
                continue;
            }
            // Another program's line may stand between the head and the rows.
            if !starts_something(line) && !open.bytes.is_empty() {
                continue;
            }
            if starts_something(line)
                && let Some(cut) = block.take()
                && !end(cut, reader.as_deref(), reading)
            {
                return;
            }
        }
        if let Some(name) = reader_name(line) {
            reader = Some(reading.name(start, name));
        }
        if let Some(atr) = atr(line) {
            let what = What::Card {
                atr,
                protocol: None,
            };
            if !reading.keep(start, reader.as_deref(), what) {
                return;
            }
        }
        if let Some((is_command, prefix, length)) = head(line) {
            let before = line.get(..prefix).unwrap_or_default();
            let place = Place::Line {
                line: line_number,
                column: before.chars().count().saturating_add(1),
            };
            match length {
                Some(length @ 1..=MAX_BYTES) => {
                    block = Some(Block {
                        place,
                        prefix,
                        is_command,
                        length,
                        bytes: Zeroizing::default(),
                    });
                }
                Some(0) => {}
                _ => reading.trouble(place, "the line does not say how many bytes follow"),
            }
        }
    }
    if let Some(cut) = block {
        end(cut, reader.as_deref(), reading);
    }
}

/// The answer to reset that a line tells: `ATR     : 3b:ff:96…`.
fn atr(line: &str) -> Option<Vec<u8>> {
    digits::atr(line.get(line.find("ATR     : ")?..)?)
}

fn starts_something(line: &str) -> bool {
    head(line).is_some()
}

/// Keeps a command or an answer, whole or cut. `false`: there are too many.
fn end(block: Block, reader: Option<&str>, reading: &mut Reading) -> bool {
    let Block {
        place,
        is_command,
        length,
        bytes,
        ..
    } = block;
    let missing = length.saturating_sub(bytes.len());
    if missing > 0 {
        let what = format!("{missing} of {length} bytes are missing; the log is cut here");
        reading.trouble(place, what);
    }
    let what = match is_command {
        true => What::Command(Sent::cut(bytes.to_vec(), missing)),
        // Where the end is missing, so is the status word: it was no such answer.
        false if missing > 0 => return true,
        false => What::Answer { bytes, after: None },
    };
    reading.keep(place, reader, what)
}

/// A head: whether of a command, at which byte it begins, and how many bytes it says.
fn head(line: &str) -> Option<(bool, usize, Option<usize>)> {
    let (is_command, at) = match (line.find("Outgoing APDU"), line.find("Incoming APDU")) {
        (Some(at), _) => (true, at),
        (None, Some(at)) => (false, at),
        (None, None) => return None,
    };
    let rest = line.get(at..)?.get("Outgoing APDU".len()..)?;
    let rest = rest.strip_prefix(" data").unwrap_or(rest).trim_start();
    let inside = rest.strip_prefix('(').or_else(|| rest.strip_prefix('['));
    let number = inside.map(str::trim_start).and_then(|inside| {
        let end = inside.find(|character: char| !character.is_ascii_digit())?;
        let (digits, rest) = inside.split_at_checked(end)?;
        rest.trim_start()
            .starts_with("byte")
            .then(|| digits.parse().ok())?
    });
    Some((is_command, at, number))
}

/// A row of at most `missing` bytes: pairs of digits with blanks between them, up to 16, then their
/// characters.
fn row(line: &str, missing: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut row = Zeroizing::new(Vec::with_capacity(16));
    let mut rest = line.trim_start_matches(['\t', ' ', '>', '|']);
    let most = missing.min(16);
    while row.len() < most {
        let pair = rest.get(..2)?;
        let Some(byte) = digits::byte(pair) else {
            break;
        };
        let behind = rest.get(2..)?;
        if !(behind.is_empty() || behind.starts_with([' ', '\t'])) {
            break;
        }
        row.push(byte);
        rest = behind.strip_prefix(' ').unwrap_or(behind);
        if rest.trim().is_empty() || rest.starts_with(' ') {
            break;
        }
    }
    (row.len() == most).then_some(row)
}

/// The name of the reader, where a line says which it is.
fn reader_name(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("reader '")?;
    (before.contains("transmit") || before.trim_end().ends_with(|c: char| c.is_ascii_digit()))
        .then(|| rest.split_once('\'').map(|(name, _)| name))?
}
