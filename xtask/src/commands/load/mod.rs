//! `cargo xtask load`: how many requests a second the portal's status and OCSP paths answer, and
//! how fast, beside OpenSSL's own servers.

mod asking;
mod bench;
mod parts;
mod report;

use std::time::Duration;

use self::bench::{Bench, Shape};
use self::report::{Figures, Row};
use super::Command;
use crate::process::{self, Failure};
use crate::{apt, needs};

pub const COMMAND: Command = Command {
    name: "load",
    help: "\
Measure the portal's status and OCSP paths beside OpenSSL's own servers: requests a second and how
long one takes, on this machine, with the same requests, turn by turn.

Usage: cargo xtask load [--seconds N] [--rounds N] [--connections N]

  --seconds N      how long each measurement takes; 5 unless given
  --rounds N       how often each is repeated, the median counting; 3 unless given
  --connections N  how many connections ask at once; 8 unless given

It builds `kortlab`, starts a portal with a card, `openssl ocsp -port` as a second responder for
the same authority, and `openssl s_server -WWW` as a second TLS server; checks that both responders
say the same; and asks them: HTTPS with wrk, OCSP with a loop of its own. benches/README.md says how to read the figures.
",
    run,
};

#[derive(Debug, PartialEq, Eq)]
struct Options {
    seconds: u64,
    rounds: usize,
    connections: usize,
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = parse(arguments)?;
    apt::ensure(&needs::load())?;
    process::run(process::cargo().args(BUILD))?;
    let shape = Shape {
        duration: Duration::from_secs(options.seconds),
        connections: options.connections,
    };
    let bench = Bench::start(shape)?;
    bench.check_that_both_say_the_same()?;
    let questions = bench.questions()?;
    let mut rows: Vec<Row> = questions.iter().map(|one| Row::new(one.name)).collect();
    for round in 1..=options.rounds {
        for (asked, row) in questions.iter().zip(&mut rows) {
            eprintln!("xtask: round {round} of {}: {}", options.rounds, asked.name);
            row.ours_kept.push(bench.measure(&asked.ours, true)?);
            row.ours_closed.push(bench.measure(&asked.ours, false)?);
            row.peer.push(bench.measure(&asked.peer, false)?);
        }
    }
    print!("{}", report::text(&rows, &options.headline()));
    match rows.iter().flat_map(Row::all).find(|one| one.errors > 0) {
        None => Ok(()),
        Some(Figures { errors, .. }) => Err(Failure::new(format!(
            "a measurement had {errors} errors: its figures count for nothing"
        ))),
    }
}

const BUILD: [&str; 6] = [
    "build",
    "--release",
    "--package",
    "kortlab",
    "--bin",
    "kortlab",
];

impl Options {
    fn headline(&self) -> String {
        format!(
            "{} connections, median of {} rounds of {} s, {} processors",
            self.connections,
            self.rounds,
            self.seconds,
            parts::processors()
        )
    }
}

fn parse(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        seconds: 5,
        rounds: 3,
        connections: 8,
    };
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse().ok());
            value
                .filter(|&number: &u64| (1..=3600).contains(&number))
                .ok_or_else(|| Failure::usage(format!("{name} needs a number from 1 to 3600")))
        };
        match name.as_str() {
            "--seconds" => options.seconds = number()?,
            "--rounds" => options.rounds = number()? as usize,
            "--connections" => options.connections = number()? as usize,
            other => return Err(Failure::usage(format!("unexpected argument {other}"))),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_and_anything_else_is_a_usage_error() {
        let parse = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            parse(&words)
        };
        let options = parse(&["--rounds", "1", "--seconds", "2"]).unwrap();
        assert_eq!((options.rounds, options.seconds), (1, 2));
        assert_eq!(options.connections, 8);
        for wrong in [&["--rounds"][..], &["--seconds", "0"], &["fast"]] {
            assert_eq!(parse(wrong).unwrap_err().code, 2, "{wrong:?}");
        }
    }
}
