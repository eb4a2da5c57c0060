//! A journal in memory, for tests: it models what a crash of the host leaves.

use super::{CardKey, Journal, JournalError, Note, NoteId, Transaction};

/// A journal in memory, for tests and for cards that are themselves in memory.
///
/// A clone is a snapshot: what a host that crashed at that moment would find. To crash the host
/// inside an operation of the journal itself, use [`MemoryJournal::crash_at`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryJournal {
    durable: Vec<(u64, Transaction)>,
    shared: bool,
    last: u64,
    operations: u64,
    crash: Option<(u64, Crash)>,
}

/// What is left of a journal's operation in which the host crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// It was not durable yet: the disk has what was there before.
    Before,
    /// It was durable, but did not return.
    After,
}

impl MemoryJournal {
    /// An empty journal of one card: what is in it is that card's.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty journal of any number of cards, as [`FileJournal`](super::FileJournal) is one:
    /// cards of the same serial number may share it.
    pub fn shared() -> Self {
        Self {
            shared: true,
            ..Self::default()
        }
    }

    /// Whether cards of one serial number may share it.
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Lets the host crash in the operation with this number (from 1; [`Journal::begin`] and
    /// [`Journal::finish`] count): it answers [`JournalError::Crashed`].
    pub const fn crash_at(&mut self, operation: u64, left: Crash) {
        self.crash = Some((self.operations.saturating_add(operation), left));
    }

    /// How many operations there were.
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// Whether nothing is under way on any card.
    pub fn is_empty(&self) -> bool {
        self.durable.is_empty()
    }

    /// The transactions in it, the oldest first.
    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.durable.iter().map(|(_, transaction)| transaction)
    }

    fn operate(
        &mut self,
        change: impl FnOnce(&mut Vec<(u64, Transaction)>),
    ) -> Result<(), JournalError> {
        self.operations = self.operations.saturating_add(1);
        let crash = self
            .crash
            .filter(|&(operation, _)| operation == self.operations)
            .map(|(_, left)| left);
        if crash != Some(Crash::Before) {
            change(&mut self.durable);
        }
        match crash {
            Some(_) => Err(JournalError::Crashed),
            None => Ok(()),
        }
    }
}

impl Journal for MemoryJournal {
    fn notes(&mut self, card: &CardKey) -> Result<Vec<Note>, JournalError> {
        let notes = self.durable.iter();
        Ok(notes
            .filter(|(_, transaction)| transaction.card == *card)
            .map(|(number, transaction)| Note {
                id: NoteId::new(number.to_string()),
                transaction: transaction.clone(),
                of_this_card: !self.shared,
                place: None,
                set_aside: false,
            })
            .collect())
    }

    fn begin(&mut self, transaction: &Transaction) -> Result<NoteId, JournalError> {
        let is_under_way = self
            .transactions()
            .any(|other| other.card == transaction.card);
        if !self.shared && is_under_way {
            return Err(JournalError::Pending);
        }
        let number = self.last.saturating_add(1);
        self.last = number;
        let transaction = transaction.clone();
        self.operate(|durable| durable.push((number, transaction)))?;
        Ok(NoteId::new(number.to_string()))
    }

    fn finish(&mut self, note: &NoteId) -> Result<(), JournalError> {
        self.operate(|durable| durable.retain(|(number, _)| number.to_string() != note.as_str()))
    }
}
