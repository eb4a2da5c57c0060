//! `kortlab fuzz minimize`: the fewest faults that still do it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::Args;
use kortlab_campaign::minimize::minimize;
use kortlab_campaign::{Recipe, oracles};
use kortlab_terminal::new_file;
use serde::Serialize;

use super::{PlaceArguments, about, open_case};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::stop::{self, SecondTime};

/// Make a case as small as it can be
///
/// Leaves out faults, then parameters, strikes once in place of often, makes numbers smaller and bytes
/// fewer, as long as the same is found. Ctrl-C ends it with the smallest case so far.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab fuzz minimize case.json
  kortlab fuzz minimize case.json -o small.json")]
pub struct Arguments {
    /// The case
    #[arg(value_name = "CASE")]
    case: PathBuf,

    /// Another program than that of the case, behind `--`
    #[arg(value_name = "PROGRAM", last = true)]
    program: Vec<OsString>,

    /// Write the smaller case here [default: over the case]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Overwrite the file of --output
    #[arg(long, requires = "output")]
    force: bool,

    #[command(flatten)]
    place: PlaceArguments,

    /// The card image, if it is somewhere else now
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,

    /// At most so many executions
    #[arg(long, value_name = "N", default_value_t = 2000)]
    executions: u32,
}

/// What became of it.
#[derive(Serialize)]
struct Report {
    signature: String,
    faults: Vec<String>,
    executions: u32,
    file: String,
}

/// Makes it smaller.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    if let Some(path) = &arguments.output {
        new_file::may_write(path, arguments.force)?;
    }
    let stop = stop::on_signals(SecondTime::Ends)?;
    let (mut case, laboratory, image) = open_case(
        &arguments.case,
        arguments.image.clone(),
        &arguments.program,
        &arguments.place,
    )?;
    let failed = |error| about(&error);
    let good = laboratory.execute(&Recipe::default()).map_err(failed)?;
    let outcome = laboratory.execute(&case.faults).map_err(failed)?;
    if !oracles::finds(&outcome, &good, &case.signature) {
        return Err(
            Failure::failed("the finding is not there any more: nothing was written")
                .hint("see with `kortlab fuzz replay --times 10` whether it comes now and then"),
        );
    }
    let smaller = minimize(
        &laboratory,
        &good,
        &case.faults,
        &case.signature,
        arguments.executions,
        &stop,
    );
    let smaller = smaller.map_err(failed)?;
    case.faults = smaller.recipe;
    if let Some(card) = &arguments.image {
        case.card = card.display().to_string();
        case.card_sha256 = kortlab_campaign::Case::hash(&image);
    }
    let path = match arguments.output {
        Some(path) => {
            new_file::write(&path, case.to_json().as_bytes(), arguments.force)?;
            path
        }
        None => {
            files::replace(&arguments.case, case.to_json().as_bytes())
                .map_err(|error| Failure::file("write", &arguments.case, &error))?;
            arguments.case
        }
    };
    let report = Report {
        signature: case.signature,
        faults: case.faults.faults().to_vec(),
        executions: smaller.executions,
        file: path.display().to_string(),
    };
    if smaller.interrupted {
        let failure = Failure::new(
            Exit::Interrupted,
            "it was interrupted: a smaller case may do it, too",
        );
        context.output.report_failed(&report, &failure)?;
        return Err(failure);
    }
    context.output.report(&report)?;
    Ok(Exit::Done)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "--fault {fault}")?;
        }
        writeln!(f, "{}: {} executions", self.file, self.executions)
    }
}
