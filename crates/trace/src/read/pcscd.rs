//! The log of pcscd with APDUs, as people post it: `APDU: ` before a command, `SW: ` before an
//! answer (that is what pcscd calls all of it), other lines in between.
//!
//! ```text
//! 00000005 [140017007589056] APDU: 00 A4 04 0C 05 A0 00 00 00 01
//! 00171781 [140017007589056] SW: 90 00
//! ```
//!
//! The first number is how many microseconds have passed since the line before, the second is the thread, of
//! which each program has its own. Where their lines mingle they are about different cards, since a card
//! answers one command at a time. pcscd shows PINs.

use core::time::Duration;
use std::collections::HashMap;

use zeroize::Zeroizing;

use super::{Place, Reading, digits, hexadecimal};
use crate::event::{Sent, What};

/// What stands before a command.
const COMMAND: &str = "APDU: ";
/// What stands before an answer.
const ANSWER: &str = "SW: ";

pub(super) fn read(bytes: &[u8], reading: &mut Reading) {
    let text = String::from_utf8_lossy(bytes);
    let mingled = mingled(&text);
    let mut clock = Duration::ZERO;
    // When each thread has sent its last command.
    let mut sent: HashMap<Option<&str>, Duration> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        clock = clock.saturating_add(passed(line).unwrap_or_default());
        let Some((is_command, at, digits)) = marked(line) else {
            if let Some(what) = card(line) {
                let place = Place::Line {
                    line: index.saturating_add(1),
                    column: 1,
                };
                if !reading.keep(place, None, what) {
                    return;
                }
            }
            continue;
        };
        let thread = thread(line, at);
        let before = line.get(..at).unwrap_or_default().chars().count();
        let place = |column: usize| Place::Line {
            line: index.saturating_add(1),
            column: before.saturating_add(column).saturating_add(1),
        };
        let digits = digits.trim_end();
        let bytes = match hexadecimal::bytes(digits) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err((column, what)) => {
                reading.trouble(place(column), what);
                continue;
            }
        };
        let what = match is_command {
            true => {
                sent.insert(thread, clock);
                What::Command(Sent::whole(bytes.to_vec()))
            }
            false => {
                if bytes.len() < 2 {
                    let what = "an answer has at least two bytes; the line may be cut";
                    reading.trouble(place(digits.chars().count()), what);
                }
                let known = passed(line).and(sent.get(&thread));
                What::Answer {
                    bytes,
                    after: known.map(|since| clock.saturating_sub(*since)),
                }
            }
        };
        let card = thread.filter(|_| mingled).map(|id| format!("thread {id}"));
        if !reading.keep(place(0), card.as_deref(), what) {
            return;
        }
    }
}

/// Whether an answer comes in one thread while the last command in another has none yet.
fn mingled(text: &str) -> bool {
    let mut waiting: Option<Option<&str>> = None;
    text.lines().any(|line| {
        let Some((is_command, at, _)) = marked(line) else {
            return false;
        };
        let thread = thread(line, at);
        match is_command {
            true => {
                waiting = Some(thread);
                false
            }
            false => waiting.take().is_some_and(|waiting| waiting != thread),
        }
    })
}

/// The thread of a line whose mark ends at this byte.
fn thread(line: &str, at: usize) -> Option<&str> {
    /// As many digits as a number of a thread has at most.
    const DIGITS: usize = 20;
    let (_, behind) = line.get(..at)?.rsplit_once('[')?;
    let (id, _) = behind.split_once(']')?;
    let is_id = (1..=DIGITS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then_some(id)
}

/// The card that was put in or reset: `Card ATR: 3B …`.
fn card(line: &str) -> Option<What> {
    let at = line.find("Card ATR: ")?;
    let atr = digits::atr(line.get(at..)?)?;
    Some(What::Card {
        atr,
        protocol: None,
    })
}

/// Whether some line of these bytes is one of such a log, with a command or an answer.
pub(super) fn is_log(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| str::from_utf8(line).ok())
        .any(|line| marked(line).is_some())
}

/// Whether a line has a command, what stands behind its mark, and at which byte that begins.
fn marked(line: &str) -> Option<(bool, usize, &str)> {
    let content = line.trim_end();
    for (mark, is_command) in [(COMMAND, true), (ANSWER, false)] {
        // A line that is cut behind its mark has it all the same.
        let bare = mark.trim_end();
        let cut = || content.strip_suffix(bare).map(str::len);
        let Some(at) = content.find(mark).or_else(cut) else {
            continue;
        };
        if is_head(content.get(..at)?) {
            let start = at.saturating_add(mark.len()).min(content.len());
            return Some((is_command, start, content.get(start..)?));
        }
    }
    None
}

/// Whether this can stand before a mark: nothing, or what ends with the time that has passed, with
/// a thread, or with the name of the program, as the system's log has it.
fn is_head(head: &str) -> bool {
    let head = head.trim();
    let last = head.rsplit(' ').next().unwrap_or_default();
    let is_time = last.len() == 8 && last.bytes().all(|byte| byte.is_ascii_digit());
    !head.starts_with('#') && (head.is_empty() || is_time || head.ends_with([']', ':']))
}

/// How many microseconds a line says have passed.
fn passed(line: &str) -> Option<Duration> {
    let digits = line.trim_start().split(' ').next()?;
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(Duration::from_micros)
}
