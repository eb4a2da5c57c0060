//! What is a finding, one oracle a file.

use crate::outcome::Outcome;

/// What was found in one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The oracle that found it.
    pub oracle: &'static str,
    /// What tells it from other findings: the same for all that are one.
    pub signature: String,
    /// What happened, in a line.
    pub what: String,
}

/// One way to tell that something is wrong. `good` is what the program does with a good card.
type Oracle = fn(outcome: &Outcome, good: &Outcome) -> Option<(String, String)>;

/// An oracle as it is listed for people.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub does: &'static str,
    judge: Oracle,
}

macro_rules! oracles {
    ($($module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// Every oracle, the surest first: a finding is of the first that finds it.
        pub const KINDS: &[Kind] = &[$(Kind {
            name: $module::NAME,
            does: $module::DOES,
            judge: $module::judge,
        }),+];
    };
}

oracles![
    sanitizer,
    crash,
    panic,
    memory,
    endless,
    hang,
    tries_lost,
    refusal_ignored,
    not_given
];

/// What is to be found in this execution.
pub fn judge(outcome: &Outcome, good: &Outcome) -> Option<Finding> {
    KINDS.iter().find_map(|kind| {
        let (signature, what) = (kind.judge)(outcome, good)?;
        Some(Finding {
            oracle: kind.name,
            signature: format!("{}: {signature}", kind.name),
            what,
        })
    })
}

/// All that is to be found in this execution: one flaw, but for what a sanitizer reports and the program
/// survives, which may be several.
pub fn all(outcome: &Outcome, good: &Outcome) -> Vec<Finding> {
    let reports = sanitizer::all(outcome, good).into_iter();
    let mut found: Vec<Finding> = reports
        .map(|(signature, what)| Finding {
            oracle: sanitizer::NAME,
            signature: format!("{}: {signature}", sanitizer::NAME),
            what,
        })
        .collect();
    if found.is_empty() {
        found.extend(judge(outcome, good));
    }
    found
}

/// Whether what has this signature is found in this execution.
pub fn finds(outcome: &Outcome, good: &Outcome, signature: &str) -> bool {
    let found = all(outcome, good);
    found.iter().any(|found| found.signature == signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Ended, Exchange};

    fn outcome(ended: Ended) -> Outcome {
        Outcome {
            ended,
            stdout: Vec::new(),
            stderr: String::new(),
            given: Some(Vec::new()),
            exchanges: Vec::new(),
            commands: 0,
            commands_over: false,
            tries: vec![(0x81, 3, 3), (0x82, 3, 3)],
        }
    }

    fn found(outcome: &Outcome) -> Option<(&'static str, String)> {
        let good = self::outcome(Ended::Exit(0));
        judge(outcome, &good).map(|finding| (finding.oracle, finding.signature))
    }

    #[test]
    fn a_good_end_and_an_error_that_is_told_are_no_findings() {
        assert_eq!(found(&outcome(Ended::Exit(0))), None);
        assert_eq!(found(&outcome(Ended::Exit(1))), None);
    }

    #[test]
    fn signals_reports_hangs_and_losses_are_findings_each_of_one_oracle() {
        let (name, signature) = found(&outcome(Ended::Signal(11))).unwrap();
        assert_eq!((name, signature.as_str()), ("crash", "crash: signal 11"));
        let (name, _) = found(&outcome(Ended::MemoryOver)).unwrap();
        assert_eq!(name, "memory");
        let (name, _) = found(&outcome(Ended::TimeOver)).unwrap();
        assert_eq!(name, "hang");
        let mut endless = outcome(Ended::Exit(1));
        endless.commands_over = true;
        assert_eq!(found(&endless).unwrap().0, "endless");
        // A loop of two commands is one finding, whichever was the last.
        let command = |ins| Exchange {
            number: 1,
            header: [0xB0, ins, 1, 0],
            has_data: false,
            seen: Some(0x6110),
            card: None,
            spoilt: true,
        };
        for (last, told) in [
            ([0x58, 0xC0, 0x58], "58"),
            ([0xC0, 0x58, 0xC0], "58"),
            ([0x58, 0xC0, 0xC0], "C0"),
        ] {
            endless.exchanges = last.map(command).into();
            let expected = format!("endless: instruction {told}");
            assert_eq!(found(&endless).unwrap().1, expected);
        }
        let mut lost = outcome(Ended::Exit(1));
        lost.tries[1].2 = 2;
        let (name, signature) = found(&lost).unwrap();
        assert_eq!((name, signature.as_str()), ("try-lost", "try-lost: PIN 82"));
        let mut ignored = outcome(Ended::Exit(0));
        ignored.exchanges.push(Exchange {
            number: 1,
            header: [0, 0x20, 0, 0x81],
            has_data: true,
            seen: Some(0x6F00),
            card: Some(0x9000),
            spoilt: false,
        });
        assert_eq!(found(&ignored).unwrap().0, "refusal-ignored");
        // The second time it worked.
        ignored.exchanges.push(Exchange {
            number: 1,
            header: [0, 0x20, 0, 0x81],
            has_data: true,
            seen: Some(0x9000),
            card: Some(0x9000),
            spoilt: false,
        });
        assert_eq!(found(&ignored), None);
        // To ask for the tries is no request that can be refused.
        ignored.exchanges.truncate(1);
        ignored.exchanges[0].has_data = false;
        assert_eq!(found(&ignored), None);
        // 80 E4 is DELETE to some cards, and to others a question (GET CARD DATA).
        ignored.exchanges[0].has_data = true;
        ignored.exchanges[0].header = [0x80, 0xE4, 0, 0];
        assert_eq!(found(&ignored), None);
    }

    #[test]
    fn a_signal_that_has_ended_what_a_shell_has_started_is_that_signal() {
        for signal in [4, 5, 6, 7, 8, 11, 31] {
            let of_a_shell = outcome(Ended::Exit(128 + signal));
            assert_eq!(
                found(&of_a_shell),
                found(&outcome(Ended::Signal(signal))),
                "{signal}"
            );
            // Some programs end so by themselves.
            assert_eq!(judge(&of_a_shell, &of_a_shell), None, "{signal}");
        }
        // Ctrl-C, a broken pipe, what somebody has ended, and codes that no signal has.
        for code in [126, 127, 128, 130, 137, 141, 143, 255] {
            assert_eq!(found(&outcome(Ended::Exit(code))), None, "{code}");
        }
    }

    #[test]
    fn a_panic_of_go_is_no_report_of_a_sanitizer() {
        let mut gone = outcome(Ended::Exit(2));
        gone.stderr = "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 \
                       [running]:\nmain.parse(...)\n\t/src/card.go:12\n"
            .to_owned();
        assert_eq!(
            found(&gone).unwrap(),
            ("panic", "panic: /src/card.go:12".to_owned())
        );
        for line in [
            "2026/11/30 10:00:00 recovered: runtime error: index out of range [5]",
            "http: panic serving 127.0.0.1:4321: runtime error: integer divide by zero",
            "runtime error: nothing in front",
            ": runtime error: nothing in front",
        ] {
            let mut logged = outcome(Ended::Exit(0));
            logged.stderr = line.to_owned();
            assert_eq!(found(&logged), None, "{line}");
        }
        // What UBSan says of places, the last two without tables for debuggers.
        for (place, told) in [
            ("/my src/card.c:9:5", "card.c:9"),
            ("../../src/card.c:9:5", "card.c:9"),
            ("card.c:9", "card.c"),
            ("(/usr/bin/card+0x11f2)", "(/usr/bin/card+0x11f2)"),
            ("<unknown>", "<unknown>"),
        ] {
            let mut reported = outcome(Ended::Exit(0));
            reported.stderr = format!("{place}: runtime error: division by zero");
            let expected = ("sanitizer", format!("sanitizer: {told}: division by zero"));
            assert_eq!(found(&reported), Some(expected));
        }
    }

    #[test]
    fn a_stack_that_is_used_up_is_told_by_the_functions_that_call_each_other() {
        let told = |innermost: &[&str], turn: usize| {
            let circle = ["transmit", "select", "lock_obtained"];
            let round = circle.iter().cycle().skip(turn).take(40);
            let frames = innermost.iter().chain(round).chain(&["main"]);
            let lines = frames
                .enumerate()
                .map(|(number, function)| format!("    #{number} 0x1 in {function} /src/a.c:1\n"));
            let mut reported = outcome(Ended::Exit(1));
            reported.stderr =
                "==1==ERROR: AddressSanitizer: stack-overflow on address 0x7f\n".into();
            reported.stderr.extend(lines);
            found(&reported).unwrap().1
        };
        let expected = "sanitizer: stack-overflow in lock_obtained < transmit < select";
        assert_eq!(told(&[], 0), expected);
        assert_eq!(told(&[], 2), expected);
        let printing = [
            "printf_common(void*, char const*)",
            "sprintf",
            "dump",
            "log",
        ];
        assert_eq!(told(&printing, 1), expected);
        // One frame that is too large is no circle.
        let mut large = outcome(Ended::Exit(1));
        large.stderr =
            "==1==ERROR: AddressSanitizer: stack-overflow on address 0x7f\n    #0 0x1 in \
                        parse /src/a.c:1\n    #1 0x2 in main /src/a.c:9\n"
                .into();
        assert_eq!(
            found(&large).unwrap().1,
            "sanitizer: stack-overflow in parse < main"
        );
    }

    #[test]
    fn a_sanitizers_report_is_told_by_its_kind_and_the_frames_of_the_program() {
        let mut reported = outcome(Ended::Exit(1));
        reported.stderr = "\
==12==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000014 at pc 0x55
READ of size 4 at 0x602000000014 thread T0
    #0 0x7f3f in __interceptor_memcpy ../../asan.cpp:1
    #1 0x55e1 in copy_name /src/card-piv.c:812
    #2 0x55e2 in read_all /src/card.c:90:5
    #3 0x55e3 in main /src/tool.c:7

0x602000000014 is located 0 bytes after 4-byte region
allocated by thread T0 here:
    #0 0x7f40 in malloc
"
        .to_owned();
        let (name, signature) = found(&reported).unwrap();
        assert_eq!(name, "sanitizer");
        assert_eq!(
            signature,
            "sanitizer: heap-buffer-overflow in copy_name < read_all < main"
        );
        let mut undefined = outcome(Ended::Exit(0));
        undefined.stderr =
            "card.c:17:9: runtime error: null pointer passed as argument 2, which is \
                            declared to never be null\n"
                .to_owned();
        let (_, signature) = found(&undefined).unwrap();
        assert_eq!(
            signature,
            "sanitizer: card.c:17: null pointer passed as argument N which is declared to never be null"
        );
        // One flaw, whatever the numbers; and the gravest that is told.
        let mut index = |at: &str, behind: &str| {
            undefined.stderr = format!(
                "card.c:9:5: runtime error: index {at} out of bounds for type 'u8 [255]'\n{behind}"
            );
            found(&undefined).unwrap().1
        };
        let first = index("300", "");
        assert_eq!(
            first,
            "sanitizer: card.c:9: index N out of bounds for type 'u8 [255]'"
        );
        assert_eq!(first, index("7000", ""));
        let leak =
            "==1==ERROR: LeakSanitizer: detected memory leaks\n    #0 0x1 in make /src/a.c:1\n";
        assert_eq!(first, index("300", leak));
        let overflow = "==1==ERROR: AddressSanitizer: SEGV on unknown address 0x0\n    #0 0x1 in f /src/a.c:1\n";
        assert_eq!(index("300", overflow), "sanitizer: SEGV in f");
        // What the program survives hides nothing that it survives as well, and what ends it counts
        // alone.
        let another = "card.c:12:1: runtime error: division by zero\n";
        let mut several = outcome(Ended::Exit(0));
        several.stderr = format!("card.c:9:5: runtime error: left shift\n{another}{leak}");
        let good = outcome(Ended::Exit(0));
        let told = |outcome: &Outcome| all(outcome, &good).into_iter().map(|one| one.signature);
        let expected = [
            "sanitizer: card.c:9: left shift",
            "sanitizer: card.c:12: division by zero",
        ];
        assert!(told(&several).eq(expected));
        assert!(finds(&several, &good, expected[1]));
        several.stderr.push_str(overflow);
        assert!(told(&several).eq(["sanitizer: SEGV in f"]));
        // What is reported with a good card as well is nothing that the answers did, unless it ends
        // the program.
        let mut good = outcome(Ended::Exit(0));
        good.stderr =
            "card.c:9:5: runtime error: index 3 out of bounds for type 'u8 [255]'\n".into();
        assert_eq!(judge(&good, &good), None);
        let mut both = good.clone();
        both.stderr
            .push_str("card.c:11:5: runtime error: division by zero\n");
        assert_eq!(
            judge(&both, &good).unwrap().signature,
            "sanitizer: card.c:11: division by zero"
        );
        good.stderr.push_str(overflow);
        assert!(judge(&good, &good).is_some());
        let mut leak = outcome(Ended::Exit(1));
        leak.stderr =
            "==1==ERROR: LeakSanitizer: detected memory leaks\n\nDirect leak of 5 byte(s)\n    \
                       #0 0x1 in malloc\n    #1 0x2 in make /src/a.c:1\n"
                .to_owned();
        assert_eq!(
            found(&leak).unwrap().1,
            "sanitizer: detected memory leaks in make"
        );
    }
}
