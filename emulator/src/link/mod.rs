//! The links that put a card into a reader.
//!
//! A link knows a card only as [`PoweredCard`]: something with contacts.

pub mod frame;
pub mod session;
pub mod vpcd;

use crate::in_process::Inserted;
use crate::store::Store;

/// A card as a reader sees it: power, reset, and commands.
pub trait PoweredCard {
    /// Gives the card power; what it knew but did not store is lost.
    fn power_on(&mut self);

    /// Takes the power away.
    fn power_off(&mut self);

    /// Resets the card with power kept.
    fn reset(&mut self);

    /// The answer to reset, 2 to 33 bytes (ISO/IEC 7816-3 §8).
    fn atr(&self) -> &[u8];

    /// Answers a command, with at least the two bytes of a status word.
    fn transmit(&mut self, command: &[u8]) -> Vec<u8>;

    /// Whether the card has left the reader by itself: its power was cut as if it were pulled out.
    /// [`PoweredCard::power_on`] pushes it in again.
    fn has_left(&self) -> bool {
        false
    }
}

impl<C: PoweredCard + ?Sized> PoweredCard for &mut C {
    fn power_on(&mut self) {
        (**self).power_on();
    }
    fn power_off(&mut self) {
        (**self).power_off();
    }
    fn reset(&mut self) {
        (**self).reset();
    }
    fn atr(&self) -> &[u8] {
        (**self).atr()
    }
    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        (**self).transmit(command)
    }
    fn has_left(&self) -> bool {
        (**self).has_left()
    }
}

impl<S: Store> PoweredCard for Inserted<S> {
    fn power_on(&mut self) {
        if self.is_out() {
            self.reinsert();
        } else {
            self.card_mut().power_on();
        }
    }
    fn power_off(&mut self) {
        self.card_mut().power_off();
    }
    fn reset(&mut self) {
        self.card_mut().reset();
    }
    fn atr(&self) -> &[u8] {
        self.card().atr()
    }
    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        Self::transmit(self, command)
    }
    fn has_left(&self) -> bool {
        self.is_out()
    }
}
