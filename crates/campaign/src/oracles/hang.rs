//! The program did not end in its time.

use crate::outcome::{Ended, Outcome};

pub const NAME: &str = "hang";
pub const DOES: &str = "the program did not end in its time, and waited for nothing of the card";

pub fn judge(outcome: &Outcome, _: &Outcome) -> Option<(String, String)> {
    if outcome.ended != Ended::TimeOver {
        return None;
    }
    let ins = outcome.last_instruction();
    Some((
        format!("after instruction {ins:02X}"),
        format!(
            "it did not end in its time; after {} commands the last was {ins:02X}",
            outcome.commands
        ),
    ))
}
