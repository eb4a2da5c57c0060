//! The program was ended by a signal that it did not send for itself.

use crate::outcome::{Ended, Outcome};

pub const NAME: &str = "crash";
pub const DOES: &str = "the program was ended by a signal: a segmentation fault, an abort";

/// What a shell adds to the signal that has ended its command, for an exit code of its own.
const OF_A_SHELL: i32 = 128;
/// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV and SIGSYS: what a flaw ends a program by.
const OF_A_FLAW: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];

pub fn judge(outcome: &Outcome, good: &Outcome) -> Option<(String, String)> {
    let (signal, how) = match outcome.ended {
        Ended::Signal(signal) => (signal, String::new()),
        // What a shell or a script has started was ended so.
        Ended::Exit(code)
            if OF_A_FLAW.contains(&(code - OF_A_SHELL)) && good.ended != outcome.ended =>
        {
            (code - OF_A_SHELL, format!(", which is exit code {code}"))
        }
        _ => return None,
    };
    let name = match signal {
        4 => " (illegal instruction)",
        5 => " (trap)",
        6 => " (abort)",
        7 => " (bus error)",
        8 => " (arithmetic)",
        11 => " (segmentation fault)",
        31 => " (bad system call)",
        _ => "",
    };
    // An abort says why more often than not.
    let said = outcome.stderr.lines().rev().find(|line| !line.is_empty());
    let said = said.map_or_else(String::new, |line| format!("; it said last: {line}"));
    Some((
        format!("signal {signal}"),
        format!("ended by signal {signal}{name}{how}{said}"),
    ))
}
