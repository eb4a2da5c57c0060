//! `kortlab trace show`: what a trace says.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use clap::Args;
use kortlab_apdu::instruction;
use serde::Serialize;

use super::session::{Session, Step};
use super::{read, tell_troubles};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::stop::{self, SecondTime};

/// How often a trace that is still written is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Show a trace, with what each command and answer means
///
/// It knows what was selected, verified and read before: a file is named for what it is, and with
/// --contents what was read of each is decoded. PINs and keys are not shown. Exits 6 if something
/// of the trace could not be read; that is told with its line and column, or its byte.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab trace show session.apdu
  kortlab trace show --contents session.apdu
  kortlab trace show --instruction B0 --file 4403 session.apdu
  kortlab trace show --status 6A82 --json session.apdu
  kortlab trace show --follow session.apdu")]
pub struct Arguments {
    /// The trace, or a log of one of the programs that `kortlab explain --help` names; - is standard
    /// input
    #[arg(value_name = "TRACE")]
    path: PathBuf,

    /// Only commands with this instruction: its byte, or the beginning of its name
    #[arg(long, value_name = "INS")]
    instruction: Option<String>,

    /// Only commands whose meaning names this file, as 3F00/5015/4403 or EF(CDF)
    #[arg(long, value_name = "FILE")]
    file: Option<String>,

    /// Only commands with this status word; x stands for any digit
    #[arg(long, value_name = "SW")]
    status: Option<String>,

    /// Only the card with this in its name, or in the name of its reader
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,

    /// Decode what was read of each file, too
    #[arg(long)]
    contents: bool,

    /// Go on as the trace grows, until Ctrl-C; with --json each command is a line
    #[arg(long, conflicts_with = "contents")]
    follow: bool,
}

/// Shows it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.follow {
        return follow(context, &arguments);
    }
    let reading = read(&arguments.path)?;
    let mut session = Session::new(&reading);
    session.steps.retain(|step| arguments.wants(step));
    if !arguments.contents {
        session.contents.clear();
    }
    context.output.report(&session)?;
    let is_whole = !tell_troubles(&arguments.path, &reading);
    Ok(if is_whole { Exit::Done } else { Exit::Findings })
}

/// Shows what comes, until nobody reads any more.
fn follow(context: &mut Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let stop = stop::on_signals(SecondTime::Waits)?;
    let mut shown = 0;
    let mut length = None;
    while !stop.load(Ordering::Relaxed) && !context.output.is_closed() {
        let now = length_of(&arguments.path)?;
        if length.replace(now) != Some(now) && now > 0 {
            let bytes = crate::files::read_secret(&arguments.path, kortlab_trace::MAX_TRACE)?;
            let reading = kortlab_trace::read(&bytes);
            let session = Session::new(&reading);
            // The last one may still wait for its answer.
            let whole = session.steps.iter().take_while(|step| step.is_complete());
            let steps: Vec<&Step> = whole.collect();
            for step in steps
                .iter()
                .skip(shown)
                .filter(|step| arguments.wants(step))
            {
                context.output.event(&Line(step))?;
            }
            shown = shown.max(steps.len());
        }
        thread::sleep(LOOK);
    }
    Ok(Exit::Done)
}

fn length_of(path: &Path) -> Result<u64, Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
    Ok(metadata.len())
}

/// A step as a line.
#[derive(Serialize)]
#[serde(transparent)]
struct Line<'a>(&'a Step);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Arguments {
    /// Whether a step passes the filters.
    fn wants(&self, step: &Step) -> bool {
        let reader = self.reader.as_ref().is_none_or(|name| {
            let card = step.card.as_deref().unwrap_or_default();
            card.to_lowercase().contains(&name.to_lowercase())
        });
        let file = self.file.as_ref().is_none_or(|file| step.names(file));
        reader && file && self.wants_instruction(step) && self.wants_status(step)
    }

    fn wants_instruction(&self, step: &Step) -> bool {
        let Some(wanted) = &self.instruction else {
            return true;
        };
        let Some(ins) = step.instruction else {
            return false;
        };
        let is_byte = wanted.eq_ignore_ascii_case(&format!("{ins:02X}"));
        let name = instruction::name(ins).unwrap_or_default();
        is_byte || name.to_lowercase().starts_with(&wanted.to_lowercase())
    }

    fn wants_status(&self, step: &Step) -> bool {
        let Some(wanted) = &self.status else {
            return true;
        };
        let Some(status) = &step.status_word else {
            return false;
        };
        let fits = |(wanted, found): (char, char)| {
            matches!(wanted, 'x' | 'X') || wanted.eq_ignore_ascii_case(&found)
        };
        wanted.len() == status.len() && wanted.chars().zip(status.chars()).all(fits)
    }
}
