//! `.apdu` text.

use core::time::Duration;

use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Protocol, ResetKind, script};
use zeroize::Zeroizing;

use super::{Place, Reading, digits, hexadecimal, indent};
use crate::event::{Sent, What};

/// What a comment says, or how many characters in it and what is wrong.
pub(super) type Comment = Result<Said, (usize, String)>;

/// What a comment says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The name of the card that the next lines are about.
    Name(String),
    /// The card's answer to reset.
    Atr(Vec<u8>),
    /// Its protocol.
    Protocol(Protocol),
    /// Something else that happened.
    Event(What),
    /// Nothing that a recorder writes.
    Nothing,
}

pub(super) fn read(bytes: &[u8], reading: &mut Reading) {
    let text = String::from_utf8_lossy(bytes);
    let mut card: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index.saturating_add(1);
        let content = line.trim_start();
        let indent = indent(line);
        let place = |column: usize| Place::Line {
            line: number,
            column: indent.saturating_add(column).saturating_add(1),
        };
        let what = match content.strip_prefix('#') {
            _ if content.is_empty() => continue,
            Some(comment) => match said(comment.trim_end()) {
                Ok(Said::Nothing) => continue,
                Ok(Said::Name(name)) => {
                    card = Some(reading.name(place(0), &name));
                    continue;
                }
                Ok(Said::Protocol(protocol)) => {
                    if takes_protocol(reading, card.as_deref(), protocol) {
                        continue;
                    }
                    What::Card {
                        atr: Vec::new(),
                        protocol: Some(protocol),
                    }
                }
                Ok(Said::Atr(atr)) => What::Card {
                    atr,
                    protocol: None,
                },
                Ok(Said::Event(what)) => what,
                Err((column, what)) => {
                    reading.trouble(place(column.saturating_add(1)), what);
                    continue;
                }
            },
            None => match command(content) {
                Ok(Some(sent)) => What::Command(sent),
                Ok(None) => continue,
                Err((column, what)) => {
                    reading.trouble(place(column), what);
                    continue;
                }
            },
        };
        if let What::Answer { bytes, .. } = &what
            && bytes.len() < 2
        {
            let what = "an answer has at least two bytes, its status word; the line may be cut";
            reading.trouble(place(0), what);
        }
        if !reading.keep(place(0), card.as_deref(), what) {
            return;
        }
    }
    // A recorder ends each line.
    if !text.ends_with('\n') && is_recorded(&text) {
        tell_cut(&text, reading);
    }
}

/// Says that the last line has no end, unless something else is wrong there.
fn tell_cut(text: &str, reading: &mut Reading) {
    let place = Place::Line {
        line: text.lines().count(),
        column: text.lines().last().map_or(0, |line| line.chars().count()) + 1,
    };
    let is_told = reading.troubles.last().is_some_and(|trouble| {
        let lines = (trouble.place, place);
        matches!(lines, (Place::Line { line: told, .. }, Place::Line { line, .. }) if told == line)
    });
    if !is_told {
        reading.trouble(place, "the last line has no end: it may be cut");
    }
}

/// Whether a recorder has written some line of this text.
pub(super) fn is_recorded(text: &str) -> bool {
    let comments = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('#'));
    let mut said = comments.map(said);
    said.any(|said| !matches!(said, Ok(Said::Nothing)))
}

/// Says the protocol of the card that was named last, if it was named just before.
fn takes_protocol(reading: &mut Reading, card: Option<&str>, said: Protocol) -> bool {
    let Some(last) = reading.entries.last_mut() else {
        return false;
    };
    match &mut last.event.what {
        What::Card { protocol, .. } if protocol.is_none() && last.event.card.as_deref() == card => {
            *protocol = Some(said);
            true
        }
        _ => false,
    }
}

/// A line that is no comment.
fn command(line: &str) -> Result<Option<Sent>, (usize, String)> {
    match script::parse(line) {
        Ok(steps) => {
            let Some(step) = steps.into_iter().next() else {
                return Ok(None);
            };
            // An APDU is taken as it stands: its length bytes may be short or extended.
            let plain = line.split(['#', '=']).next().unwrap_or_default();
            let bytes = match hexadecimal::bytes(plain.trim_end()) {
                Ok(bytes) => bytes,
                Err(_) => match step.command.encode() {
                    Ok(bytes) => bytes.to_vec(),
                    Err(error) => return Err((0, error.to_string())),
                },
            };
            Ok(Some(Sent::whole(bytes)))
        }
        Err(error) => Err((error.column.saturating_sub(1), error.problem.to_string())),
    }
}

/// What a comment says; its sign is not in `comment`.
pub(super) fn said(comment: &str) -> Comment {
    let content = comment.trim_start();
    let indent = indent(comment);
    let behind = |label: &str| {
        let value = content.strip_prefix(label)?;
        let at = indent.saturating_add(label.chars().count());
        Some((value, at))
    };
    let digits = |value: &str, at: usize| {
        hexadecimal::bytes(value)
            .map_err(|(column, what)| (at.saturating_add(column), what.to_owned()))
    };
    if let Some((name, _)) = behind("CARD: ") {
        return Ok(Said::Name(name.to_owned()));
    }
    if let Some((value, at)) = behind("ATR: ") {
        return digits(value, at).map(Said::Atr);
    }
    if let Some((value, at)) = behind("PROTOCOL: ") {
        return match value {
            "T=0" => Ok(Said::Protocol(Protocol::T0)),
            "T=1" => Ok(Said::Protocol(Protocol::T1)),
            _ => Err((at, "the protocol is neither T=0 nor T=1".to_owned())),
        };
    }
    if let Some((value, at)) = behind("IMAGE: ") {
        let fingerprint = digits(value, at)?.try_into();
        let fingerprint = fingerprint.map_err(|_| (at, "a fingerprint has 32 bytes".to_owned()))?;
        return Ok(Said::Event(What::Image { fingerprint }));
    }
    let occasion = match content {
        "RESET: cold" => Some(Occasion::Reset(ResetKind::Cold)),
        "RESET: warm" => Some(Occasion::Reset(ResetKind::Warm)),
        "POWER: on" => Some(Occasion::PowerOn),
        "POWER: off" => Some(Occasion::PowerOff),
        _ => None,
    };
    if let Some(occasion) = occasion {
        return Ok(Said::Event(What::Occasion(occasion)));
    }
    for label in ["Secret: ", "No APDU: "] {
        if let Some((value, at)) = behind(label) {
            let bytes = digits(value, at)?;
            return Ok(Said::Event(What::Command(Sent::whole(bytes))));
        }
    }
    if let Some((value, at)) = behind("Not shown: ") {
        let Some((shown, rest)) = value.split_once(" and ") else {
            let end = at.saturating_add(value.chars().count());
            return Err((
                end,
                "the line is cut: it does not say how many bytes follow".to_owned(),
            ));
        };
        let shown_bytes = digits(shown, at)?;
        let count = rest.strip_suffix(" bytes").and_then(digits::number::<u32>);
        let Some(count) = count else {
            let at = at.saturating_add(shown.chars().count()).saturating_add(5);
            return Err((at, "a number of bytes is expected here".to_owned()));
        };
        let hidden = usize::try_from(count).unwrap_or(usize::MAX);
        return Ok(Said::Event(What::Command(Sent::cut(shown_bytes, hidden))));
    }
    if let Some((value, at)) = behind("Received") {
        let (value, at, after) = timed(value, at, " in ")?;
        let bytes = Zeroizing::new(digits(value, at)?);
        return Ok(Said::Event(What::Answer { bytes, after }));
    }
    if let Some((value, at)) = behind("No answer") {
        let (why, _, after) = timed(value, at, " after ")?;
        let why = why.to_owned();
        return Ok(Said::Event(What::NoAnswer { why, after }));
    }
    Ok(Said::Nothing)
}

/// What stands behind ` in 0.021 ms: `, and the time.
fn timed<'a>(
    value: &'a str,
    at: usize,
    word: &str,
) -> Result<(&'a str, usize, Option<Duration>), (usize, String)> {
    let cut = || {
        (
            at,
            "the line is cut, or not as a recorder writes it".to_owned(),
        )
    };
    let (time, rest) = value.split_once(':').ok_or_else(cut)?;
    let text = rest.strip_prefix(' ').unwrap_or(rest);
    let before = value.chars().count().saturating_sub(text.chars().count());
    let after = match time {
        "" => None,
        time => {
            let number = time
                .strip_prefix(word)
                .and_then(|time| time.strip_suffix(" ms"));
            let number: f64 = number
                .and_then(|number| number.parse().ok())
                .ok_or_else(cut)?;
            milliseconds(number)
        }
    };
    Ok((text, at.saturating_add(before), after))
}

/// So many milliseconds, if that is a time.
pub(super) fn milliseconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number / 1_000.0).ok()
}
