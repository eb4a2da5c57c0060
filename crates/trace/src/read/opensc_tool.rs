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

use super::{Place, Reading, digits, indent};
use crate::event::{Sent, What};

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

/// An answer whose rows may follow.
struct Open {
    place: Place,
    status: [u8; 2],
    bytes: Zeroizing<Vec<u8>>,
    /// Whether rows were announced.
    announced: bool,
    /// Whether a row was there that cannot be read.
    damaged: bool,
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    // Where one row has its characters, one without is cut.
    let has_characters = text.lines().any(|line| row(line.trim_start()).is_some());
    let mut card: Option<String> = None;
    let mut open: Option<Open> = None;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start();
        let indent = indent(line);
        let place = Place::Line {
            line: index.saturating_add(1),
            column: indent.saturating_add(1),
        };
        if let Some(answer) = &mut open {
            let bare = || bare_row(content).filter(|_| answer.announced && !has_characters);
            if let Some(row) = row(content).or_else(bare) {
                answer.bytes.extend_from_slice(&row);
                continue;
            }
            if answer.announced && !digits::run(content).bytes.is_empty() {
                reading.trouble(
                    place,
                    "this row has not the characters of its bytes behind them; it may be cut",
                );
                answer.damaged = true;
                continue;
            }
        }
        if let Some(answer) = open.take()
            && !answer.end(card.as_deref(), reading)
        {
            return;
        }
        if let Some(name) = content.strip_prefix(READER) {
            card = Some(reading.name(place, name.trim_end()));
        } else if let Some(rest) = content.strip_prefix(COMMAND) {
            let run = digits::run(rest);
            if run.bytes.len() < 4 || !run.behind.trim().is_empty() {
                reading.trouble(
                    place,
                    "a command in hexadecimal is expected behind the mark",
                );
                continue;
            }
            let what = What::Command(Sent::whole(run.bytes.to_vec()));
            if !reading.keep(place, card.as_deref(), what) {
                return;
            }
        } else if let Some(rest) = content.strip_prefix(ANSWER) {
            match status(rest) {
                Some((status, announced)) => {
                    open = Some(Open {
                        place,
                        status,
                        bytes: Zeroizing::default(),
                        announced,
                        damaged: false,
                    });
                }
                None => {
                    reading.trouble(place, "the status word cannot be read; the line may be cut")
                }
            }
        }
    }
    if let Some(answer) = open {
        answer.end(card.as_deref(), reading);
    }
}

impl Open {
    /// Keeps the answer, if all of it was there that can be told. `false`: there are too many.
    fn end(self, card: Option<&str>, reading: &mut Reading) -> bool {
        let Self {
            place,
            status: [sw1, sw2],
            mut bytes,
            announced,
            damaged,
        } = self;
        if damaged || (announced && bytes.is_empty()) {
            let what = format!(
                "bytes of this answer are missing: {} are there, and its status word {sw1:02X}{sw2:02X}",
                bytes.len()
            );
            reading.trouble(place, what);
            return true;
        }
        bytes.extend_from_slice(&[sw1, sw2]);
        reading.keep(place, card, What::Answer { bytes, after: None })
    }
}

/// `90, SW2=0x00)`, and a colon where rows follow.
fn status(rest: &str) -> Option<([u8; 2], bool)> {
    let (first, rest) = rest.split_once(", SW2=0x")?;
    let (second, rest) = rest.split_once(')')?;
    Some((
        [digits::byte(first)?, digits::byte(second)?],
        rest.starts_with(':'),
    ))
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

/// A row of bytes and nothing else, as it is posted where the characters were taken off.
fn bare_row(line: &str) -> Option<Zeroizing<Vec<u8>>> {
    let run = digits::run(line);
    let is_row = (1..=ROW).contains(&run.bytes.len()) && !run.single;
    (is_row && run.behind.trim().is_empty()).then_some(run.bytes)
}

/// The character that such a row has for a byte.
const fn shown(byte: u8) -> char {
    match byte {
        0x20..=0x7E => byte as char,
        _ => '.',
    }
}
