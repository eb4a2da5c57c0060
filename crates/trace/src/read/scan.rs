//! What lists readers and the cards in them: `pcsc_scan`, and whatever has a line `ATR: 3B …`. There are no
//! commands in it.

use super::{Place, Reading, digits, indent};
use crate::event::What;

/// Whether some line of this text has an answer to reset.
pub(super) fn is_log(text: &str) -> bool {
    text.lines().any(|line| digits::atr(line.trim()).is_some())
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    let mut card: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        let place = Place::Line {
            line: index.saturating_add(1),
            column: indent(line).saturating_add(1),
        };
        if let Some(name) = reader(content) {
            card = Some(reading.name(place, name));
        }
        let Some(atr) = digits::atr(content) else {
            continue;
        };
        // The same card is told twice, one after the other: as it came, and taken apart.
        let is_told = reading.entries.last().is_some_and(|entry| {
            matches!(&entry.event.what, What::Card { atr: told, .. } if *told == atr)
                && entry.event.card == card
        });
        if is_told {
            continue;
        }
        let what = What::Card {
            atr,
            protocol: None,
        };
        if !reading.keep(place, card.as_deref(), what) {
            return;
        }
    }
}

/// `Reader 0: Some Reader 00 00`.
fn reader(content: &str) -> Option<&str> {
    let (number, name) = content.strip_prefix("Reader ")?.split_once(": ")?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then_some(name)
}
