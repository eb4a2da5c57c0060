//! A recorded session with a virtual card, which can be entered at any command.
//!
//! The card OS does the same whenever it is sent the same, so a trace and the image that it began
//! with are the card at each of its commands. [`Walk`] plays them, and compares each answer with the
//! recorded one; [`Recording`] keeps what is needed to be at any command quickly; [`bisect()`] finds
//! the first one after which something is wrong.
//!
//! ```
//! use kortlab_diagnose::history::{History, Playing, Walk};
//! use kortlab_emulator::Image;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let trace = b"# ATR: 3B80800101\n# PROTOCOL: T=1\n00A40000022F01\n00D6000001AA\n";
//! # let image = Image::from_json(include_bytes!("../../../../vectors/emulator/small-card-t1.json"))?;
//! let reading = kortlab_trace::read(trace);
//! let history = History::of(&reading, None).ok_or("no command")?;
//! let mut walk = Walk::begin(&history, image, Playing::default())?;
//! while let Some(played) = walk.step() {
//!     for difference in &played.differences {
//!         println!("{}: {difference}", difference.number);
//!     }
//! }
//! // The card as it is now, what it has selected and verified included.
//! let card = walk.into_card();
//! # let _ = card;
//! # Ok(())
//! # }
//! ```

mod bisect;
mod change;
mod difference;
mod fault;
mod hidden;
mod recording;
mod walk;

use kortlab_apdu::channel::Occasion;
use kortlab_emulator::image::Fingerprint;
use kortlab_trace::{Exchange, Place, Reading, Sent, What};

pub use bisect::{Found, Undecided, Verdict, bisect, first};
pub use change::{Change, changes};
pub use difference::{Difference, Kind};
pub use fault::NewFaults;
pub use recording::Recording;
pub use walk::{Played, Playing, Walk};

/// What a trace says of its session with one card.
#[derive(Clone, Debug)]
pub struct History<'a> {
    steps: Vec<Step<'a>>,
    /// The numbers of its commands in the trace, from 1.
    numbers: Vec<usize>,
    /// The images of virtual cards that the trace names, where it does not say which is whose.
    images: Vec<Fingerprint>,
}

/// Something that happened to the card.
#[derive(Clone, Debug)]
struct Step<'a> {
    place: Place,
    what: Done<'a>,
}

#[derive(Clone, Debug)]
enum Done<'a> {
    /// This is the card.
    Card {
        atr: &'a [u8],
    },
    /// The card is made of this image now.
    Image(Fingerprint),
    Occasion(Occasion),
    Command {
        /// Its number among all commands of the trace, from 1.
        number: usize,
        sent: &'a Sent,
        /// The answer, or why there was none; `None`: the trace does not say.
        answer: Option<Result<&'a [u8], &'a str>>,
    },
}

impl<'a> History<'a> {
    /// The session with the card of this name; without one, with the first card that a command was
    /// sent to. `None`: the trace has no command to it.
    pub fn of(reading: &'a Reading, name: Option<&str>) -> Option<Self> {
        let exchanges = reading.exchanges();
        let name = match name {
            Some(name) => Some(name),
            None => exchanges.first()?.event.card.as_deref(),
        };
        let is_only = reading.cards().len() <= 1;
        let mut history = Self {
            steps: Vec::new(),
            numbers: Vec::new(),
            images: Vec::new(),
        };
        let mut commands = exchanges.iter().zip(1..);
        for entry in &reading.entries {
            let is_ours = entry.event.card.as_deref() == name;
            let what = match &entry.event.what {
                What::Image { fingerprint } => {
                    let fingerprint = Fingerprint(*fingerprint);
                    if !is_only {
                        history.images.push(fingerprint);
                        continue;
                    }
                    Done::Image(fingerprint)
                }
                What::Command(_) => {
                    let Some((exchange, number)) = commands.next() else {
                        continue;
                    };
                    if is_ours {
                        history.numbers.push(number);
                    }
                    command(exchange, number)
                }
                What::Card { atr, .. } => Done::Card { atr },
                What::Occasion(occasion) => Done::Occasion(*occasion),
                What::Answer { .. } | What::NoAnswer { .. } => continue,
            };
            if is_ours || matches!(what, Done::Image(_)) {
                let place = entry.place;
                history.steps.push(Step { place, what });
            }
        }
        (!history.numbers.is_empty()).then_some(history)
    }

    /// The number of the last command to this card.
    pub fn last(&self) -> usize {
        self.numbers.last().copied().unwrap_or_default()
    }

    /// The numbers of the commands to this card among all commands of the trace, from 1, in order.
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }
}

fn command<'a>(exchange: &Exchange<'a>, number: usize) -> Done<'a> {
    Done::Command {
        number,
        sent: exchange.command,
        answer: exchange.answer,
    }
}
