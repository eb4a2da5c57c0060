//! `kortlab trace at`: the card as it was at a command.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use kortlab_diagnose::history::Walk;
use kortlab_terminal::new_file::write_image;
use serde::Serialize;

use super::playing::{Differs, SessionArguments, Steps, shown, warn_of_chance};
use super::session::Step;
use super::{read, tell_troubles};
use crate::commands::Context;
use crate::commands::card::new::check_place;
use crate::failure::{Exit, Failure};
use crate::output::{BOLD, note};

/// Open the card as it was after a command of a recorded session
///
/// The session is played with the card image that it began with, and each answer is compared with the
/// recorded one: the card OS does the same when it is sent the same. The image that is written is the
/// card after command N, as `trace show` numbers them; `emulate`, `run` and `--card` go on from there,
/// byte for byte as the session did where the image has the generator (--trace-start). What was
/// selected and verified is no part of an image, and is told.
///
/// Masked PINs are put in place where the card itself tells them. Ends at the first difference, with
/// exit code 6, and writes nothing, unless --go-on is given.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kortlab -c card.json --trace t.apdu --trace-start start.json info
  kortlab trace at 3 t.apdu --image start.json
  kortlab trace at 3 t.apdu --image start.json -o then.json
  kortlab --json trace at 3 t.apdu --image start.json -o then.json --force")]
pub struct Arguments {
    /// The command after which the card is wanted, as `trace show` numbers it; 0 is the start
    #[arg(value_name = "N")]
    number: usize,

    #[command(flatten)]
    session: SessionArguments,

    /// Where to write the card image; the name must end in .json
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Overwrite a file that is there
    #[arg(long, requires = "output")]
    force: bool,
}

/// The card at a command.
#[derive(Serialize)]
struct Report {
    number: usize,
    /// How many commands to this card were played.
    played: usize,
    /// The command, and what it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    /// The file that was written.
    image: Option<PathBuf>,
    /// Whether the image says which random numbers come next.
    keeps_generator: bool,
    differences: Vec<Differs>,
}

/// Plays the session up to the command.
pub fn run(context: &mut Context, arguments: Arguments) -> Result<Exit, Failure> {
    let session = &arguments.session;
    if let Some(path) = &arguments.output {
        check_place(path, arguments.force)?;
    }
    let reading = read(&session.path)?;
    let odd = tell_troubles(&session.path, &reading);
    let history = session.history(&reading)?;
    let number = arguments.number;
    if number > history.last() {
        let (path, last) = (session.path.display(), history.last());
        let text =
            format!("the last command to the card in {path} is {last}, and {number} is asked for");
        return Err(Failure::usage(text).hint("`kortlab trace show` numbers the commands"));
    }
    let image = session.image()?;
    let walk = Walk::begin(&history, image, session.playing()?);
    let mut walk = walk.map_err(|error| session.about(&error))?;
    let differences = walk.to(number, session.go_on);
    let mut steps = Steps::of(&reading);
    let step = steps.take(number);
    let mut report = Report {
        number,
        played: history
            .numbers()
            .iter()
            .filter(|one| **one <= number)
            .count(),
        step,
        image: None,
        keeps_generator: walk.card().keeps_generator(),
        differences: Vec::new(),
    };
    for difference in &differences {
        report
            .differences
            .push(Differs::new(difference, &mut steps));
    }
    if differences.is_empty() || session.go_on {
        if let Some(path) = &arguments.output {
            write_image(path, &walk.card().image(), arguments.force)?;
            report.image = Some(path.clone());
        }
    } else {
        report.step = None;
        note("the session cannot be entered past this; --go-on tries");
    }
    context.output.report(&report)?;
    Ok(match report.differences.is_empty() && !odd {
        true => Exit::Done,
        false => Exit::Findings,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            difference.fmt(f)?;
        }
        if let Some(step) = &self.step {
            step.fmt(f)?;
            step.state(f)?;
        }
        let number = self.number;
        let when = match number {
            0 => "at the start of the session".to_owned(),
            _ => format!("after command {number}"),
        };
        if let Some(path) = &self.image {
            writeln!(f, "{BOLD}{}{BOLD:#} is the card {when}", shown(path))?;
        } else if self.differences.is_empty() {
            let played = self.played;
            writeln!(
                f,
                "the card {when} is known: {played} commands were answered as then"
            )?;
        }
        warn_of_chance(f, self.keeps_generator)
    }
}
