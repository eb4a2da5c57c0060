//! What a program does with a good card that leaves nothing to fuzz.

use crate::oracles::{self, Finding};
use crate::outcome::{Ended, Outcome};

/// What a shell ends with when a command is no program, and when there is none of its name.
const NOT_STARTED: [i32; 2] = [126, 127];

/// Why a program says nothing about spoilt answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It has sent nothing to the card.
    #[error("the program sends nothing to a card, though one is there")]
    NoCommands,
    /// It ends as a shell does that could not start something.
    #[error("with a good card the program ends with exit code {0}: something could not be started")]
    NotStarted(i32),
    /// It fails with a good card.
    #[error("the program fails with a good card, too: {}", .0.what)]
    Fails(Finding),
}

impl Unfit {
    /// Whether a program that did this with a good card is not to be fuzzed, and why.
    pub fn of(good: &Outcome) -> Option<Self> {
        oracles::judge(good, good)
            .map(Self::Fails)
            .or_else(|| Self::to_begin_with(good))
    }

    /// The same of one that may fail: whether it has come to ask the card at all.
    pub fn to_begin_with(good: &Outcome) -> Option<Self> {
        match good.ended {
            Ended::Exit(code) if NOT_STARTED.contains(&code) => Some(Self::NotStarted(code)),
            _ if good.commands == 0 => Some(Self::NoCommands),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ended: Ended, commands: usize) -> Outcome {
        Outcome {
            ended,
            stdout: Vec::new(),
            stderr: String::new(),
            given: None,
            exchanges: Vec::new(),
            commands,
            commands_over: false,
            tries: Vec::new(),
        }
    }

    #[test]
    fn a_program_that_did_not_start_asked_nothing_or_failed_is_not_to_be_fuzzed() {
        let of = |ended, commands| Unfit::of(&outcome(ended, commands));
        for code in [126, 127] {
            assert_eq!(of(Ended::Exit(code), 7), Some(Unfit::NotStarted(code)));
            assert_eq!(of(Ended::Exit(code), 0), Some(Unfit::NotStarted(code)));
        }
        assert_eq!(of(Ended::Exit(0), 0), Some(Unfit::NoCommands));
        let failed = of(Ended::TimeOver, 7);
        assert!(matches!(failed, Some(Unfit::Fails(finding)) if finding.oracle == "hang"));
        for code in [0, 1, 3, 125, 128, 139] {
            assert_eq!(of(Ended::Exit(code), 7), None, "{code}");
        }
        let failing = outcome(Ended::TimeOver, 7);
        assert_eq!(Unfit::to_begin_with(&failing), None);
    }
}
