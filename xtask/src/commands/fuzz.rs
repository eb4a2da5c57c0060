//! `cargo xtask fuzz`: the fuzz targets under libFuzzer.

use std::collections::VecDeque;
use std::fs;
use std::process::{Command as Process, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Command;
use crate::process::{self, Failure};
use crate::{apt, cargo_tool, needs};

pub const COMMAND: Command = Command {
    name: "fuzz",
    help: "\
Run the fuzz targets under libFuzzer, two at a time, and sum up executions and crashes.

Usage: cargo xtask fuzz [--runs N] [--seconds S] [TARGET…]

  --runs N     executions of each target; 1000000 unless given
  --seconds S  end each target after S seconds, whatever its executions
  TARGET…      the targets to run; all unless given

New inputs go to fuzz/corpus/TARGET, crashes to fuzz/artifacts/TARGET; fuzz/README.md says how a
crash becomes a regression test. The exit code is 1 if any target crashed. cargo-fuzz is installed
if it is missing.
",
    run,
};

/// How many targets run side by side.
const SIDE_BY_SIDE: usize = 2;

#[derive(Debug, PartialEq, Eq)]
struct Options {
    runs: u64,
    seconds: Option<u64>,
    targets: Vec<String>,
}

/// How one target did.
struct Run {
    target: String,
    executions: Option<u64>,
    time: Duration,
    /// The last lines it printed, if it did not end well.
    crash: Option<String>,
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = parse(arguments, &all_targets()?)?;
    apt::ensure(&needs::fuzz())?;
    cargo_tool::ensure("cargo-fuzz", "fuzz")?;
    process::run(&mut cargo_fuzz("build"))?;
    let queue = Mutex::new(VecDeque::from(options.targets.clone()));
    let next = || {
        queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    let runs = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(target) = next() {
                    eprintln!("xtask: fuzzing {target}");
                    let run = fuzz(target, &options);
                    runs.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(run);
                }
            });
        }
    });
    let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    runs.sort_by(|a, b| a.target.cmp(&b.target));
    print!("{}", table(&runs));
    let crashed = runs.iter().filter(|run| run.crash.is_some()).count();
    if crashed == 0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{crashed} of {} targets failed",
        runs.len()
    )))
}

/// The names of the files in fuzz/src/targets.
fn all_targets() -> Result<Vec<String>, Failure> {
    let directory = process::root().join("fuzz/src/targets");
    let entries = fs::read_dir(&directory)
        .map_err(|error| Failure::new(format!("{}: {error}", directory.display())))?;
    let mut targets: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let rust = path.extension().is_some_and(|extension| extension == "rs");
            rust.then(|| path.file_stem()?.to_str().map(str::to_owned))?
        })
        .filter(|name| name != "mod")
        .collect();
    targets.sort();
    Ok(targets)
}

fn parse(arguments: &[String], all: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        runs: 1_000_000,
        seconds: None,
        targets: Vec::new(),
    };
    let mut arguments = arguments.iter();
    let number = |name: &str, value: Option<&String>| {
        let value = value.ok_or_else(|| Failure::usage(format!("{name} needs a number")))?;
        let digits = value.replace('_', "");
        digits
            .parse::<u64>()
            .map_err(|error| Failure::usage(format!("{name} {value}: {error}")))
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => options.runs = number("--runs", arguments.next())?,
            "--seconds" => options.seconds = Some(number("--seconds", arguments.next())?),
            target if all.iter().any(|known| known == target) => {
                options.targets.push(target.to_owned());
            }
            other => {
                let all = all.join(" ");
                return Err(Failure::usage(format!(
                    "no target {other}; there are: {all}"
                )));
            }
        }
    }
    if options.targets.is_empty() {
        options.targets = all.to_vec();
    }
    Ok(options)
}

fn cargo_fuzz(subcommand: &str) -> Process {
    let mut cargo = process::cargo();
    cargo.args(["fuzz", subcommand, "--features", "libfuzzer"]);
    // The instrumentation is unstable; this lets the stable compiler add it.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    cargo
}

fn fuzz(target: String, options: &Options) -> Run {
    let start = Instant::now();
    let directories = ["corpus", "seeds", "regressions"].map(|d| format!("fuzz/{d}/{target}"));
    let artifacts = format!("fuzz/artifacts/{target}");
    for directory in directories.iter().chain([&artifacts]) {
        // libFuzzer says so itself if one of them is not there.
        let _ = fs::create_dir_all(process::root().join(directory));
    }
    let mut command = cargo_fuzz("run");
    command
        .env("KORTLAB_FUZZ_TARGET", &target)
        .arg("target")
        .args(&directories)
        .args(["--", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={artifacts}/"))
        .arg(format!("-runs={}", options.runs))
        .args(options.seconds.map(|s| format!("-max_total_time={s}")))
        .stdin(Stdio::null());
    let (output, good) = match command.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            (text, output.status.success())
        }
        Err(error) => (error.to_string(), false),
    };
    Run {
        executions: executions(&output),
        time: start.elapsed(),
        crash: (!good).then(|| tail(&output, 30)),
        target,
    }
}

/// The number of executions in libFuzzer's closing statistics.
fn executions(output: &str) -> Option<u64> {
    let prefix = "stat::number_of_executed_units:";
    let line = output.lines().rev().find(|line| line.starts_with(prefix))?;
    line.strip_prefix(prefix)?.trim().parse().ok()
}

fn tail(text: &str, lines: usize) -> String {
    let skip = text.lines().count().saturating_sub(lines);
    text.lines().skip(skip).collect::<Vec<_>>().join("\n")
}

fn table(runs: &[Run]) -> String {
    let width = runs
        .iter()
        .map(|run| run.target.len())
        .max()
        .unwrap_or(0)
        .max(6);
    let mut text = format!(
        "{:<width$} {:>13} {:>8} {:>10}  result\n",
        "target", "executions", "seconds", "a second"
    );
    for run in runs {
        let seconds = run.time.as_secs();
        let (executions, rate) = match run.executions {
            Some(n) => (n.to_string(), (n / seconds.max(1)).to_string()),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let result = if run.crash.is_some() {
            "CRASH"
        } else {
            "no crash"
        };
        text.push_str(&format!(
            "{:<width$} {executions:>13} {seconds:>8} {rate:>10}  {result}\n",
            run.target
        ));
    }
    for run in runs {
        if let Some(crash) = &run.crash {
            text.push_str(&format!("\n--- {}\n{crash}\n", run.target));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Result<Options, Failure> {
        let all = ["atr", "tlv"].map(str::to_owned);
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        parse(&words, &all)
    }

    #[test]
    fn all_targets_run_unless_some_are_named() {
        assert_eq!(options(&[]).unwrap().targets, ["atr", "tlv"]);
        let some = options(&["--runs", "10_000_000", "tlv"]).unwrap();
        assert_eq!(some.targets, ["tlv"]);
        assert_eq!(some.runs, 10_000_000);
        assert!(options(&["no-such-target"]).is_err());
        assert!(options(&["--runs"]).is_err());
        assert!(options(&["--runs", "many"]).is_err());
    }

    #[test]
    fn executions_are_read_from_libfuzzers_statistics() {
        let output = "Done 1000 runs in 0 second(s)\n\
                      stat::number_of_executed_units: 1000\nstat::average_exec_per_sec:     0\n";
        assert_eq!(executions(output), Some(1000));
        assert_eq!(executions("error: no such target"), None);
    }

    #[test]
    fn a_crash_is_in_the_table_with_its_last_words() {
        let run = |target: &str, crash: Option<&str>| Run {
            target: target.to_owned(),
            executions: crash.is_none().then_some(3000),
            time: Duration::from_secs(3),
            crash: crash.map(str::to_owned),
        };
        let text = table(&[run("atr", None), run("tlv", Some("panicked at"))]);
        assert!(
            text.contains("atr             3000        3       1000  no crash\n"),
            "{text}"
        );
        assert!(text.contains("CRASH\n\n--- tlv\npanicked at\n"), "{text}");
    }

    #[test]
    fn every_target_of_the_workspace_is_found() {
        let targets = all_targets().unwrap();
        assert!(targets.contains(&"tlv".to_owned()), "{targets:?}");
        assert!(!targets.contains(&"mod".to_owned()), "{targets:?}");
    }
}
