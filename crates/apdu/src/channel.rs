//! The one function everything is built on: bytes to a card, bytes back.
//!
//! PC/SC, the in-process card, a socket, a replayed trace are *channels*; tracing, fault
//! injection, tearing are *decorators*: channels that hold another channel.

use core::fmt;

/// The transmission protocol a channel speaks (ISO/IEC 7816-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// T=0: TPDUs, 61xx and 6Cxx, no extended length.
    T0,
    /// T=1, or any other block protocol that carries whole APDUs.
    T1,
}

/// How a card is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetKind {
    /// Power off and on.
    Cold,
    /// Reset with power kept.
    Warm,
}

/// A connection to one card.
pub trait Channel {
    /// Sends one command APDU (or, under T=0, one TPDU) and returns the response with its status
    /// word. The layers above do chaining, GET RESPONSE and 6Cxx.
    ///
    /// # Errors
    /// The card or the reader is gone, was reset by someone else, or the link failed. A status
    /// word that says "refused" is an answer, not an error.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError>;

    /// Resets the card.
    ///
    /// # Errors
    /// As for [`Channel::transmit`].
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError>;

    /// The card's answer to reset.
    fn atr(&self) -> &[u8];

    /// The protocol in force.
    fn protocol(&self) -> Protocol;

    /// The most command data bytes the link carries in one APDU when extended length is used;
    /// 255 or less means: short APDUs only.
    fn max_command_data(&self) -> usize {
        255
    }

    /// Keeps other programs from the card until [`Channel::end_exclusive`]. Channels with only
    /// one user do nothing.
    ///
    /// # Errors
    /// As for [`Channel::transmit`].
    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }

    /// Ends what [`Channel::begin_exclusive`] began.
    ///
    /// # Errors
    /// As for [`Channel::transmit`].
    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }
}

impl<C: Channel + ?Sized> Channel for Box<C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        (**self).transmit(command)
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        (**self).reset(kind)
    }
    fn atr(&self) -> &[u8] {
        (**self).atr()
    }
    fn protocol(&self) -> Protocol {
        (**self).protocol()
    }
    fn max_command_data(&self) -> usize {
        (**self).max_command_data()
    }
    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        (**self).begin_exclusive()
    }
    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        (**self).end_exclusive()
    }
}

impl<C: Channel + ?Sized> Channel for &mut C {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        (**self).transmit(command)
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        (**self).reset(kind)
    }
    fn atr(&self) -> &[u8] {
        (**self).atr()
    }
    fn protocol(&self) -> Protocol {
        (**self).protocol()
    }
    fn max_command_data(&self) -> usize {
        (**self).max_command_data()
    }
    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        (**self).begin_exclusive()
    }
    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        (**self).end_exclusive()
    }
}

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
            Self::Link(what) => write!(f, "the link to the card failed: {what}"),
            Self::Storage(what) => write!(f, "the card's state could not be saved: {what}"),
        }
    }
}

impl std::error::Error for ChannelError {}
