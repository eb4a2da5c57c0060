//! `cargo xtask test`: every test.

mod lanes;
mod order;
pub mod programs;

use std::io::{Write, stdout};
use std::thread;
use std::time::Instant;

use self::lanes::{Ended, Job};
use super::{Command, passed_on};
use crate::process::{self, Failure};
use crate::tally::{self, Tally};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "test",
    help: "\
Run every test of the workspace, after installing what the tests need. Ends with one line of totals.

Usage: cargo xtask test [--jobs N] [-- ARGS…]

  --jobs N  run N test programs side by side; one more than there are processors unless given.
            Those that measure time run last, alone

What a program prints is shown whole when it has ended, and then who has failed and which took
longest. A program that crashes, or ends without the result of each of its tests, has failed. With
--no-fail-fast in ARGS all are run, whoever fails. Any other ARGS go to `cargo test`, which then runs
one program after the other, for example: cargo xtask test -- --package kortlab --test opensc

The interoperability tests run a pcscd of their own, with vpcd and OpenSC, in private namespaces;
that takes root, or a kernel that lets users make user namespaces. The portal's tests run their own
PostgreSQL servers, and Chromium on a screen of its own. No test is skipped silently.
",
    run,
};

/// The one word for cargo that all programs can be run with.
const ALL_THE_SAME: &str = "--no-fail-fast";

/// So many of those that took longest are named at the end.
const SLOWEST: usize = 10;

fn run(arguments: &[String]) -> Result<(), Failure> {
    let (jobs, rest) = jobs(arguments)?;
    let chosen = passed_on(rest);
    apt::ensure(&needs::test())?;
    if chosen.iter().all(|word| word == ALL_THE_SAME) {
        let fails_fast = chosen.is_empty();
        return all(jobs, fails_fast, &mut stdout());
    }
    let mut tally = Tally::default();
    let words = arguments_for_cargo(chosen);
    let tested = tally::run(process::cargo().args(&words), &mut tally, &mut stdout());
    // The totals are the last line, whatever happened.
    let tested = tested.map_err(|failure| {
        eprintln!("xtask: {}", failure.message);
        Failure {
            message: String::new(),
            ..failure
        }
    });
    println!("{tally}");
    tested
}

/// Runs every test program, side by side.
fn all(lanes: usize, fails_fast: bool, shown: &mut impl Write) -> Result<(), Failure> {
    let own = programs::own()?;
    process::run(process::cargo().args(["test", "--workspace", "--no-run"]))?;
    let begun = Instant::now();
    let mut jobs = vec![Job {
        name: "documentation".to_owned(),
        command: documentation(),
    }];
    let programs = programs::all(&own)?;
    let job = |program: &programs::Program| Job {
        name: program.name(),
        command: program.command(),
    };
    jobs.extend(programs.iter().map(job));
    jobs.sort_by_key(|job| order::rank(&job.name));
    let (quiet, others): (Vec<_>, Vec<_>) =
        jobs.into_iter().partition(|job| order::is_quiet(&job.name));
    let mut ended = Vec::new();
    for (jobs, lanes) in [(others, lanes), (quiet, 1)] {
        if fails_fast && ended.iter().any(|one: &Ended| one.failure.is_some()) {
            break;
        }
        let run = lanes::run(jobs, lanes, fails_fast, shown);
        ended.extend(run.map_err(|error| Failure::new(format!("target: {error}")))?);
    }
    eprint!("{}", slowest(&mut ended));
    eprintln!("{} s in all", begun.elapsed().as_secs());
    let mut tally = Tally::default();
    ended.iter().for_each(|one| tally += one.tally);
    let failed = failed(&ended);
    eprint!("{failed}");
    // The totals are the last line, whatever happened.
    let _ = writeln!(shown, "{tally}");
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure {
            message: String::new(),
            code: 101,
        }),
    }
}

/// The tests in the documentation, with which cargo and rustdoc go their own ways.
fn documentation() -> std::process::Command {
    let mut cargo = process::cargo();
    cargo.args(["test", "--workspace", "--doc", ALL_THE_SAME]);
    cargo
}

/// The programs that took longest, one a line.
fn slowest(ended: &mut [Ended]) -> String {
    ended.sort_by_key(|one| std::cmp::Reverse(one.took));
    let line = |one: &Ended| format!("{:7.1} s  {}\n", one.took.as_secs_f32(), one.name);
    ended.iter().take(SLOWEST).map(line).collect()
}

/// What failed and why, one a line.
fn failed(ended: &[Ended]) -> String {
    let why = |one: &Ended| Some(format!("error: {}: {}\n", one.name, one.failure.as_ref()?));
    ended.iter().filter_map(why).collect()
}

/// How many run side by side, and what else was given.
fn jobs(arguments: &[String]) -> Result<(usize, &[String]), Failure> {
    match arguments {
        [word, rest @ ..] if word == "--jobs" => match rest.split_first() {
            Some((count, rest)) => match count.parse() {
                Ok(count @ 1..) => Ok((count, rest)),
                _ => Err(Failure::usage(format!(
                    "--jobs {count}: not a number of programs"
                ))),
            },
            None => Err(Failure::usage("--jobs needs a number")),
        },
        // Many tests wait for a daemon, a browser, a clock: one more keeps the processors busy.
        _ => Ok((
            thread::available_parallelism().map_or(2, usize::from) + 1,
            arguments,
        )),
    }
}

fn arguments_for_cargo(passed_on: &[String]) -> Vec<&str> {
    let mut arguments = vec!["test"];
    let chooses = |argument: &String| argument == "--package" || argument.starts_with("-p");
    if !passed_on.iter().any(chooses) {
        arguments.push("--workspace");
    }
    arguments.extend(passed_on.iter().map(String::as_str));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_workspace_is_tested_unless_a_package_is_chosen() {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(arguments_for_cargo(&[]), ["test", "--workspace"]);
        assert_eq!(
            arguments_for_cargo(&owned(&["--", "--nocapture"])),
            ["test", "--workspace", "--", "--nocapture"]
        );
        assert_eq!(
            arguments_for_cargo(&owned(&["-p", "kortlab"])),
            ["test", "-p", "kortlab"]
        );
    }

    #[test]
    fn the_number_side_by_side_is_given_before_what_goes_to_cargo() {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let words = owned(&["--jobs", "5", "--", "--no-fail-fast"]);
        let (count, rest) = jobs(&words).unwrap();
        assert_eq!((count, passed_on(rest)), (5, &words[3..]));
        for wrong in [&["--jobs"][..], &["--jobs", "0"], &["--jobs", "all"]] {
            assert_eq!(jobs(&owned(wrong)).unwrap_err().code, 2);
        }
        let none = owned(&["--", "-p", "kortlab"]);
        let (count, rest) = jobs(&none).unwrap();
        assert!(count > 1 && rest == none);
    }

    #[test]
    fn the_end_names_what_failed_and_what_took_longest() {
        let ended = |name: &str, seconds, failure: Option<&str>| Ended {
            name: name.to_owned(),
            took: std::time::Duration::from_secs(seconds),
            tally: Tally::default(),
            failure: failure.map(str::to_owned),
        };
        let mut all = vec![
            ended("a", 1, None),
            ended("b", 20, Some("signal: 9 (SIGKILL)")),
            ended("c", 3, None),
        ];
        assert_eq!(failed(&all), "error: b: signal: 9 (SIGKILL)\n");
        let slowest = slowest(&mut all);
        assert_eq!(slowest, "   20.0 s  b\n    3.0 s  c\n    1.0 s  a\n");
        all.extend((0..20).map(|number| ended("d", number, None)));
        assert_eq!(super::slowest(&mut all).lines().count(), SLOWEST);
    }
}
