//! Counting what test programs say they have run.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write};
use std::ops::AddAssign;
use std::process::{Command, ExitStatus, Stdio};

use crate::process::{self, Failure};

/// How the closing line of a test program begins.
const RESULT: &str = "test result: ";

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds what a closing line of a test program says (`test result: ok. 3 passed; …`); any other
    /// line says nothing.
    fn read(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix(RESULT) else {
            return;
        };
        for part in counts.split([';', '.']) {
            let Some((count, what)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

impl Tally {
    /// Counts a program as a failure that failed without counting one itself.
    pub fn at_least_one_failed(&mut self) {
        self.failed = self.failed.max(1);
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// What a program that runs tests has said of them until now: how many there are, and what became
/// of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    tally: Tally,
    announced: u64,
    results: u64,
}

impl Account {
    /// Takes in a line that the program has printed.
    pub fn read(&mut self, line: &str) {
        let announced = line.strip_prefix("running ").and_then(|rest| {
            let (count, rest) = rest.split_once(' ')?;
            let is_all = matches!(rest.trim_end(), "test" | "tests");
            is_all.then(|| count.parse::<u64>().ok()).flatten()
        });
        self.announced += announced.unwrap_or(0);
        self.results += u64::from(line.starts_with(RESULT));
        self.tally.read(line);
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Why the program counts as failed, if it does. Only one that ended well, gave a result and
    /// left out none of the tests that it began with has passed.
    pub fn failure(&self, status: ExitStatus) -> Option<String> {
        let Tally {
            passed,
            failed,
            skipped,
        } = self.tally;
        let told = passed + failed + skipped;
        if !status.success() {
            return Some(status.to_string());
        }
        if self.results == 0 {
            return Some("it ended without a result".to_owned());
        }
        if failed > 0 {
            return Some(format!("{failed} failed"));
        }
        (told < self.announced).then(|| {
            let announced = self.announced;
            format!("it told of {told} of {announced} tests")
        })
    }
}

/// `3 passed, 1 failed`, and `, 2 skipped` if some were.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

/// Runs test programs as [`process::run`] does, shows what they print, and adds it up.
///
/// # Errors
/// As for [`process::run`]; what was counted until then is in the tally.
pub fn run(
    command: &mut Command,
    tally: &mut Tally,
    shown: &mut impl Write,
) -> Result<(), Failure> {
    let line = process::line(command);
    eprintln!("+ {line}");
    let failed = |error: std::io::Error| Failure::new(format!("{line}: {error}"));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        // What a test prints need not be text.
        while output.read_until(b'\n', &mut bytes).map_err(failed)? > 0 {
            // Tests go on when nobody reads any more.
            let _ = shown.write_all(&bytes);
            tally.read(&String::from_utf8_lossy(&bytes));
            bytes.clear();
        }
    }
    process::ended(&line, child.wait().map_err(failed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up_and_other_lines_are_not() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 57 passed; 0 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.03s\n",
            "test result: FAILED. 1 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out\n",
            "test a_result: ok. 9 passed ... ok",
            "running 9 tests",
            "test result: nonsense",
            "",
        ] {
            tally.read(line);
        }
        assert_eq!(tally.to_string(), "58 passed, 4 failed, 2 skipped");
        assert_eq!(Tally::default().to_string(), "0 passed, 0 failed");
    }

    #[test]
    fn a_program_that_fails_is_counted_all_the_same() {
        let mut tally = Tally::default();
        let script = "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'; exit 101";
        let mut command = process::program("sh");
        let mut shown = Vec::new();
        let failure = run(command.args(["-c", script]), &mut tally, &mut shown).unwrap_err();
        assert!(shown.ends_with(b"ignored\n"));
        assert_eq!(failure.code, 101);
        assert_eq!(tally.to_string(), "1 passed, 1 failed");
    }
}
