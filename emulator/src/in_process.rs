//! The in-process channel: a card with the store that keeps its image.

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind, StatusWord};

use crate::card::VirtualCard;
use crate::memory::PowerLost;
use crate::store::{Ephemeral, Store, StoreError};

/// A card that is inserted somewhere: a [`VirtualCard`] and the [`Store`] that keeps its image.
///
/// What a command changes is saved before its answer is given out. If that fails, the change is
/// undone. A reader can be told no more than `6581`, which [`Inserted::transmit`] answers, and
/// [`Inserted::store_error`] tells why; who holds this as a [`Channel`] hears of it as
/// [`ChannelError::Storage`], since the card is not at fault.
#[derive(Debug)]
pub struct Inserted<S: Store> {
    card: VirtualCard,
    store: S,
    store_error: Option<StoreError>,
    /// Whether the card was pulled out, which a power cut stands for.
    out: bool,
}

/// Why a command has no answer of the card's own.
enum NoAnswer {
    /// Power was cut.
    PowerLost,
    /// What it changed could not be saved, and was undone.
    NotSaved(StoreError),
}

/// A card whose changes are kept in memory alone.
pub type InProcess = Inserted<Ephemeral>;

impl<S: Store> Inserted<S> {
    /// Puts a card and its store together, and gives power.
    pub fn new(mut card: VirtualCard, store: S) -> Self {
        card.power_on();
        Self {
            card,
            store,
            store_error: None,
            out: false,
        }
    }

    /// Answers one command as [`Inserted::try_transmit`] does; `6F00` stands for the silence of a
    /// card that is out.
    pub fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.try_transmit(command)
            .unwrap_or_else(|PowerLost| StatusWord::UNKNOWN.bytes().to_vec())
    }

    /// Answers one command, and saves what it changed. If power is cut, what the card is left with
    /// is saved all the same: that is how it will be found when it is pushed in again.
    ///
    /// # Errors
    /// Power was cut, and the card is out until [`Inserted::reinsert`].
    pub fn try_transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        match self.saved(command) {
            Err(NoAnswer::NotSaved(_)) => Ok(StatusWord::MEMORY_FAILURE.bytes().to_vec()),
            Err(NoAnswer::PowerLost) => Err(PowerLost),
            Ok(answer) => Ok(answer),
        }
    }

    /// Answers one command whose change, if there is one, is saved.
    fn saved(&mut self, command: &[u8]) -> Result<Vec<u8>, NoAnswer> {
        if self.out {
            return Err(NoAnswer::PowerLost);
        }
        let answer = self.card.try_transmit(command);
        self.out = answer.is_err();
        let answer = answer.map_err(|PowerLost| NoAnswer::PowerLost);
        if !self.card.take_changed() || !self.store.keeps() {
            return answer;
        }
        match self.store.save(&self.card.image()) {
            Ok(()) => {
                self.store_error = None;
                answer
            }
            Err(error) => {
                self.store_error = Some(error.clone());
                self.card.undo_last();
                answer.and(Err(NoAnswer::NotSaved(error)))
            }
        }
    }

    /// Pushes the card in again after a power cut, and gives power. Its own recovery can be cut as
    /// well; then it is out again.
    pub fn reinsert(&mut self) {
        self.card.power_off();
        self.card.power_on();
        self.out = self.card.power_lost();
    }

    /// Whether the card is out of the reader, because its power was cut.
    pub const fn is_out(&self) -> bool {
        self.out
    }

    /// The card.
    pub const fn card(&self) -> &VirtualCard {
        &self.card
    }

    /// The card, for power and reset.
    pub const fn card_mut(&mut self) -> &mut VirtualCard {
        &mut self.card
    }

    /// The store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The store, to set it up.
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Why the last change could not be saved, if so.
    pub const fn store_error(&self) -> Option<&StoreError> {
        self.store_error.as_ref()
    }

    /// Takes card and store apart.
    pub fn into_parts(self) -> (VirtualCard, S) {
        (self.card, self.store)
    }
}

impl InProcess {
    /// A card whose changes are kept in memory alone.
    pub fn ephemeral(card: VirtualCard) -> Self {
        Self::new(card, Ephemeral)
    }
}

impl<S: Store> Channel for Inserted<S> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.saved(command).map_err(|why| match why {
            NoAnswer::PowerLost => ChannelError::NoCard,
            NoAnswer::NotSaved(error) => ChannelError::Storage(error.to_string()),
        })
    }

    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        if self.out {
            return Err(ChannelError::NoCard);
        }
        self.card.reset();
        Ok(())
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        if self.out {
            self.reinsert();
        } else {
            self.card.power_on();
        }
        if self.out {
            return Err(ChannelError::NoCard);
        }
        Ok(())
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.card.power_off();
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        self.card.atr()
    }

    fn protocol(&self) -> Protocol {
        self.card.protocol()
    }

    fn max_command_data(&self) -> usize {
        match self.card.protocol() {
            Protocol::T0 => 255,
            Protocol::T1 => kortlab_apdu::command::MAX_NC,
        }
    }
}
