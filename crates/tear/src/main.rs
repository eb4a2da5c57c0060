//! `kortlab-tear`: the exhaustive run, which `cargo xtask tear` starts.

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use kortlab_apdu::Protocol;
use kortlab_card::slots::Procedure;
use kortlab_emulator::memory::MemoryTechnology;
use kortlab_tear::sample::Dice;
use kortlab_tear::{Campaign, Point, Recording, RecordingError, Tally};

const HELP: &str = "\
Tears a virtual card out of its reader at every byte programmed and every APDU boundary of the
guide's renewal, on each kind of memory, with and without a crash of the host; recovers; and checks
that no certificate is lost, every directory parses, no PIN tries are gained and no file is left
over. Does it again with copies of the card that are recovered first, with one journal for all.
Ends with 1 if anything is violated.

Usage: kortlab-tear [--protocol t0|t1] [--sample N] [--double N] [--seed N] [--planted-bug]

  --protocol t0|t1  What the card speaks; t0 unless given
  --sample N        N cuts of each memory, drawn from the seed, in place of all
  --double N        N cuts of each memory, each with two cuts of its recovery; 5000 unless given
  --seed N          Where samples begin; 1 unless given
  --planted-bug     Change the card in a wrong order instead; ends with 1 unless each is found
";

/// How often the recovery of one cut is cut.
const SECOND_CUTS: usize = 2;

struct Options {
    protocol: Protocol,
    sample: Option<usize>,
    double: usize,
    seed: u64,
    planted: bool,
}

fn main() -> ExitCode {
    let options = match options(env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("kortlab-tear: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let good = if options.planted {
        planted(&options)
    } else {
        run(&options)
    };
    match good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("kortlab-tear: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        protocol: Protocol::T0,
        sample: None,
        double: 5000,
        seed: 1,
        planted: false,
    };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments
                .next()
                .ok_or(format!("{argument} needs a number"))?;
            value.parse().map_err(|_| format!("{value} is no number"))
        };
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--sample" => options.sample = Some(number()?),
            "--double" => options.double = number()?,
            "--seed" => options.seed = number()? as u64,
            "--planted-bug" => options.planted = true,
            "--protocol" => {
                options.protocol = match arguments.next().as_deref() {
                    Some("t0") => Protocol::T0,
                    Some("t1") => Protocol::T1,
                    _ => return Err("--protocol needs t0 or t1".to_owned()),
                }
            }
            _ => return Err(format!("unknown argument {argument}")),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options) -> Result<bool, RecordingError> {
    println!(
        "{:<14} {:>9} {:>7} {:>8} {:>8} {:>10} {:>8} {:>8} {:>8} {:>11} {:>8}",
        "memory",
        "commands",
        "bytes",
        "points",
        "runs",
        "completed",
        "undone",
        "nothing",
        "torn",
        "violations",
        "seconds"
    );
    let mut total = Tally::default();
    for technology in MemoryTechnology::ALL {
        let started = Instant::now();
        let recording = Recording::new(technology, options.protocol)?;
        let points = Point::all(&recording);
        let all = Point::cases(&recording);
        let mut dice = Dice::new(options.seed);
        let single = match options.sample {
            Some(count) => dice.draw(&all, count),
            None => all.clone(),
        };
        let tally = Campaign::new(&recording, &single).run();
        row(technology.name(), &recording, points.len(), &tally, started);
        total.add(tally);

        let started = Instant::now();
        let tally = Campaign::new(&recording, &single).run_copies();
        row("  copies", &recording, points.len(), &tally, started);
        total.add(tally);

        let started = Instant::now();
        let chosen = dice.draw(&all, options.double);
        let tally = Campaign::new(&recording, &chosen).run_double(SECOND_CUTS, options.seed);
        row("  cut twice", &recording, chosen.len(), &tally, started);
        total.add(tally);
    }
    println!("\n{} cuts, {} violations", total.runs, total.violations);
    print!("{}", total.violations_text());
    Ok(total.violations == 0)
}

fn row(name: &str, recording: &Recording, points: usize, tally: &Tally, started: Instant) {
    println!(
        "{name:<14} {:>9} {:>7} {points:>8} {:>8} {:>10} {:>8} {:>8} {:>8} {:>11} {:>8.1}",
        recording.steps.len(),
        recording.programmed(),
        tally.runs,
        tally.completed,
        tally.undone,
        tally.nothing,
        tally.torn,
        tally.violations,
        started.elapsed().as_secs_f64()
    );
}

/// Cuts of a renewal in each wrong order; each must be found on each memory.
fn planted(options: &Options) -> Result<bool, RecordingError> {
    let mut all_found = true;
    for (name, procedure) in Procedure::WRONG {
        for technology in MemoryTechnology::ALL {
            let recording = Recording::with(technology, options.protocol, |session| {
                session.follow(procedure);
            })?;
            let cases = Point::cases(&recording);
            let count = options.sample.unwrap_or(cases.len());
            let cases = Dice::new(options.seed).draw(&cases, count);
            let tally = Campaign::new(&recording, &cases).run();
            println!(
                "{name}, on {}: {} violations in {} cuts",
                technology.name(),
                tally.violations,
                tally.runs
            );
            if let Some((place, violation)) = tally.kept.first() {
                println!("  the first: {place}: {violation}");
            }
            all_found &= tally.violations > 0;
        }
    }
    Ok(all_found)
}
