//! `kortlab trace convert`: a trace in another notation.

use std::path::PathBuf;

use clap::Args;
use kortlab_terminal::new_file;
use kortlab_trace::Secrets;

use super::{read, tell_troubles};
use crate::channel::TraceFile;
use crate::commands::{Context, Done};
use crate::failure::{Exit, Failure};

/// Write a trace in another notation: .apdu, .json or .pcapng
///
/// PINs and keys are left out, also where the trace or the log has them. A trace that is converted
/// to .pcapng opens in Wireshark. Exits 6 if something of the trace could not be read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab trace convert session.apdu -o session.pcapng
  kortlab trace convert session.apdu -o session.json --force")]
pub struct Arguments {
    /// The trace, or a log of one of the programs that `kortlab explain --help` names; - is standard
    /// input
    #[arg(value_name = "TRACE")]
    path: PathBuf,

    /// Where to; the ending says the notation
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,

    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

/// Converts it.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    new_file::may_write(&arguments.out, arguments.force)?;
    let reading = read(&arguments.path)?;
    let create = match arguments.force {
        true => TraceFile::create,
        false => TraceFile::create_new,
    };
    let file = create(&arguments.out, Secrets::Masked)?;
    let events: Vec<_> = reading
        .entries
        .iter()
        .map(|entry| entry.event.clone())
        .collect();
    for part in events.chunks(256) {
        file.trace().write(part);
    }
    file.finish_alone(!arguments.force)?;
    let is_whole = !tell_troubles(&arguments.path, &reading);
    let object = arguments.out.display().to_string();
    let text = format!("{object} has {} events", events.len());
    context
        .output
        .report(&Done::new("converted", object, text))?;
    Ok(if is_whole { Exit::Done } else { Exit::Findings })
}
