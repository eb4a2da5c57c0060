//! `kortlab tree`: the file system of a card.

mod shown;

use clap::Args;
use kortlab_diagnose::dump::Search;
use kortlab_diagnose::{Ended, Options, Survey, survey};

use super::Context;
use super::dump::search_parser;
use super::progress::Shown;
use crate::channel::AnyChannel;
use crate::failure::{Exit, Failure};

pub use shown::{Report, name_of};

/// Show the whole file system of a card: sizes, types, and who may do what with each file
///
/// Works on any card, PKCS#15 or not, and finds files as `dump` does: those that the card's
/// directories name, what is usually on such cards, the applications that answer to their AIDs. It
/// tries no PIN and writes nothing. What cannot be read is shown with the card's status word. Access
/// rules are in words where their coding is known: those of ISO/IEC 7816-4, and tag 86 of SetCOS.
///
/// How much is read has a limit (--budget). Exits 6 if that is not all there is, or if the card has
/// answered nonsense.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab tree
  kortlab -c card.json tree
  kortlab -c card.json --json tree
  kortlab -c card.json tree --brute-force=aids")]
pub struct Arguments {
    /// Look for what nothing on the card names, by trying, as `dump` does: files, aids; both, if none
    /// is named
    #[arg(
        long,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = "aids,files",
        value_parser = search_parser()
    )]
    brute_force: Vec<Search>,
}

/// Reads the card and shows its files.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let channel = context.open_channel()?;
    let found = look(context, channel, arguments.brute_force)?;
    let report = Report::new(&found);
    if let Some(Ended::Gone(error)) = &found.ended {
        let failure = Failure::from(error.clone());
        let message = format!("reading ended before all files were found: {error}");
        let failure = failure.saying(message);
        context.output.report_failed(&report, &failure)?;
        return Err(failure);
    }
    context.output.report(&report)?;
    Ok(match found.complete {
        true => Exit::Done,
        false => Exit::Findings,
    })
}

/// Reads the files of a card.
///
/// # Errors
/// Nothing at all could be read.
pub fn look(
    context: &Context,
    channel: AnyChannel,
    search: Vec<Search>,
) -> Result<Survey, Failure> {
    let options = Options {
        budget: context.budget,
        search,
        ..Options::default()
    };
    let mut shown = Shown::new();
    let found = survey(channel, &options, Box::new(|progress| shown.tell(progress)));
    shown.end();
    Ok(found?)
}
