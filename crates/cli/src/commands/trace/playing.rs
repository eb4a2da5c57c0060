//! A recorded session that is played with the image that it began with.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use kortlab_diagnose::history::{Difference, History, Playing};
use kortlab_emulator::memory::PowerCut;
use kortlab_emulator::{Image, ImageFile};
use kortlab_trace::Reading;
use serde::Serialize;

use super::session::{At, Session, Step};
use crate::channel::{Fault, about_image};
use crate::failure::Failure;
use crate::output::{DIM, ERROR, WARNING, note, printable};
use crate::pin_source::recorded_new_pin;

/// The session, and what is known of it beside its trace.
#[derive(Args)]
pub struct SessionArguments {
    /// The trace
    #[arg(value_name = "TRACE")]
    pub path: PathBuf,

    /// The card image that the session began with, as --trace-start keeps it; it is not changed
    #[arg(long, value_name = "FILE")]
    image: PathBuf,

    /// The card with this in its name, or in the name of its reader, where the trace is about several
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,

    /// Where a PIN comes from that the session has set, if the trace does not show it: env:NAME,
    /// file:PATH, fd:N; once for each, in order
    #[arg(long, value_name = "SOURCE")]
    new_pin: Vec<String>,

    /// Where the card was torn out, as --fault had it: after-bytes=N, before-command=N,
    /// before-answer=N
    #[arg(long, value_name = "POINT", value_parser = tear)]
    tear: Option<PowerCut>,

    /// Go on where the card answers otherwise than it did; every difference is told
    #[arg(long)]
    pub go_on: bool,
}

fn tear(text: &str) -> Result<PowerCut, String> {
    match Fault::parse(&format!("tear:{text}")) {
        Ok(Fault::Tear(cut)) => Ok(cut),
        Ok(Fault::Answer(_)) => Err("this is no point to tear a card out at".to_owned()),
        Err(error) => Err(error.for_command_line()),
    }
}

impl SessionArguments {
    /// Reads the image.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn image(&self) -> Result<Image, Failure> {
        let image = ImageFile::peek(&self.image);
        image.map_err(|error| self.about(&error))
    }

    /// Why the image cannot be used.
    pub fn about(&self, error: &kortlab_emulator::ImageError) -> Failure {
        about_image(&self.image, error)
    }

    /// What is known of the session beside the trace.
    ///
    /// # Errors
    /// A PIN cannot be read.
    pub fn playing(&self) -> Result<Playing, Failure> {
        let pins = self.new_pin.iter().cloned().map(recorded_new_pin);
        Ok(Playing {
            cut: self.tear,
            new_pins: pins.collect::<Result<_, _>>()?,
        })
    }

    /// The session with the card that is meant.
    ///
    /// # Errors
    /// There is none.
    pub fn history<'a>(&self, reading: &'a Reading) -> Result<History<'a>, Failure> {
        let cards = reading.cards();
        let wanted = self.reader.as_ref().map(|name| name.to_lowercase());
        let named = match &wanted {
            None => {
                if let [first, _, ..] = cards.as_slice() {
                    note(format_args!(
                        "{} is about several cards; --reader chooses another than {first}",
                        self.path.display()
                    ));
                }
                None
            }
            Some(wanted) => {
                let mut cards = cards.iter();
                let found = cards.find(|card| card.to_lowercase().contains(wanted.as_str()));
                Some(*found.ok_or_else(|| self.no_session("no card of this name"))?)
            }
        };
        History::of(reading, named).ok_or_else(|| self.no_session("no command to the card"))
    }

    fn no_session(&self, what: &str) -> Failure {
        let path = self.path.display();
        Failure::failed(format!("{path} has {what} in it"))
            .of_kind("invalid")
            .hint("`kortlab trace show` shows what it has")
    }
}

/// The commands of a trace, to be named.
pub struct Steps(Vec<Option<Step>>);

impl Steps {
    pub fn of(reading: &Reading) -> Self {
        let steps = Session::new(reading).steps.into_iter();
        let commands = steps.filter(|step| step.number.is_some());
        Self(commands.map(Some).collect())
    }

    /// The command with this number; once.
    pub fn take(&mut self, number: usize) -> Option<Step> {
        let at = number.checked_sub(1)?;
        self.0.get_mut(at)?.take()
    }
}

/// Where the session, played again, was not what was recorded.
#[derive(Serialize)]
pub struct Differs {
    /// The number of the command; 0: before all.
    number: usize,
    #[serde(flatten)]
    place: At,
    kind: &'static str,
    message: String,
    next_step: &'static str,
    /// The command, and what it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
}

impl Differs {
    pub fn new(difference: &Difference, steps: &mut Steps) -> Self {
        Self {
            number: difference.number,
            place: difference.place.into(),
            kind: difference.kind.word(),
            message: difference.to_string(),
            next_step: difference.kind.next_step(),
            step: steps.take(difference.number),
        }
    }
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.number {
            0 => "at the start".to_owned(),
            number => format!("command {number}"),
        };
        let message = printable(&self.message);
        writeln!(f, "{ERROR}differs:{ERROR:#} {place}: {message}")?;
        if let Some(step) = &self.step {
            step.fmt(f)?;
        }
        writeln!(f, "{DIM}next:{DIM:#} {}", self.next_step)
    }
}

/// That no generator is in the image, where that matters to what is done with it.
pub fn warn_of_chance(f: &mut fmt::Formatter<'_>, keeps_generator: bool) -> fmt::Result {
    match keeps_generator {
        true => Ok(()),
        false => writeln!(
            f,
            "{WARNING}not compared:{WARNING:#} random bytes; the image does not say which the card got \
             (--trace-start)"
        ),
    }
}

/// The name of a file as it is shown.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
