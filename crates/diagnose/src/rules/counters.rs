//! Do the counters of PINs stay as they are while nobody tries?

use kortlab_card::{PinState, Problem, Severity};

use super::Rule;
use crate::evidence::Evidence;

/// Asked twice, the card told two numbers of tries.
const COUNTER_CHANGES: &str = "counter-changes";
/// More tries than any PIN is given.
const COUNTER_LIES: &str = "counter-lies";

/// The most tries that cards give a PIN or PUK; the status word has room for 15.
const MOST: u8 = 10;

pub(super) static RULE: Rule = Rule {
    id: "counters",
    help: "do counters of tries stay, and are they plausible?",
    explanation: "programs warn before the last try by these numbers; a counter that rises, falls or \
                  says too much makes them let a PIN be blocked",
    remedy: "do not rely on the number: the card's operating system is at fault, have the card \
             replaced",
    codes: &[COUNTER_CHANGES, COUNTER_LIES],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    for pin in &evidence.pins {
        if let PinState::TriesLeft(tries @ MOST..) = pin.first
            && tries > MOST
        {
            let message = format!("the card says that {tries} tries are left: no PIN has as many");
            problems.push(pin.problem(Severity::Warning, COUNTER_LIES, message));
        }
        let Some(second) = pin.second.filter(|second| *second != pin.first) else {
            continue;
        };
        let message = format!(
            "asked twice, with no try in between, the card says {} and then {}",
            told(pin.first),
            told(second)
        );
        problems.push(pin.problem(Severity::Error, COUNTER_CHANGES, message));
    }
    problems
}

fn told(state: PinState) -> String {
    match state {
        PinState::Verified => "that it is verified".to_owned(),
        PinState::TriesLeft(1) => "that 1 try is left".to_owned(),
        PinState::TriesLeft(tries) => format!("that {tries} tries are left"),
        PinState::Blocked => "that it is blocked".to_owned(),
        PinState::Unknown(_) => "nothing that can be understood".to_owned(),
    }
}
