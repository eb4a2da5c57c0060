//! `.apdu` text: the lines of a trace.

use core::time::Duration;
use std::io::Write as _;

use kortlab_apdu::ByteCount;
use kortlab_apdu::Command;
use zeroize::Zeroizing;

use super::Notation;
use crate::event::{Event, Sent, What, occasion_words, protocol_word};

/// Writes lines; it remembers about which card the last ones were.
#[derive(Debug, Default)]
pub(crate) struct Text {
    card: Option<String>,
}

impl Notation for Text {
    fn write(&mut self, event: &Event, _: Option<&str>, out: &mut Vec<u8>) {
        if let Some(card) = &event.card
            && self.card.as_ref() != Some(card)
        {
            self.card = Some(card.clone());
            line(out, format_args!("# CARD: {}", one_line(card)));
        }
        match &event.what {
            What::Card { atr, protocol } => {
                line(out, format_args!("# ATR: {}", hex::encode_upper(atr)));
                if let Some(protocol) = protocol {
                    line(
                        out,
                        format_args!("# PROTOCOL: {}", protocol_word(*protocol)),
                    );
                }
            }
            What::Command(sent) => command(out, sent),
            what => {
                if let Some(words) = words(what) {
                    line(out, format_args!("# {}", *words));
                }
            }
        }
    }
}

/// What a comment says of an event that is neither a card nor a command.
pub(crate) fn words(what: &What) -> Option<Zeroizing<String>> {
    let words = match what {
        What::Image { fingerprint } => format!("IMAGE: {}", hex::encode_upper(fingerprint)),
        What::Occasion(occasion) => occasion_words(*occasion).to_owned(),
        What::Answer { bytes, after } => {
            let digits = Zeroizing::new(hex::encode_upper(&**bytes));
            format!("Received{}: {}", time(" in ", *after), *digits)
        }
        What::NoAnswer { why, after } => {
            format!("No answer{}: {}", time(" after ", *after), one_line(why))
        }
        What::Card { .. } | What::Command(_) => return None,
    };
    Some(Zeroizing::new(words))
}

fn time(word: &str, after: Option<Duration>) -> String {
    after.map_or_else(String::new, |after| {
        format!("{word}{:.3} ms", after.as_secs_f64() * 1_000.0)
    })
}

/// A command: a line that can be sent again, or a comment where it cannot or should not be.
fn command(out: &mut Vec<u8>, sent: &Sent) {
    let digits = Zeroizing::new(hex::encode_upper(sent.shown()));
    match sent.bytes() {
        None => line(
            out,
            format_args!("# Not shown: {} and {}", *digits, ByteCount(sent.hidden())),
        ),
        Some(_) if sent.shows_secrets() => line(out, format_args!("# Secret: {}", *digits)),
        Some(bytes) if Command::parse(bytes).is_ok() => line(out, format_args!("{}", *digits)),
        Some(_) => line(out, format_args!("# No APDU: {}", *digits)),
    }
}

/// One line.
fn line(out: &mut Vec<u8>, text: core::fmt::Arguments<'_>) {
    // Writing into memory does not fail.
    let _ = out.write_fmt(text);
    out.push(b'\n');
}

/// Text that cannot end the comment it stands in: a file may be named with a line feed.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}
