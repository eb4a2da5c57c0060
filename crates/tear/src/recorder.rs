//! A channel and a journal that write down what passes through them.

use std::cell::RefCell;
use std::rc::Rc;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_card::{CardKey, Journal, JournalError, MemoryJournal, Note, NoteId, Transaction};
use kortlab_emulator::{InProcess, VirtualCard};

/// One command as it was sent.
pub struct Sent {
    /// The card right before.
    pub card: VirtualCard,
    /// The command.
    pub command: Vec<u8>,
    /// How many bytes it programmed.
    pub programmed: u64,
    /// What the journal held.
    pub journal: MemoryJournal,
}

/// One operation of the journal.
pub struct Operation {
    /// How many commands were sent before.
    pub at: usize,
    /// What the journal held before.
    pub before: MemoryJournal,
    /// What it held after.
    pub after: MemoryJournal,
}

/// What was written down.
#[derive(Default)]
pub struct Tape {
    pub sent: Vec<Sent>,
    pub operations: Vec<Operation>,
    journal: MemoryJournal,
}

/// A tape that a channel and a journal write on.
pub type SharedTape = Rc<RefCell<Tape>>;

/// The channel to the card, with the tape. It is no layer, since it keeps the card itself as it was
/// before each command, not only what passes; so it hands on by itself what a layer would have
/// handed on for it.
pub struct RecordingChannel {
    pub card: InProcess,
    pub tape: SharedTape,
}

impl Channel for RecordingChannel {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let before = self.card.card().clone();
        let answer = Channel::transmit(&mut self.card, command)?;
        let mut tape = self.tape.borrow_mut();
        let journal = tape.journal.clone();
        tape.sent.push(Sent {
            programmed: self.card.card().bytes_programmed() - before.bytes_programmed(),
            card: before,
            command: command.to_vec(),
            journal,
        });
        Ok(answer)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.card.reset(kind)
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.card.power_on()
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.card.power_off()
    }

    fn atr(&self) -> &[u8] {
        self.card.atr()
    }

    fn protocol(&self) -> Protocol {
        self.card.protocol()
    }

    fn max_command_data(&self) -> usize {
        self.card.max_command_data()
    }

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        self.card.begin_exclusive()
    }

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        self.card.end_exclusive()
    }
}

/// The journal, with the tape.
pub struct RecordingJournal(pub SharedTape);

impl RecordingJournal {
    fn operate<T>(
        &mut self,
        operation: impl FnOnce(&mut MemoryJournal) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let mut tape = self.0.borrow_mut();
        let before = tape.journal.clone();
        let done = operation(&mut tape.journal)?;
        let operation = Operation {
            at: tape.sent.len(),
            before,
            after: tape.journal.clone(),
        };
        tape.operations.push(operation);
        Ok(done)
    }
}

impl Journal for RecordingJournal {
    fn notes(&mut self, card: &CardKey) -> Result<Vec<Note>, JournalError> {
        self.0.borrow_mut().journal.notes(card)
    }

    fn begin(&mut self, transaction: &Transaction) -> Result<NoteId, JournalError> {
        self.operate(|journal| journal.begin(transaction))
    }

    fn finish(&mut self, note: &NoteId) -> Result<(), JournalError> {
        self.operate(|journal| journal.finish(note))
    }
}
