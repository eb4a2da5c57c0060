//! Where playing a trace leaves what was recorded: [`Difference`].

use core::fmt;

use kortlab_apdu::ByteCount;
use kortlab_apdu::instruction;
use kortlab_emulator::image::Fingerprint;
use kortlab_trace::Place;

/// Something because of which the card, or what is known of it, is not what it was in the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The command at which it shows, by its number in the trace; 0: before all commands.
    pub number: usize,
    /// Where the trace says it.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The session began with a card of another image.
    Image {
        /// The images that the trace names.
        recorded: Vec<Fingerprint>,
        /// That of the card.
        now: Fingerprint,
    },
    /// The card has another answer to reset.
    Atr {
        /// The recorded one.
        recorded: Vec<u8>,
        /// This card's.
        now: Vec<u8>,
    },
    /// The card answers otherwise.
    Answer {
        /// The recorded answer, its status word included.
        recorded: Vec<u8>,
        /// The answer now; `None`: it has none, for its power was cut.
        now: Option<Vec<u8>>,
    },
    /// A PIN or a key in the command is not shown, and what the command did depends on it. The
    /// command was not sent.
    NotShown {
        /// The instruction.
        instruction: u8,
    },
    /// No answer was recorded, and the trace does not say how much of the command the card had done.
    /// It was done whole.
    Unanswered,
    /// The card has made something of random numbers and kept it, and the image does not say which
    /// they were.
    Random {
        /// The instruction.
        instruction: u8,
    },
}

impl Kind {
    /// A stable word for programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Image { .. } => "image",
            Self::Atr { .. } => "atr",
            Self::Answer { .. } => "answer",
            Self::NotShown { .. } => "not-shown",
            Self::Unanswered => "unanswered",
            Self::Random { .. } => "random",
        }
    }

    /// What to do about it.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Image { .. } | Self::Atr { .. } => {
                "give the image that the session began with (--image); `--trace-start FILE.json` keeps \
                 it beside the next trace"
            }
            Self::Answer { .. } => {
                "the trace is of another card, of another version of this program, or was spoilt by \
                 --fault; give the image that the session began with"
            }
            Self::NotShown { .. } => {
                "say where the new PIN comes from (--new-pin), once for each command that sets one, or \
                 record with --unmask-pins"
            }
            Self::Unanswered => {
                "if the card was torn out by --fault tear:…, say the same with --tear"
            }
            Self::Random { .. } => {
                "record with --trace-start FILE.json: that image says which random numbers the card \
                 gets"
            }
        }
    }
}

/// A name for the instruction of a command.
fn named(ins: u8) -> String {
    match instruction::name(ins) {
        Some(name) => name.to_owned(),
        None => format!("the command {ins:02X}"),
    }
}

/// Bytes, or the beginning and the end of many.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 24;
    match bytes.split_last_chunk::<2>() {
        Some((data, status)) if bytes.len() > MOST => format!(
            "{}… ({}) {}",
            hex::encode_upper(data.get(..8).unwrap_or(data)),
            ByteCount(data.len()),
            hex::encode_upper(status)
        ),
        _ => hex::encode_upper(bytes),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Image { recorded, now } => {
                let recorded: Vec<_> = recorded.iter().map(ToString::to_string).collect();
                let recorded = recorded.join(" or ");
                write!(
                    f,
                    "the card is of the image {recorded}, and the one that was given is {now}"
                )
            }
            Kind::Atr { recorded, now } => write!(
                f,
                "the card has the answer to reset {}, and the one that was given has {}",
                hex::encode_upper(recorded),
                hex::encode_upper(now)
            ),
            Kind::Answer { recorded, now } => match now {
                Some(now) => write!(f, "answered {} then, and {} now", shown(recorded), shown(now)),
                None => write!(f, "answered {} then, and nothing now", shown(recorded)),
            },
            Kind::NotShown { instruction } => write!(
                f,
                "{} has a PIN or a key that the trace does not show, and the card has kept it",
                named(*instruction)
            ),
            Kind::Unanswered => f.write_str(
                "changes the card, and got no answer; how much of it was done, the trace does not say",
            ),
            Kind::Random { instruction } => write!(
                f,
                "{} has kept what it made of random numbers, and the image does not say which",
                named(*instruction)
            ),
        }
    }
}
