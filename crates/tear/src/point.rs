//! Where power can go, and where the host can crash.

use core::fmt;

use kortlab_emulator::memory::PowerCut;

use crate::recording::Recording;

/// One moment of a recorded renewal. Commands are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The card is pulled out before a command reaches it.
    BeforeCommand {
        /// The command.
        step: usize,
    },
    /// The card is pulled out when so many bytes of a command were programmed and one more should
    /// be.
    AfterBytes {
        /// The command.
        step: usize,
        /// The bytes.
        bytes: u64,
    },
    /// The card is pulled out when a command is done, before its answer is out.
    BeforeAnswer {
        /// The command.
        step: usize,
    },
    /// The host crashes before a command. The card stays where it is, and keeps its power.
    Crash {
        /// The command.
        step: usize,
    },
    /// The host crashes in an operation of the journal.
    Journal {
        /// The operation, from 0.
        operation: usize,
        /// Whether it was durable already.
        durable: bool,
    },
}

/// What happens to the host when the card is pulled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The program goes on with what it knows of the card.
    GoesOn,
    /// It crashes; a new one has only what the journal holds on disk.
    Crashes,
}

/// A point, and what the host does.
pub type Case = (Point, Host);

impl Point {
    /// The cut to schedule right before the command, if it is one.
    pub const fn cut(self) -> Option<PowerCut> {
        match self {
            Self::BeforeCommand { .. } => Some(PowerCut::BeforeCommand(1)),
            Self::AfterBytes { bytes, .. } => Some(PowerCut::AfterBytes(bytes)),
            Self::BeforeAnswer { .. } => Some(PowerCut::BeforeAnswer(1)),
            Self::Crash { .. } | Self::Journal { .. } => None,
        }
    }

    /// Whether the card is pulled out.
    pub const fn pulls_the_card(self) -> bool {
        self.cut().is_some()
    }

    /// Every point of a recording: each byte, each APDU boundary, each operation of the journal.
    pub fn all(recording: &Recording) -> Vec<Self> {
        let mut all = Vec::new();
        for (step, command) in recording.steps.iter().enumerate() {
            all.push(Self::Crash { step });
            all.push(Self::BeforeCommand { step });
            all.extend((0..command.programmed).map(|bytes| Self::AfterBytes { step, bytes }));
            all.push(Self::BeforeAnswer { step });
        }
        for operation in 0..recording.operations.len() {
            all.extend([false, true].map(|durable| Self::Journal { operation, durable }));
        }
        all
    }

    /// Every point with each thing that the host can do: both where the card is pulled out, a
    /// crash elsewhere.
    pub fn cases(recording: &Recording) -> Vec<Case> {
        Self::all(recording)
            .into_iter()
            .flat_map(|point| {
                let goes_on = point.pulls_the_card().then_some((point, Host::GoesOn));
                goes_on.into_iter().chain([(point, Host::Crashes)])
            })
            .collect()
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeCommand { step } => write!(f, "pulled before command {step}"),
            Self::AfterBytes { step, bytes } => {
                write!(f, "pulled after {bytes} bytes of command {step}")
            }
            Self::BeforeAnswer { step } => write!(f, "pulled before the answer to command {step}"),
            Self::Crash { step } => write!(f, "in the reader, before command {step}"),
            Self::Journal { operation, durable } => {
                let when = if *durable { "after" } else { "before" };
                write!(
                    f,
                    "in the reader, {when} the journal's operation {operation}"
                )
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GoesOn => "the host goes on",
            Self::Crashes => "the host crashes",
        })
    }
}
