//! Why a channel could not carry a command.

use core::fmt;
use core::time::Duration;

/// Why a channel could not carry a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelError {
    /// No card in the reader, or the card was pulled out.
    NoCard,
    /// The reader is gone, or there is none.
    NoReader(String),
    /// Another program reset the card; what was selected and verified is lost.
    WasReset,
    /// Another program holds the card.
    Busy,
    /// Another program has held the card for longer than was waited for it; the text says how long
    /// and, if that is known, which.
    Held(String),
    /// The card has not answered in the time that a whole answer may take.
    Silent {
        /// How long that was.
        after: Duration,
    },
    /// This link cannot carry the command; nothing was sent.
    NotCarried(String),
    /// The link failed; the text says how and what to do.
    Link(String),
    /// What the channel persists could not be saved; the change was not made.
    Storage(String),
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCard => {
                f.write_str("no card: it is not in the reader, or it was pulled out; insert it")
            }
            Self::NoReader(what) => write!(f, "no reader: {what}"),
            Self::WasReset => {
                f.write_str("another program reset the card: start again from the first step")
            }
            Self::Busy => f.write_str("another program holds the card: close it and try again"),
            Self::Held(what) => write!(f, "another program holds the card: {what}"),
            Self::Silent { after } => write!(
                f,
                "the card does not answer: its whole answer did not come within {} s; take it out \
                 and put it in again",
                after.as_secs_f32()
            ),
            Self::NotCarried(what) => write!(f, "the command was not sent: {what}"),
            Self::Link(what) => write!(f, "the link to the card failed: {what}"),
            Self::Storage(what) => write!(f, "the card's state could not be saved: {what}"),
        }
    }
}

impl std::error::Error for ChannelError {}
