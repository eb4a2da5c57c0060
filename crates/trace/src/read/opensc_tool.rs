//! What `opensc-tool -s` prints: commands, status words, and answers as rows of bytes with their characters
//! behind them.
//!
//! ```text
//! Using reader with a card: Some Reader 00 00
//! Sending: 00 A4 04 00
//! Received (SW1=0x90, SW2=0x00):
//! 6F 12 84 10 A0 00 00 00 63 50 4B 43 53 2D 31 35 o.......cPKCS-15
//! ```

use zeroize::Zeroizing;

use super::{Place, Reading, digits};
use crate::event::{Event, Sent, What};

const READER: &str = "Using reader with a card: ";
const COMMAND: &str = "Sending: ";
const ANSWER: &str = "Received (SW1=0x";

/// How many bytes a row has at most.
const ROW: usize = 16;

/// Whether some line of this text is one of such an output.
pub(super) fn is_log(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    lines.any(|line| line.starts_with(COMMAND) || line.starts_with(ANSWER))
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    let mut card: Option<String> = None;
    let mut open: Option<(Place, Zeroizing<Vec<u8>>, [u8; 2])> = None;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start();
        let indent = line.chars().count().saturating_sub(content.chars().count());
        let place = Place::Line {
            line: index.saturating_add(1),
            column: indent.saturating_add(1),
        };
        if let Some((_, bytes, _)) = &mut open
            && let Some(row) = row(content)
        {
            bytes.extend_from_slice(&row);
            continue;
        }
        if let Some((place, mut bytes, status)) = open.take() {
            bytes.extend_from_slice(&status);
            let what = What::Answer { bytes, after: None };
            if !keep(what, place, card.as_deref(), reading) {
                return;
            }
        }
        if let Some(name) = content.strip_prefix(READER) {
            card = Some(name.trim_end().to_owned());
        } else if let Some(rest) = content.strip_prefix(COMMAND) {
            let run = digits::run(rest);
            if run.bytes.len() < 4 || run.length < rest.trim_end().chars().count() {
                reading.trouble(
                    place,
                    "a command in hexadecimal is expected behind the mark",
                );
                continue;
            }
            let what = What::Command(Sent::whole(run.bytes.to_vec()));
            if !keep(what, place, card.as_deref(), reading) {
                return;
            }
        } else if let Some(rest) = content.strip_prefix(ANSWER) {
            match status(rest) {
                Some(status) => open = Some((place, Zeroizing::default(), status)),
                None => {
                    reading.trouble(place, "the status word cannot be read; the line may be cut")
                }
            }
        }
    }
    if let Some((place, mut bytes, status)) = open {
        bytes.extend_from_slice(&status);
        keep(
            What::Answer { bytes, after: None },
            place,
            card.as_deref(),
            reading,
        );
    }
}

fn keep(what: What, place: Place, card: Option<&str>, reading: &mut Reading) -> bool {
    let event = Event {
        card: card.map(str::to_owned),
        time: None,
        what,
    };
    reading.keep(place, event)
}

/// `90, SW2=0x00)`.
fn status(rest: &str) -> Option<[u8; 2]> {
    let (first, rest) = rest.split_once(", SW2=0x")?;
    let (second, _) = rest.split_once(')')?;
    let byte = |digits| u8::from_str_radix(digits, 16).ok();
    Some([byte(first)?, byte(second)?])
}

/// A row of bytes, and behind them their characters: so many bytes that these are theirs.
fn row(line: &str) -> Option<Zeroizing<Vec<u8>>> {
    (1..=ROW).rev().find_map(|count| {
        let (columns, characters) = line.split_at_checked(3 * count)?;
        let bytes = digits::run(columns).bytes;
        let shown: String = bytes.iter().map(|byte| shown(*byte)).collect();
        (bytes.len() == count && characters.trim() == shown.trim()).then_some(bytes)
    })
}

/// The character that such a row has for a byte.
const fn shown(byte: u8) -> char {
    match byte {
        0x20..=0x7E => byte as char,
        _ => '.',
    }
}
