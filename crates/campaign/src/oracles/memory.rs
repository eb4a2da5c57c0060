//! The program held more memory than it may.

use crate::outcome::{Ended, Outcome};

pub const NAME: &str = "memory";
pub const DOES: &str = "the program held more memory than it may";

pub fn judge(outcome: &Outcome, _: &Outcome) -> Option<(String, String)> {
    (outcome.ended == Ended::MemoryOver).then(|| {
        (
            "too much".to_owned(),
            "it held more memory than it may, and was ended".to_owned(),
        )
    })
}
