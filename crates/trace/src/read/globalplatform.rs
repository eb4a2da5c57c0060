//! What GlobalPlatformPro and apdu4j print with `-d`: commands and answers with their lengths, other lines in
//! between.
//!
//! ```text
//! SCardConnect("Some Reader", T=*) -> T=1, 3B8580018073C821100E
//! A>> T=1 (4+0008) 00A40400 08 A000000151000000
//! A<< (0018+2) (26ms) 6F108408A000000151000000A5049F6501FF 9000
//! << SCARD_E_NOT_TRANSACTED
//! ```
//!
//! The number of bytes of the data is said, in a terminal a line may go on in the next.

use core::time::Duration;

use kortlab_apdu::Protocol;
use zeroize::Zeroizing;

use super::{Place, Reading, digits};
use crate::event::{Sent, What};

const COMMAND: &str = "A>> ";
const ANSWER: &str = "A<< ";
const CONNECT: &str = "SCardConnect(\"";
const FAILED: &str = "<< SCARD_";

/// The most data bytes that are believed: those of an extended APDU.
const MAX_BYTES: usize = 66_000;

/// Whether some line of this text is one of such a log.
pub(super) fn is_log(text: &str) -> bool {
    let mut lines = text.lines().map(bare);
    lines.any(|line| line.starts_with(COMMAND) || line.starts_with(ANSWER))
}

/// A command or an answer whose bytes are not all there yet.
struct Open {
    place: Place,
    is_command: bool,
    bytes: Zeroizing<Vec<u8>>,
    /// How many bytes there are at least.
    least: usize,
    after: Option<Duration>,
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    let mut card: Option<String> = None;
    let mut open: Option<Open> = None;
    for (index, line) in text.lines().enumerate() {
        let content = bare(line);
        // Each of the signs is one byte.
        let indent = line.len().saturating_sub(content.len());
        let place = |column: usize| Place::Line {
            line: index.saturating_add(1),
            column: indent.saturating_add(column).saturating_add(1),
        };
        // Where a terminal has broken a line, it goes on at the next one's start.
        if let Some(unfinished) = &mut open {
            let run = digits::run(content);
            let missing = unfinished.least.saturating_sub(unfinished.bytes.len());
            if missing > 0 && !run.bytes.is_empty() && run.behind.trim().is_empty() {
                unfinished.bytes.extend_from_slice(&run.bytes);
                continue;
            }
        }
        if let Some(done) = open.take()
            && !end(done, card.as_deref(), reading)
        {
            return;
        }
        if let Some(rest) = content.strip_prefix(COMMAND) {
            open = start(rest, true, place(0), reading);
        } else if let Some(rest) = content.strip_prefix(ANSWER) {
            open = start(rest, false, place(0), reading);
        } else if let Some(rest) = content.strip_prefix(CONNECT) {
            let (name, what) = connected(rest);
            card = Some(reading.name(place(0), name));
            if let Some(what) = what
                && !reading.keep(place(0), card.as_deref(), what)
            {
                return;
            }
        } else if content.starts_with(FAILED) {
            let why = content.trim_start_matches("<< ").trim_end().to_owned();
            let what = What::NoAnswer { why, after: None };
            if !reading.keep(place(0), card.as_deref(), what) {
                return;
            }
        }
    }
    if let Some(done) = open {
        end(done, card.as_deref(), reading);
    }
}

/// A line without the signs that quote it.
fn bare(line: &str) -> &str {
    line.trim_start_matches([' ', '\t', '#'])
}

/// What stands behind the mark: the protocol, `(4+0008)` or `(0018+2)`, perhaps a time, and the bytes.
fn start(rest: &str, is_command: bool, place: Place, reading: &mut Reading) -> Option<Open> {
    let rest = rest
        .strip_prefix("T=0 ")
        .or_else(|| rest.strip_prefix("T=1 "))
        .or_else(|| rest.strip_prefix("T=CL "))
        .unwrap_or(rest);
    let parts = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let numbers = parts.and_then(|(numbers, rest)| {
        let (one, other) = numbers.split_once('+')?;
        let sum = digits::number::<usize>(one)?.checked_add(digits::number(other)?)?;
        (sum <= MAX_BYTES).then_some((sum, rest))
    });
    let Some((least, rest)) = numbers else {
        reading.trouble(place, "the line does not say how many bytes it has");
        return None;
    };
    let rest = rest.trim_start();
    let (after, rest) = match rest
        .strip_prefix('(')
        .and_then(|rest| rest.split_once("ms)"))
    {
        Some((time, rest)) => {
            let time = digits::number(time.trim()).map(Duration::from_millis);
            (time, rest)
        }
        None => (None, rest),
    };
    Some(Open {
        place,
        is_command,
        bytes: digits::run(rest).bytes,
        least,
        after,
    })
}

/// Keeps it. `false`: there are too many.
fn end(open: Open, card: Option<&str>, reading: &mut Reading) -> bool {
    let Open {
        place,
        is_command,
        bytes,
        least,
        after,
    } = open;
    let missing = least.saturating_sub(bytes.len());
    if missing > 0 {
        let what = format!("{missing} of {least} bytes are missing; the line may be cut");
        reading.trouble(place, what);
    }
    let what = match is_command {
        true => What::Command(Sent::cut(bytes.to_vec(), missing)),
        // Where the end is missing, so is the status word.
        false if missing > 0 => return true,
        false => What::Answer { bytes, after },
    };
    reading.keep(place, card, what)
}

/// The reader's name, and the card in it.
fn connected(rest: &str) -> (&str, Option<What>) {
    let (name, rest) = rest.split_once('"').unwrap_or((rest, ""));
    let card = rest.split_once("-> ").and_then(|(_, card)| {
        let (protocol, atr) = card.split_once(", ")?;
        let atr = digits::run(atr).bytes.to_vec();
        let protocol = match protocol {
            "T=0" => Some(Protocol::T0),
            "T=1" => Some(Protocol::T1),
            _ => None,
        };
        (!atr.is_empty()).then_some(What::Card { atr, protocol })
    });
    (name, card)
}
