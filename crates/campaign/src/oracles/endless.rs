//! The program sent commands without end.

use crate::outcome::Outcome;

pub const NAME: &str = "endless";
pub const DOES: &str = "the program sends commands without end";

pub fn judge(outcome: &Outcome, _: &Outcome) -> Option<(String, String)> {
    if !outcome.commands_over {
        return None;
    }
    let ins = outcome.last_instruction();
    Some((
        format!("instruction {ins:02X}"),
        format!(
            "{} commands, and more were to come; the last was {ins:02X}",
            outcome.commands
        ),
    ))
}
