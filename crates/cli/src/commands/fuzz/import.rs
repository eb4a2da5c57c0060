//! `kortlab fuzz import`: a test case of OpenSC's fuzzers as a card.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use kortlab_apdu::ByteCount;
use kortlab_campaign::corpora::opensc::{Answers, MAX_FILE};
use kortlab_terminal::new_file;
use serde::Serialize;

use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::{note, warn};

/// Make a fault of a test case of OpenSC's fuzzers
///
/// Such a file holds an ATR and what a card answers next, whatever it is asked, each behind two bytes of
/// length. What comes of it is a file with the fault `answers`, which does the same to any program. What some of the
/// fuzzers have in front, as the arguments of a tool, is passed over. `kortlab fuzz run --corpus` and
/// `fuzz afl --corpus` take such files as they are.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab fuzz import session.bin -o session.faults
  kortlab fuzz run --corpus session.faults --executions 1 card.json -- opensc-tool -n")]
pub struct Arguments {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The byte at which its first piece, the ATR, begins [default: where the first ATR is]
    #[arg(long, value_name = "N")]
    offset: Option<usize>,

    /// Write the fault here
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Overwrite that file
    #[arg(long)]
    force: bool,
}

/// What was in it.
#[derive(Serialize)]
struct Report {
    atr: String,
    answers: usize,
    offset: usize,
    fault: String,
}

/// Makes a fault of it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    new_file::may_write(&arguments.output, arguments.force)?;
    let path = arguments.file.display();
    let bytes = files::read_regular(&arguments.file, MAX_FILE)?;
    let answers = match arguments.offset {
        Some(offset) => Answers::at(&bytes, offset),
        None => Answers::find(&bytes),
    };
    let answers = answers.map_err(|error| {
        Failure::failed(format!("{path}: {error}"))
            .of_kind("invalid")
            .hint("--offset says where the ATR is, two bytes of length first")
    })?;
    if answers.offset > 0 && arguments.offset.is_none() {
        note(format_args!(
            "{path}: passed over {} in front of the ATR",
            ByteCount(answers.offset)
        ));
    }
    if let Some(at) = answers.cut {
        warn(format_args!(
            "{path}: byte {at}: the last piece is cut: it says more bytes than there are, or has no length"
        ));
    }
    let recipe = answers.recipe();
    let report = Report {
        atr: hex::encode_upper(&answers.atr),
        answers: answers.answers.len(),
        offset: answers.offset,
        fault: recipe.to_lines().trim_end().to_owned(),
    };
    let text = recipe.to_lines();
    new_file::write(&arguments.output, text.as_bytes(), arguments.force)?;
    context.output.report(&report)?;
    Ok(Exit::Done)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ATR      {}", self.atr)?;
        writeln!(f, "Answers  {}", self.answers)
    }
}
