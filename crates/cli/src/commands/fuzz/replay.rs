//! `kortlab fuzz replay`: a finding, seen again.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::Args;
use kortlab_campaign::{Recipe, Unfit, oracles};
use kortlab_explain::printable;
use serde::Serialize;

use super::findings::{ends_badly, unfit};
use super::said::{self, Line};
use super::{PlaceArguments, about, open_case};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::{GOOD, WARNING};

/// Replay a case
///
/// Runs the program of the case with its card and its faults, and says whether the same is found.
/// The last commands are shown, with those marked whose answers were spoilt. Exits 6 if the finding
/// is there, 0 if it is gone.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab fuzz replay case.json
  kortlab fuzz replay --times 10 case.json -- opensc-tool -n")]
pub struct Arguments {
    /// The case
    #[arg(value_name = "CASE")]
    case: PathBuf,

    /// Another program than that of the case, behind `--`: a repaired one
    #[arg(value_name = "PROGRAM", last = true)]
    program: Vec<OsString>,

    #[command(flatten)]
    place: PlaceArguments,

    /// The card image, if it is somewhere else now
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,

    /// So many executions
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    times: u32,
}

/// What was seen.
#[derive(Serialize)]
struct Report {
    signature: String,
    faults: Vec<String>,
    /// In how many executions it was found.
    found: u32,
    executions: u32,
    /// What was found in the last execution, if it was something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead: Option<String>,
    ended: String,
    commands: usize,
    /// The last commands.
    trace: Vec<Line>,
    stderr: String,
}

/// Replays it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (case, laboratory, _) = open_case(
        &arguments.case,
        arguments.image,
        &arguments.program,
        &arguments.place,
    )?;
    let failed = |error| about(&error);
    let good = laboratory.execute(&Recipe::default()).map_err(failed)?;
    // Of a program that does not come to ask the card it cannot be said that something is gone.
    if let Some(error) = Unfit::to_begin_with(&good) {
        return Err(unfit(&error));
    }
    ends_badly(&good);
    let mut found = 0;
    let mut last = None;
    for _ in 0..arguments.times {
        let outcome = laboratory.execute(&case.faults).map_err(failed)?;
        let same = oracles::finds(&outcome, &good, &case.signature);
        found += u32::from(same);
        let instead = oracles::judge(&outcome, &good).filter(|_| !same);
        let instead = instead.map(|finding| finding.signature);
        last = Some((outcome, instead));
    }
    let Some((outcome, instead)) = last else {
        return Err(Failure::usage("no execution was asked for"));
    };
    let report = Report {
        signature: case.signature,
        faults: case.faults.faults().to_vec(),
        found,
        executions: arguments.times,
        instead,
        ended: said::ended(&outcome),
        commands: outcome.commands,
        trace: said::trace(&outcome),
        stderr: outcome.stderr,
    };
    context.output.report(&report)?;
    Ok(match found {
        0 => Exit::Done,
        _ => Exit::Findings,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "--fault {fault}")?;
        }
        for line in &self.trace {
            line.fmt(f)?;
        }
        writeln!(f)?;
        if !self.stderr.is_empty() {
            for line in self.stderr.lines() {
                writeln!(f, "| {}", printable(line))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "ended: {}, after {} commands", self.ended, self.commands)?;
        let style = if self.found == 0 { GOOD } else { WARNING };
        writeln!(
            f,
            "{style}{} of {} times{style:#}: {}",
            self.found,
            self.executions,
            printable(&self.signature)
        )?;
        if let Some(instead) = &self.instead {
            writeln!(f, "the last time instead: {}", printable(instead))?;
        }
        Ok(())
    }
}
