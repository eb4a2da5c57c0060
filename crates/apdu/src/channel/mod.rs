//! The one function everything is built on: bytes to a card, bytes back.
//!
//! PC/SC, the in-process card, a socket are *channels*. Whatever should happen to the bytes on
//! their way is a [`Layer`]; [`Layered`] puts one around a channel, and is a channel again.

mod error;
mod layer;

pub use error::ChannelError;
pub use layer::{Layer, Layered, Occasion};

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

    /// Gives the card power, whatever was before: what it knew but did not store is lost, and a
    /// card that was pulled out is pushed in again where the channel can do that. The links that
    /// put a card into a reader ask for it. A channel without power to switch resets the card.
    ///
    /// # Errors
    /// As for [`Channel::transmit`].
    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.reset(ResetKind::Cold)
    }

    /// Takes the power away until [`Channel::power_on`]. A channel without power to switch resets
    /// the card, so that it forgets the same.
    ///
    /// # Errors
    /// As for [`Channel::transmit`].
    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.reset(ResetKind::Cold)
    }

    /// Resets the card if no other program uses it, and says whether it did: a reset would take
    /// from another program what it has verified. Channels with only one user always reset.
    ///
    /// # Errors
    /// As for [`Channel::transmit`].
    fn reset_alone(&mut self, kind: ResetKind) -> Result<bool, ChannelError> {
        self.reset(kind).map(|()| true)
    }

    /// Whether other programs may have a session with the card at the same time.
    fn is_shared(&self) -> bool {
        false
    }

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

/// Hands every method on to the channel that this pointer points to.
macro_rules! forward {
    ($pointer:ty) => {
        impl<C: Channel + ?Sized> Channel for $pointer {
            fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
                (**self).transmit(command)
            }
            fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
                (**self).reset(kind)
            }
            fn reset_alone(&mut self, kind: ResetKind) -> Result<bool, ChannelError> {
                (**self).reset_alone(kind)
            }
            fn is_shared(&self) -> bool {
                (**self).is_shared()
            }
            fn power_on(&mut self) -> Result<(), ChannelError> {
                (**self).power_on()
            }
            fn power_off(&mut self) -> Result<(), ChannelError> {
                (**self).power_off()
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
    };
}
forward!(Box<C>);
forward!(&mut C);
