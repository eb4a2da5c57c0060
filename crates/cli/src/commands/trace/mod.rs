//! `kortlab trace`: what was recorded between programs and cards.

mod at;
mod bisect;
mod convert;
mod diff;
mod judge;
mod keys;
mod playing;
mod session;
mod show;

use std::path::Path;

use clap::{Args, Subcommand};
use kortlab_trace::{MAX_TRACE, Reading};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::output::warn;

pub use session::Session;

/// Show, convert, compare and enter what passed between programs and cards
///
/// A trace is what `--trace` writes (.apdu, .json, .pcapng), or a log as people post it: OpenSC's
/// debug log, or pcscd's with APDUs. What cannot be read of it is told with its place, and the rest
/// is shown.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab trace show session.apdu
  kortlab trace convert session.apdu -o session.pcapng
  kortlab trace diff session.apdu again.json
  kortlab trace at 2 broken.apdu --image start.json -o then.json
  kortlab trace bisect broken.apdu --image start.json")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Show(show::Arguments),
    Convert(convert::Arguments),
    Diff(diff::Arguments),
    At(at::Arguments),
    Bisect(bisect::Arguments),
}

/// Runs the subcommand.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Show(arguments) => show::run(context, arguments),
        Command::Convert(arguments) => convert::run(context, arguments),
        Command::Diff(arguments) => diff::run(context, arguments),
        Command::At(arguments) => at::run(context, arguments),
        Command::Bisect(arguments) => bisect::run(context, arguments),
    }
}

/// Reads a trace of which something can be read.
fn read(path: &Path) -> Result<Reading, Failure> {
    let bytes = files::read_secret(path, MAX_TRACE)?;
    let reading = kortlab_trace::read(&bytes);
    if !reading.is_empty() {
        return Ok(reading);
    }
    let trouble = reading.troubles.first();
    let why = trouble.map_or_else(String::new, |trouble| format!("; {trouble}"));
    let text = format!("{} has no command and no card in it{why}", path.display());
    Err(Failure::failed(text)
        .of_kind("invalid")
        .hint(kortlab_trace::WHAT_IS_READ))
}

/// Tells what of a trace could not be read. Whether there is something.
fn tell_troubles(path: &Path, reading: &Reading) -> bool {
    const SHOWN: usize = 20;
    for trouble in reading.troubles.iter().take(SHOWN) {
        warn(format_args!("{}: {trouble}", path.display()));
    }
    if let Some(more) = reading
        .troubles
        .len()
        .checked_sub(SHOWN)
        .filter(|more| *more > 0)
    {
        warn(format_args!("{}: and {more} more", path.display()));
    }
    !reading.troubles.is_empty()
}
