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

use super::{Place, Reading};
use crate::event::{Event, Sent, What};

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
    text.lines().map(str::trim).any(|line| {
        line.starts_with(OUTPUT)
            || (line.starts_with("0x") && statement(line).is_ok_and(|bytes| bytes.len() >= 4))
    })
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    // A command may go over several lines, up to its semicolon.
    let mut begun: Option<(Place, String)> = None;
    let mut in_comment = false;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        let indent = line.chars().count() - line.trim_start().chars().count();
        let place = Place::Line {
            line: index.saturating_add(1),
            column: indent.saturating_add(1),
        };
        if in_comment {
            in_comment = !content.contains("*/");
            continue;
        }
        if content.starts_with("/*") {
            in_comment = !content.contains("*/");
            continue;
        }
        let content = content.split("//").next().unwrap_or_default().trim_end();
        if content.is_empty() {
            continue;
        }
        if content.starts_with(OUTPUT) {
            if !told(content, place, reading) {
                return;
            }
            continue;
        }
        if let Some((_, before)) = &mut begun {
            before.push(' ');
            before.push_str(content);
        } else if content.starts_with("0x") || content.starts_with("0X") {
            begun = Some((place, content.to_owned()));
        } else if !other(content, place, reading) {
            return;
        }
        let is_whole = begun.as_ref().is_some_and(|(_, text)| text.ends_with(';'));
        if let Some((place, text)) = begun.take_if(|_| is_whole)
            && !command(&text, place, reading)
        {
            return;
        }
    }
    if let Some((place, text)) = begun {
        reading.trouble(place, "the command does not end: a semicolon is missing");
        command(&text, place, reading);
    }
}

/// Another word of a script. `false`: there are too many events.
fn other(content: &str, place: Place, reading: &mut Reading) -> bool {
    let word = content.trim_end_matches(';').trim().to_lowercase();
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
    keep(What::Occasion(occasion), place, reading)
}

fn command(text: &str, place: Place, reading: &mut Reading) -> bool {
    match statement(text) {
        Ok(bytes) if bytes.len() >= 4 => {
            keep(What::Command(Sent::whole(bytes.to_vec())), place, reading)
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

/// The bytes of `0x00 0xA4 …;`.
fn statement(text: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let text = text.split("//").next().unwrap_or_default();
    let text = text.trim().trim_end_matches(';');
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 5 + 1));
    for token in text
        .split([' ', '\t', ','])
        .filter(|token| !token.is_empty())
    {
        let digits = token
            .strip_prefix("0x")
            .or_else(|| token.strip_prefix("0X"));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
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
    keep(What::Command(Sent::whole(command.to_vec())), place, reading)
        && keep(
            What::Answer {
                bytes: answer,
                after: None,
            },
            place,
            reading,
        )
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
        let byte = u8::from_str_radix(digits.trim(), 16).ok()?;
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

fn keep(what: What, place: Place, reading: &mut Reading) -> bool {
    let event = Event {
        card: None,
        time: None,
        what,
    };
    reading.keep(place, event)
}
