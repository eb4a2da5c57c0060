//! `kortlab fuzz export`: what a card has answered, as a test case of OpenSC's fuzzers.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use kortlab_apdu::ByteCount;
use kortlab_campaign::corpora::opensc::{Answers, MAX_FILE};
use kortlab_campaign::{Case, MAX_CASE, Recorded};
use kortlab_terminal::new_file;
use kortlab_trace::{MAX_TRACE, Reading};
use serde::Serialize;

use super::{PlaceArguments, about, open_case};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::{note, warn};

/// Make a test case of OpenSC's fuzzers of a case, or of a trace
///
/// A case is run once more, and what the program gets of the card is written down: the ATR, and the
/// answers in their order, each behind two bytes of length. Of a trace it is what the first card in it
/// has answered. Such a file is what OpenSC's fuzz_pkcs15_reader reads, and others behind something of
/// their own; whoever asks the same questions gets the same answers.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab fuzz export case.json -o finding.bin
  kortlab fuzz export program.apdu -o session.bin")]
pub struct Arguments {
    /// A case, or a trace in any form that `kortlab trace show` reads
    #[arg(value_name = "CASE-OR-TRACE")]
    file: PathBuf,

    /// Where to
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Overwrite that file
    #[arg(long)]
    force: bool,

    /// The card image of a case, if it is somewhere else now
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
}

/// What was written.
#[derive(Serialize)]
struct Report {
    answers: usize,
    bytes: usize,
    file: String,
}

/// Writes it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    new_file::may_write(&arguments.output, arguments.force)?;
    if arguments.file != Path::new("-") {
        files::must_be_regular(&arguments.file)?;
    }
    let bytes = files::read_secret(&arguments.file, MAX_TRACE)?;
    let is_case = bytes.len() <= MAX_CASE && Case::parse(&bytes).is_ok();
    let recorded = match is_case {
        true => of_case(&arguments)?,
        false => of_trace(&arguments.file, &kortlab_trace::read(&bytes))?,
    };
    let failed = recorded
        .answers
        .iter()
        .filter(|answer| answer.len() < 2)
        .count();
    if failed > 0 {
        warn(format_args!(
            "{failed} commands got no status word; to OpenSC's fuzzers that is 6D00"
        ));
    }
    let answers = Answers {
        atr: recorded.atr,
        answers: recorded.answers,
        offset: 0,
        cut: None,
    };
    let file = answers.to_bytes();
    new_file::write(&arguments.output, &file, arguments.force)?;
    context.output.report(&Report {
        answers: answers.answers.len(),
        bytes: file.len(),
        file: arguments.output.display().to_string(),
    })?;
    Ok(Exit::Done)
}

fn of_case(arguments: &Arguments) -> Result<Recorded, Failure> {
    // Beside a service of ours, where everything passes.
    let place = PlaceArguments::new(false);
    let (case, laboratory, _) = open_case(&arguments.file, arguments.image.clone(), &[], &place)?;
    let recorded = laboratory.record(&case.faults, MAX_FILE);
    let (recorded, all) = recorded.map_err(|error| about(&error))?;
    if !all {
        note(format_args!(
            "only the first {} answers have room in {MAX_FILE} bytes",
            recorded.answers.len()
        ));
    }
    Ok(recorded)
}

fn of_trace(path: &Path, reading: &Reading) -> Result<Recorded, Failure> {
    for trouble in &reading.troubles {
        warn(format_args!("{}: {trouble}", path.display()));
    }
    let exchanges = reading.exchanges();
    let Some(first) = exchanges.first() else {
        return Err(Failure::failed(format!(
            "{}: it is no case, and no trace with a command",
            path.display()
        ))
        .of_kind("invalid")
        .hint("give what `kortlab fuzz run` or `--trace` has written"));
    };
    let card = first.event.card.clone();
    let of_card = exchanges
        .iter()
        .filter(|exchange| exchange.event.card == card);
    let answers = of_card.map(|exchange| match exchange.answer {
        Some(Ok(answer)) => answer.to_vec(),
        _ => Vec::new(),
    });
    let atr = reading.card_named(card.as_deref());
    let atr = atr.map(|(atr, _)| atr.to_vec()).unwrap_or_default();
    if atr.is_empty() {
        warn(format_args!(
            "{}: no ATR is in it; the first piece has no bytes",
            path.display()
        ));
    }
    Ok(Recorded {
        atr,
        answers: answers.collect(),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: an ATR and {} answers, {}",
            self.file,
            self.answers,
            ByteCount(self.bytes)
        )
    }
}
