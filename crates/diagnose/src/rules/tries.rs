//! Are PINs blocked, or close to it?

use kortlab_card::{PinState, Problem, Severity};

use super::Rule;
use crate::evidence::Evidence;

/// The PIN is blocked.
const PIN_BLOCKED: &str = "pin-blocked";
/// One try is left.
const PIN_LAST_TRY: &str = "pin-last-try";

pub(super) static RULE: Rule = Rule {
    id: "tries",
    help: "is a PIN blocked, or one wrong try away from it?",
    explanation: "a card counts wrong PINs and blocks after the last; what the PIN protects cannot \
                  be used until the PUK has unblocked it",
    remedy: "unblock it with the PUK: `kortlab pin unblock auth`, or `sign`; where one try is left, \
             make sure of the PIN before it is typed again",
    codes: &[PIN_BLOCKED, PIN_LAST_TRY],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    for pin in &evidence.pins {
        let (severity, code, message) = match pin.first {
            PinState::Blocked => (Severity::Error, PIN_BLOCKED, "the PIN is blocked"),
            PinState::TriesLeft(1) => (
                Severity::Warning,
                PIN_LAST_TRY,
                "one try is left: the next wrong PIN blocks it",
            ),
            _ => continue,
        };
        problems.push(pin.problem(severity, code, message.to_owned()));
    }
    problems
}
