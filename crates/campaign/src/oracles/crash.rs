//! The program was ended by a signal that it did not send for itself.

use crate::outcome::{Ended, Outcome};

pub const NAME: &str = "crash";
pub const DOES: &str = "the program was ended by a signal: a segmentation fault, an abort";

pub fn judge(outcome: &Outcome, _: &Outcome) -> Option<(String, String)> {
    let Ended::Signal(signal) = outcome.ended else {
        return None;
    };
    let name = match signal {
        4 => " (illegal instruction)",
        6 => " (abort)",
        7 => " (bus error)",
        8 => " (arithmetic)",
        11 => " (segmentation fault)",
        _ => "",
    };
    // An abort says why more often than not.
    let said = outcome.stderr.lines().rev().find(|line| !line.is_empty());
    let said = said.map_or_else(String::new, |line| format!("; it said last: {line}"));
    Some((
        format!("signal {signal}"),
        format!("ended by signal {signal}{name}{said}"),
    ))
}
