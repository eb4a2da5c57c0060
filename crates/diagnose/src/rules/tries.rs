//! Are PINs blocked, or close to it?

use kortlab_card::{PinPurpose, PinState, Problem, Severity};

use super::Rule;
use crate::evidence::{Evidence, PinAsked};

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

/// What to do where the PUK is blocked.
const NO_PUK: &str = "what the PUK unblocks can be unblocked no more, and the PUK itself by nobody: order a \
                      new card";

fn look(evidence: &Evidence) -> Vec<Problem> {
    let is_puk = |pin: &&PinAsked| pin.purpose == PinPurpose::Unblocking;
    let listed_puks = evidence.pins.iter().filter(is_puk).map(|pin| &pin.first);
    let unlisted = evidence.unlisted_pins.iter().map(|pin| &pin.state);
    let has_no_puk = listed_puks
        .chain(unlisted)
        .any(|state| *state == PinState::Blocked);
    let mut problems = Vec::new();
    for pin in &evidence.pins {
        let what = match pin.purpose {
            PinPurpose::Unblocking => "PUK",
            _ => "PIN",
        };
        let Some(said) = say(&format!("the {what}"), &pin.first) else {
            continue;
        };
        let problem = pin.problem(said.severity, said.code, said.message);
        let is_lost = said.code == PIN_BLOCKED && has_no_puk || what == "PUK";
        problems.push(if is_lost {
            problem.hint(NO_PUK)
        } else {
            problem
        });
    }
    for pin in &evidence.unlisted_pins {
        let what = format!(
            "{:02X}, a PIN or PUK that EF(AODF) does not list,",
            pin.reference
        );
        if let Some(said) = say(&what, &pin.state) {
            let (file, path) = ("DF(PKCS15)", &pin.directory);
            let problem = Problem::new(said.severity, said.code, file, path, said.message);
            problems.push(problem.hint(match said.code {
                PIN_BLOCKED => "if it is the PUK, blocked PINs can be unblocked no more: order a new card",
                _ => "if it is the PUK, make sure of it before it is typed: once it is blocked, the card is \
                      of no more use when a PIN is blocked",
            }));
        }
    }
    problems
}

/// What is to be said of a PIN.
struct Said {
    severity: Severity,
    code: &'static str,
    message: String,
}

/// What is wrong with a PIN in this state.
fn say(what: &str, state: &PinState) -> Option<Said> {
    let (severity, code, message) = match state {
        PinState::Blocked => (Severity::Error, PIN_BLOCKED, format!("{what} is blocked")),
        PinState::TriesLeft(1) => (
            Severity::Warning,
            PIN_LAST_TRY,
            format!("{what} has one try left: the next wrong one blocks it"),
        ),
        _ => return None,
    };
    Some(Said {
        severity,
        code,
        message,
    })
}
