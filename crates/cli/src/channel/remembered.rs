//! An ephemeral card for a command that opens its card again and again, and its journal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_card::{CardKey, Journal, JournalError, Note, NoteId, Transaction};

use super::{AnyChannel, CardJournal};

/// An ephemeral card that is opened again and again, and remembers meanwhile what was changed.
#[derive(Clone)]
pub struct Remembered {
    card: Arc<Mutex<AnyChannel>>,
    atr: Vec<u8>,
}

impl Remembered {
    /// This card.
    pub fn new(card: AnyChannel) -> Self {
        Self {
            atr: card.atr().to_vec(),
            card: Arc::new(Mutex::new(card)),
        }
    }

    fn card(&self) -> MutexGuard<'_, AnyChannel> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel for Remembered {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.card().transmit(command)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.card().reset(kind)
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.card().power_on()
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.card().power_off()
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.card().protocol()
    }

    fn max_command_data(&self) -> usize {
        self.card().max_command_data()
    }

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        self.card().begin_exclusive()
    }

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        self.card().end_exclusive()
    }
}

/// Where changes of that card are noted down, as long as it is remembered.
#[derive(Clone)]
pub struct SharedJournal(Arc<Mutex<CardJournal>>);

impl SharedJournal {
    /// This journal.
    pub fn new(journal: CardJournal) -> Self {
        Self(Arc::new(Mutex::new(journal)))
    }

    fn journal(&self) -> MutexGuard<'_, CardJournal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for SharedJournal {
    fn notes(&mut self, card: &CardKey) -> Result<Vec<Note>, JournalError> {
        self.journal().notes(card)
    }

    fn begin(&mut self, transaction: &Transaction) -> Result<NoteId, JournalError> {
        self.journal().begin(transaction)
    }

    fn finish(&mut self, note: &NoteId) -> Result<(), JournalError> {
        self.journal().finish(note)
    }

    fn set_aside(&mut self, note: &NoteId) -> Result<(), JournalError> {
        self.journal().set_aside(note)
    }
}
