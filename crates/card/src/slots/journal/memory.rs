//! A journal in memory, for tests: it models what a crash of the host leaves.

use std::collections::BTreeMap;

use super::{CardKey, Journal, JournalError, Transaction};

/// A journal in memory, for tests and for cards that are themselves in memory.
///
/// A clone is a snapshot: what a host that crashed at that moment would find. To crash the host
/// inside an operation of the journal itself, use [`MemoryJournal::crash_at`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryJournal {
    durable: BTreeMap<CardKey, Transaction>,
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
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
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

    fn operate(
        &mut self,
        change: impl FnOnce(&mut BTreeMap<CardKey, Transaction>),
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
    fn pending(&mut self, card: &CardKey) -> Result<Option<Transaction>, JournalError> {
        Ok(self.durable.get(card).cloned())
    }

    fn begin(&mut self, transaction: &Transaction) -> Result<(), JournalError> {
        if self.durable.contains_key(&transaction.card) {
            return Err(JournalError::Pending);
        }
        let transaction = transaction.clone();
        self.operate(|durable| {
            durable.insert(transaction.card.clone(), transaction);
        })
    }

    fn finish(&mut self, card: &CardKey) -> Result<(), JournalError> {
        self.operate(|durable| {
            durable.remove(card);
        })
    }
}
