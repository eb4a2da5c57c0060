//! A PIN lost a try that nobody spent.

use crate::outcome::Outcome;

pub const NAME: &str = "try-lost";
pub const DOES: &str = "a PIN has fewer tries left, and with a good card it has not";

pub fn judge(outcome: &Outcome, good: &Outcome) -> Option<(String, String)> {
    let lost = outcome.tries.iter().find(|(reference, before, after)| {
        let with_good = good.tries.iter().find(|(other, ..)| other == reference);
        after < before && with_good.is_none_or(|(_, before, after)| after >= before)
    });
    lost.map(|(reference, before, after)| {
        (
            format!("PIN {reference:02X}"),
            format!("the PIN {reference:02X} had {before} tries left, and has {after}"),
        )
    })
}
