//! Commands and answers behind arrows or words, as many programs print them: `scriptor`, pyscard, pySim,
//! JCShell, GPShell.
//!
//! ```text
//! > 00 A4 08 00 02 2F 00
//! < 6A 82 : File not found.
//! => 00 A4 04 00                                        ....
//! <= 6A 82                                              j.
//! Command --> 00A40400
//! Response <-- 6A82
//! ```
//!
//! A line that begins with blanks goes on where the one before ends, and so does one after a whole row of
//! scriptor's. That shows each command of its file, too, before it says that it sends it. pySim says the status word first and
//! the data behind a colon; pyscard writes `90 0`.

use kortlab_apdu::ResetKind;
use kortlab_apdu::channel::Occasion;
use zeroize::Zeroizing;

use super::{Place, Reading, digits, indent};
use crate::event::{Sent, What};

/// What stands before a command, and before an answer; longer ones first.
const MARKS: [(&str, Kind); 19] = [
    ("Wrapped command -->", Kind::Instead),
    ("Unwrapped response <--", Kind::Again),
    ("Command -->", Kind::Command),
    ("Response <--", Kind::Answer),
    ("C-APDU:", Kind::Command),
    ("R-APDU:", Kind::Answer),
    ("CAPDU:", Kind::Command),
    ("RAPDU:", Kind::Answer),
    ("-->", Kind::Command),
    ("<--", Kind::Answer),
    (">>>", Kind::Command),
    ("<<<", Kind::Answer),
    ("=>", Kind::Command),
    ("<=", Kind::Answer),
    ("->", Kind::Command),
    ("<-", Kind::Answer),
    (">>", Kind::Command),
    ("<<", Kind::Answer),
    (">", Kind::Command),
];
const LAST: (&str, Kind) = ("<", Kind::Answer);

/// How many bytes in a row are more than a number.
const RUN: usize = 4;

/// How many bytes scriptor puts into a line.
const ROW: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Command,
    Answer,
    /// The command as it was sent, in the place of the one just told.
    Instead,
    /// The answer just told, with its protection taken off.
    Again,
}

/// Whether some line of this text has a command behind such a mark.
pub(super) fn is_log(text: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| {
        marked(line.trim_start()).is_some_and(|(kind, rest)| {
            kind == Kind::Command && digits::run(rest).bytes.len() >= RUN
        })
    })
}

/// What was begun, and may go on in the next line.
struct Open {
    place: Place,
    is_command: bool,
    bytes: Zeroizing<Vec<u8>>,
    /// Whether the line ended behind its bytes.
    goes_on: bool,
    /// How many bytes the line had.
    row: usize,
}

/// Bytes without a mark: a program may have shown what it was given, before it says what it sends.
struct Bare {
    place: Place,
    bytes: Zeroizing<Vec<u8>>,
}

impl Bare {
    fn tell(self, reading: &mut Reading) {
        let what = "these bytes have no mark that says whether they are a command or an answer";
        reading.trouble(self.place, what);
    }
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    let mut open: Option<Open> = None;
    let mut bare: Option<Bare> = None;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start();
        let indent = indent(line);
        let place = Place::Line {
            line: index.saturating_add(1),
            column: indent.saturating_add(1),
        };
        let Some((kind, rest)) = marked(content) else {
            let run = digits::run(content);
            if let Some(unfinished) = &mut open
                && (indent > 0 || (!unfinished.is_command && unfinished.row == ROW))
                && unfinished.goes_on
                && !run.bytes.is_empty()
            {
                unfinished.bytes.extend_from_slice(&run.bytes);
                unfinished.goes_on = is_at_end(run.behind);
                unfinished.row = run.bytes.len();
            } else if let Some(atr) = digits::atr(content) {
                if !finish(&mut open, reading) {
                    return;
                }
                let what = What::Card {
                    atr,
                    protocol: None,
                };
                if !reading.keep(place, None, what) {
                    return;
                }
            } else if run.bytes.len() >= RUN {
                let before = bare.replace(Bare {
                    place,
                    bytes: run.bytes,
                });
                if let Some(before) = before {
                    before.tell(reading);
                }
            }
            continue;
        };
        if let Some(before) = bare.take() {
            let is_same = kind == Kind::Command && *before.bytes == *digits::run(rest).bytes;
            if !is_same {
                before.tell(reading);
            }
        }
        if kind == Kind::Again {
            continue;
        }
        if let Some(what) = reset(kind, rest.trim()) {
            if !finish(&mut open, reading) || !reading.keep(place, None, what) {
                return;
            }
            continue;
        }
        if kind == Kind::Instead && open.as_ref().is_some_and(|open| open.is_command) {
            open = None;
        }
        if !finish(&mut open, reading) {
            return;
        }
        open = begin(kind, rest, place, reading);
    }
    if let Some(before) = bare {
        before.tell(reading);
    }
    finish(&mut open, reading);
}

/// What scriptor says of a reset: `> RESET`, `< OK: 3B …`.
fn reset(kind: Kind, rest: &str) -> Option<What> {
    if kind == Kind::Command && rest.eq_ignore_ascii_case("reset") {
        return Some(What::Occasion(Occasion::Reset(ResetKind::Cold)));
    }
    let atr = rest.strip_prefix("OK:").filter(|_| kind == Kind::Answer)?;
    let atr = digits::run(atr).bytes.to_vec();
    matches!(atr.first(), Some(0x3B | 0x3F)).then_some(What::Card {
        atr,
        protocol: None,
    })
}

fn begin(kind: Kind, rest: &str, place: Place, reading: &mut Reading) -> Option<Open> {
    let is_command = kind != Kind::Answer;
    // pyscard says `[]` where only the status word came.
    let empty = rest.trim_start().strip_prefix("[]").filter(|_| !is_command);
    let rest = empty.unwrap_or(rest);
    let run = digits::run(rest);
    let mut bytes = run.bytes;
    let behind = run.behind;
    let mut goes_on = is_at_end(behind);
    if !is_command
        && bytes.len() == 2
        && let Some(data) = behind.strip_prefix(':')
    {
        let data = digits::run(data);
        if !data.bytes.is_empty() && !data.single {
            let mut whole = data.bytes;
            whole.extend_from_slice(&bytes);
            bytes = whole;
            goes_on = false;
        }
    }
    let least = if is_command { RUN } else { 2 };
    if bytes.len() < least || (is_command && run.single) {
        let what = match is_command {
            true => "a command is expected behind the mark: four bytes or more in hexadecimal",
            false => "an answer is expected behind the mark: two bytes or more in hexadecimal",
        };
        reading.trouble(place, what);
        return None;
    }
    let row = bytes.len();
    Some(Open {
        place,
        is_command,
        bytes,
        goes_on,
        row,
    })
}

/// Keeps what was begun. `false`: there are too many.
fn finish(open: &mut Option<Open>, reading: &mut Reading) -> bool {
    let Some(open) = open.take() else {
        return true;
    };
    let what = match open.is_command {
        true => What::Command(Sent::whole(open.bytes.to_vec())),
        false => What::Answer {
            bytes: open.bytes,
            after: None,
        },
    };
    reading.keep(open.place, None, what)
}

/// The mark at the start of a line, and what stands behind it.
fn marked(content: &str) -> Option<(Kind, &str)> {
    let mut marks = MARKS.iter().chain([&LAST]);
    marks.find_map(|(mark, kind)| Some((*kind, content.strip_prefix(mark)?)))
}

/// Whether a line ends behind its bytes, or has only their characters there.
fn is_at_end(behind: &str) -> bool {
    behind.trim().is_empty() || behind.starts_with("  ")
}
