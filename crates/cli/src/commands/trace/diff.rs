//! `kortlab trace diff`: what differs between two traces.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use kortlab_explain::printable;
use kortlab_trace::{Difference, differences};
use serde::Serialize;

use super::session::{Session, Step};
use super::{read, tell_troubles};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::output::{ERROR, GOOD, WARNING};

/// Compare two traces, command by command
///
/// Times are not compared, nor what is not shown of commands with PINs and keys; notations may
/// differ. Exits 6 if the traces differ, or something of them could not be read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab trace diff session.apdu again.json
  kortlab --json trace diff session.apdu again.json")]
pub struct Arguments {
    /// The one
    #[arg(value_name = "TRACE")]
    first: PathBuf,

    /// The other
    #[arg(value_name = "OTHER")]
    second: PathBuf,
}

/// What differs.
#[derive(Serialize)]
struct Report {
    /// How many commands and answers are the same in both.
    same: usize,
    differences: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<Step>,
}

/// Compares them.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let (first, second) = (read(&arguments.first)?, read(&arguments.second)?);
    let found = differences(&first, &second);
    let mut one = commands(Session::new(&first));
    let mut two = commands(Session::new(&second));
    let mut take = |a: Option<usize>, b: Option<usize>| {
        let first = a.and_then(|at| one.get_mut(at)).and_then(Option::take);
        let second = b.and_then(|at| two.get_mut(at)).and_then(Option::take);
        (first, second)
    };
    let mut report = Report {
        same: 0,
        differences: Vec::new(),
    };
    for difference in found {
        let (kind, (first, second)) = match difference {
            Difference::Same(..) => {
                report.same += 1;
                continue;
            }
            Difference::Answer(a, b) => ("answer", take(Some(a), Some(b))),
            Difference::OnlyFirst(a) => ("only-first", take(Some(a), None)),
            Difference::OnlySecond(b) => ("only-second", take(None, Some(b))),
        };
        report.differences.push(Entry {
            kind,
            first,
            second,
        });
    }
    let is_same = report.differences.is_empty();
    context.output.report(&report)?;
    let odd = tell_troubles(&arguments.first, &first);
    let odd = tell_troubles(&arguments.second, &second) || odd;
    Ok(match is_same && !odd {
        true => Exit::Done,
        false => Exit::Findings,
    })
}

fn commands(session: Session) -> Vec<Option<Step>> {
    let steps = session.steps.into_iter();
    steps
        .filter(|step| step.number.is_some())
        .map(Some)
        .collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.differences {
            let (style, sign) = match entry.kind {
                "only-first" => (ERROR, "- "),
                "only-second" => (GOOD, "+ "),
                _ => (WARNING, "! "),
            };
            for step in [&entry.first, &entry.second].into_iter().flatten() {
                for line in step.to_string().lines() {
                    writeln!(f, "{style}{sign}{style:#}{line}")?;
                }
            }
        }
        let same = self.same;
        match self.differences.len() {
            0 => writeln!(f, "{}", printable(&format!("the same: {same} commands"))),
            count => writeln!(f, "{count} differences; {same} commands are the same"),
        }
    }
}
