//! The program was told that something was not done, and ended as if it were.

use crate::outcome::{Ended, Outcome};

pub const NAME: &str = "refusal-ignored";
pub const DOES: &str = "VERIFY, a signature or a change was refused, and the program ended well";

/// VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, PSO, UPDATE and WRITE BINARY, PUT DATA,
/// CREATE and DELETE FILE.
const TO_BE_DONE: [u8; 9] = [0x20, 0x24, 0x2C, 0x2A, 0xD6, 0xD0, 0xDA, 0xE0, 0xE4];

pub fn judge(outcome: &Outcome, good: &Outcome) -> Option<(String, String)> {
    let ended_well = outcome.ended == Ended::Exit(0) && good.ended == Ended::Exit(0);
    if !ended_well {
        return None;
    }
    let refused = last_refusals(outcome);
    let usual = last_refusals(good);
    let (header, seen) = refused
        .into_iter()
        .find(|(header, _)| usual.iter().all(|(other, _)| other[1] != header[1]))?;
    let said = seen.map_or_else(
        || "got no answer".to_owned(),
        |status| format!("was answered {status:04X}"),
    );
    Some((
        format!("instruction {:02X}", header[1]),
        format!(
            "{} {said}, never done again with success, and the exit code is 0",
            header.map(|byte| format!("{byte:02X}")).join(" ")
        ),
    ))
}

/// Of the commands that are to be done, those that the program last saw refused.
fn last_refusals(outcome: &Outcome) -> Vec<([u8; 4], Option<u16>)> {
    let mut last: Vec<([u8; 4], Option<u16>)> = Vec::new();
    for exchange in &outcome.exchanges {
        let header = exchange.header;
        // What an instruction means is the maker's own affair in a class of his (ISO/IEC 7816-4 §5.4.1).
        let is_of_the_standard = header[0] & 0x80 == 0;
        // VERIFY without data only asks; whatever is answered is no refusal of anything.
        let asks = header[1] == 0x20 && !exchange.has_data;
        if is_of_the_standard && TO_BE_DONE.contains(&header[1]) && !asks {
            last.retain(|(other, _)| *other != header);
            last.push((header, exchange.seen));
        }
    }
    last.retain(|(_, seen)| !matches!(seen, Some(0x9000 | 0x6100..=0x63FF)));
    last
}
