//! The scripts of the Java Card simulator's `apdutool`, and what it prints: each command and its answer in a
//! line.
//!
//! ```text
//! powerup;
//! // select the applet
//! 0x00 0xA4 0x04 0x00 0x05 0xA0 0x00 0x00 0x00 0x62 0x7F;
//! CLA: 00, INS: a4, P1: 04, P2: 00, Lc: 05, a0, 00, 00, 00, 62, Le: 00, SW1: 6a, SW2: 82
//! ```

use kortlab_apdu::channel::Occasion;
use zeroize::Zeroizing;

use super::{Place, Reading, digits, indent};
use crate::event::{Sent, What};

/// What begins a line of output.
const OUTPUT: &str = "CLA: ";

/// Words of scripts that send nothing.
const WORDS: [&str; 6] = [
    "echo",
    "output",
    "delay",
    "contacted",
    "contactless",
    "extended",
];

/// Whether some line of this text is one of such a script or output.
pub(super) fn is_log(text: &str) -> bool {
    text.lines().any(|line| {
        let is_output = line.trim_start().starts_with(OUTPUT);
        is_output || (line.contains("0x") && has_command(&Code::of(line, false).text))
    })
}

/// Whether some statement of a line begins as a command does.
fn has_command(code: &str) -> bool {
    let mut statements = code.split(';').map(str::trim);
    statements.any(|words| {
        words.starts_with("0x") && statement(words).is_ok_and(|bytes| bytes.len() >= 2)
    })
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    // A command may go over several lines, up to its semicolon.
    let mut begun: Option<(Place, String)> = None;
    let mut comment: Option<Place> = None;
    for (index, line) in text.lines().enumerate() {
        let place = |column: usize| Place::Line {
            line: index.saturating_add(1),
            column: column.saturating_add(1),
        };
        let code = Code::of(line, comment.is_some());
        comment = match code.comment {
            None => None,
            Some(Open::Before) => comment,
            Some(Open::Here(column)) => Some(place(column)),
        };
        if let Some(column) = code.quote {
            reading.trouble(place(column), "the text that begins here does not end");
        }
        if code.text.trim_start().starts_with(OUTPUT) {
            if !told(code.text.trim(), place(indent(&code.text)), reading) {
                return;
            }
            continue;
        }
        let mut column = 0_usize;
        for part in code.text.split_inclusive(';') {
            let place = place(column.saturating_add(indent(part)));
            column = column.saturating_add(part.chars().count());
            let words = part.trim_end_matches(';').trim();
            match &mut begun {
                Some((_, before)) => {
                    before.push(' ');
                    before.push_str(words);
                }
                None if words.is_empty() => continue,
                None if words.starts_with("0x") || words.starts_with("0X") => {
                    begun = Some((place, words.to_owned()));
                }
                None => {
                    if !other(words, place, reading) {
                        return;
                    }
                }
            }
            if part.ends_with(';')
                && let Some((place, text)) = begun.take()
                && !command(&text, place, reading)
            {
                return;
            }
        }
    }
    if let Some((place, text)) = begun {
        reading.trouble(place, "the command does not end: a semicolon is missing");
        command(&text, place, reading);
    }
    if let Some(place) = comment {
        let what = "the comment that begins here does not end; what follows it is not read";
        reading.trouble(place, what);
    }
}

/// A line without what says nothing to a card.
struct Code {
    /// The line with blanks for its comments and quoted texts, character for character.
    text: String,
    /// The comment that goes on in the next line.
    comment: Option<Open>,
    /// The column of a quoted text that does not end.
    quote: Option<usize>,
}

/// Where a comment that does not end has begun.
enum Open {
    /// In a line before.
    Before,
    /// In this line, at this column.
    Here(usize),
}

impl Code {
    /// Of a line, before which a comment may have begun.
    fn of(line: &str, in_comment: bool) -> Self {
        let mut text = String::with_capacity(line.len());
        let mut comment = in_comment.then_some(Open::Before);
        let mut quote = None;
        let mut characters = line.chars().enumerate().peekable();
        while let Some((column, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            match (character, next) {
                ('*', Some('/')) if comment.is_some() => {
                    comment = None;
                    characters.next();
                    text.push_str("  ");
                    continue;
                }
                _ if comment.is_some() => {}
                ('"', _) => {
                    quote = match quote {
                        None => Some(column),
                        Some(_) => None,
                    };
                }
                _ if quote.is_some() => {}
                ('/', Some('/')) => break,
                ('/', Some('*')) => {
                    comment = Some(Open::Here(column));
                    characters.next();
                    text.push_str("  ");
                    continue;
                }
                _ => {
                    text.push(character);
                    continue;
                }
            }
            text.push(' ');
        }
        Self {
            text,
            comment,
            quote,
        }
    }
}

/// Another word of a script. `false`: there are too many events.
fn other(content: &str, place: Place, reading: &mut Reading) -> bool {
    let word = content.to_lowercase();
    let occasion = match word.as_str() {
        "powerup" => Occasion::PowerOn,
        "powerdown" => Occasion::PowerOff,
        _ => {
            if !WORDS.iter().any(|known| word.starts_with(known)) {
                reading.trouble(place, "this is no statement of such a script");
            }
            return true;
        }
    };
    reading.keep(place, None, What::Occasion(occasion))
}

fn command(text: &str, place: Place, reading: &mut Reading) -> bool {
    match statement(text) {
        Ok(bytes) if bytes.len() >= 4 => {
            reading.keep(place, None, What::Command(Sent::whole(bytes.to_vec())))
        }
        Ok(_) => {
            reading.trouble(place, "a command has four bytes or more");
            true
        }
        Err(what) => {
            reading.trouble(place, what);
            true
        }
    }
}

/// The bytes of `0x00 0xA4 …`.
fn statement(text: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 5 + 1));
    for token in text
        .split([' ', '\t', ','])
        .filter(|token| !token.is_empty())
    {
        let digits = token
            .strip_prefix("0x")
            .or_else(|| token.strip_prefix("0X"));
        let byte = digits.and_then(digits::byte);
        bytes.push(byte.ok_or("a byte as 0x00 is expected")?);
    }
    Ok(bytes)
}

/// A line of output: a command, and the answer to it. `false`: there are too many events.
fn told(content: &str, place: Place, reading: &mut Reading) -> bool {
    let Some((command, answer)) = exchange(content) else {
        reading.trouble(place, "the line is cut, or not as apdutool prints it");
        return true;
    };
    let command = What::Command(Sent::whole(command.to_vec()));
    let answer = What::Answer {
        bytes: answer,
        after: None,
    };
    reading.keep(place, None, command) && reading.keep(place, None, answer)
}

type Bytes = Zeroizing<Vec<u8>>;

/// The parts of a line: its names are those of the bytes that follow.
fn exchange(content: &str) -> Option<(Bytes, Bytes)> {
    let mut command = Zeroizing::new(Vec::with_capacity(content.len() / 3));
    let mut answer = Zeroizing::new(Vec::with_capacity(content.len() / 3));
    let mut status = Vec::new();
    let mut part = "";
    let mut expected = 0;
    for token in content.split(", ") {
        let (name, digits) = match token.split_once(": ") {
            Some((name, digits)) => (Some(name), digits),
            None => (None, token),
        };
        let byte = digits::byte(digits.trim())?;
        if let Some(name) = name {
            part = name;
        }
        match (part, name) {
            ("CLA" | "INS" | "P1" | "P2", Some(_)) => command.push(byte),
            ("Lc", Some(_)) => {
                expected = usize::from(byte);
                // Without data there is no Lc in the command.
                if byte > 0 {
                    command.push(byte);
                }
            }
            ("Lc", None) => command.push(byte),
            ("Le", Some(_)) => {}
            ("Le", None) => answer.push(byte),
            ("SW1" | "SW2", Some(_)) => status.push(byte),
            _ => return None,
        }
    }
    let data = command
        .len()
        .checked_sub(if expected > 0 { 5 } else { 4 })?;
    if status.len() != 2 || data != expected {
        return None;
    }
    // What is expected is not told: the number of bytes that came is.
    answer.extend_from_slice(&status);
    Some((command, answer))
}
