//! The service: its readers, its clients, and who waits for what.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kortlab_apdu::ResetKind;

use crate::code::Code;
use crate::pad::PinPad;
use crate::reader::{Card, Reader};
use crate::terms::{ReaderState, state};
use crate::wake::Wake;

/// The most readers: the protocol's reader states have room for so many.
pub const MAX_READERS: usize = 16;
/// The longest name of a reader, without the zero that ends it.
pub const MAX_NAME: usize = 127;
/// How long a card that nobody uses keeps its power. pcscd looks every 400 ms, and takes it at the
/// second look.
pub const GRACE: Duration = Duration::from_millis(400);

/// A PC/SC service. It does no I/O: doors bring clients to it, and cards are channels.
///
/// Every function may be called from any thread. A card at work keeps only those waiting who want
/// that card.
pub struct Service {
    readers: Mutex<Vec<Arc<Reader>>>,
    pub(crate) registry: Mutex<Registry>,
    waiting: Mutex<BTreeMap<u64, Arc<dyn Wake>>>,
    /// How many times a reader came or went.
    reader_events: AtomicU32,
    next_client: AtomicU64,
    grace: Duration,
}

/// Which contexts and handles there are, and whose.
pub(crate) struct Registry {
    numbers: Box<dyn FnMut() -> u32 + Send>,
    /// The client of each context.
    pub(crate) contexts: BTreeMap<u32, u64>,
    /// The numbers that are handles.
    handles: BTreeSet<u32>,
}

/// Why a reader cannot be added, or nothing be done to one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// There are [`MAX_READERS`] already.
    #[error("there are {MAX_READERS} readers already, and PC/SC programs are told of no more")]
    TooMany,
    /// The name is empty, too long, or not to be sent to programs.
    #[error("{0:?} is no name of a reader: 1 to {MAX_NAME} bytes without control characters")]
    Name(String),
    /// Another reader has that name.
    #[error("there are two readers of the name {0:?}; each needs one of its own")]
    Taken(String),
    /// There is no such reader.
    #[error("there is no reader of the name {0:?}")]
    Unknown(String),
    /// A program is connected to it.
    #[error("a program uses the reader {0:?}")]
    InUse(String),
}

impl Service {
    /// A service without readers. The numbers of contexts and handles come from `numbers`; they
    /// should be hard to guess.
    pub fn new(numbers: impl FnMut() -> u32 + Send + 'static) -> Self {
        Self {
            readers: Mutex::default(),
            registry: Mutex::new(Registry {
                numbers: Box::new(numbers),
                contexts: BTreeMap::new(),
                handles: BTreeSet::new(),
            }),
            waiting: Mutex::default(),
            reader_events: AtomicU32::new(0),
            next_client: AtomicU64::new(0),
            grace: GRACE,
        }
    }

    /// The same where a card that nobody uses keeps its power for another time than [`GRACE`].
    #[must_use]
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    pub(crate) const fn grace(&self) -> Duration {
        self.grace
    }

    /// Adds a reader, with a card in it or empty.
    ///
    /// # Errors
    /// There are too many, or the name cannot be used.
    pub fn add_reader(&self, name: &str, card: Option<Card>) -> Result<(), ReaderError> {
        let fits = !name.is_empty() && name.len() <= MAX_NAME;
        if !fits || name.chars().any(char::is_control) {
            return Err(ReaderError::Name(name.to_owned()));
        }
        let reader = Reader::new(name.to_owned());
        if card.is_some() {
            let mut slot = reader.slot();
            slot.card = card;
            slot.insert(&reader, true);
        }
        let mut readers = lock(&self.readers);
        if readers.iter().any(|other| other.name == name) {
            return Err(ReaderError::Taken(name.to_owned()));
        }
        if readers.len() >= MAX_READERS {
            return Err(ReaderError::TooMany);
        }
        readers.push(Arc::new(reader));
        drop(readers);
        self.reader_events.fetch_add(1, Ordering::Relaxed);
        self.changed();
        Ok(())
    }

    /// Fits a reader with a PIN pad, unless it has one.
    ///
    /// # Errors
    /// There is no such reader.
    pub fn fit_pin_pad(&self, name: &str, pad: Arc<PinPad>) -> Result<(), ReaderError> {
        self.known(name)?.fit(pad);
        Ok(())
    }

    /// Puts a card into a reader, in place of the one that is there.
    ///
    /// # Errors
    /// There is no such reader.
    pub fn insert(&self, name: &str, card: Card) -> Result<(), ReaderError> {
        let reader = self.known(name)?;
        let mut slot = reader.slot();
        reader.removed();
        slot.card = Some(card);
        slot.insert(&reader, false);
        drop(slot);
        self.changed();
        Ok(())
    }

    /// Has another card stand in a reader, as if it had been there from the beginning: nobody hears of
    /// it. This is for whoever knows only late what the card is.
    ///
    /// # Errors
    /// There is no such reader, or a program is connected to it.
    pub fn replace(&self, name: &str, card: Card) -> Result<(), ReaderError> {
        let reader = self.known(name)?;
        let mut slot = reader.slot();
        if reader.sharing().public.sharing != 0 {
            return Err(ReaderError::InUse(name.to_owned()));
        }
        slot.card = Some(card);
        slot.insert(&reader, true);
        Ok(())
    }

    /// Pushes a card in again that was torn out, as [`ChannelError::NoCard`] has told; nothing
    /// happens to one that is in.
    ///
    /// [`ChannelError::NoCard`]: kortlab_apdu::ChannelError::NoCard
    ///
    /// # Errors
    /// There is no such reader.
    pub fn reinsert(&self, name: &str) -> Result<(), ReaderError> {
        let reader = self.known(name)?;
        let mut slot = reader.slot();
        let is_out = || reader.sharing().public.state & state::ABSENT != 0;
        if is_out() && slot.card.is_some() {
            slot.insert(&reader, false);
            drop(slot);
            if !is_out() {
                self.changed();
            }
        }
        Ok(())
    }

    /// The card is out of the reader; what stands for it stays, for [`Service::reinsert`].
    ///
    /// # Errors
    /// There is no such reader.
    pub fn take_out(&self, name: &str) -> Result<(), ReaderError> {
        let reader = self.known(name)?;
        let mut slot = reader.slot();
        let _ = slot.power_off(&reader);
        reader.removed();
        drop(slot);
        self.changed();
        Ok(())
    }

    /// Resets the card in a reader, if there is one. Every handle hears of it.
    ///
    /// # Errors
    /// There is no such reader.
    pub fn reset(&self, name: &str) -> Result<(), ReaderError> {
        let reader = self.known(name)?;
        let mut slot = reader.slot();
        if reader.sharing().public.state & state::PRESENT != 0 {
            let _ = slot.renew(&reader, ResetKind::Warm);
        }
        drop(slot);
        self.changed();
        Ok(())
    }

    /// Takes a reader away, with the card in it. Handles on it are told
    /// [`Code::READER_UNAVAILABLE`].
    ///
    /// # Errors
    /// There is no such reader.
    pub fn remove_reader(&self, name: &str) -> Result<Option<Card>, ReaderError> {
        let reader = self.known(name)?;
        lock(&self.readers).retain(|other| !Arc::ptr_eq(other, &reader));
        let mut slot = reader.slot();
        let _ = slot.power_off(&reader);
        let card = slot.card.take();
        reader.gone();
        reader.sharing().release();
        drop(slot);
        self.reader_events.fetch_add(1, Ordering::Relaxed);
        self.changed();
        Ok(card)
    }

    /// Pulls the card out of a reader, if there is one.
    ///
    /// # Errors
    /// There is no such reader.
    pub fn remove(&self, name: &str) -> Result<Option<Card>, ReaderError> {
        let reader = self.known(name)?;
        let mut slot = reader.slot();
        let _ = slot.power_off(&reader);
        let card = slot.card.take();
        reader.removed();
        drop(slot);
        self.changed();
        Ok(card)
    }

    /// What every reader looks like, in the order in which they were added.
    pub fn reader_states(&self) -> Vec<ReaderState> {
        let readers = lock(&self.readers);
        readers
            .iter()
            .map(|reader| reader.sharing().public.clone())
            .collect()
    }

    /// How many times a reader came or went.
    pub fn reader_events(&self) -> u32 {
        self.reader_events.load(Ordering::Relaxed)
    }

    /// The number of the next client.
    pub(crate) fn next_client(&self) -> u64 {
        self.next_client.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Reader>> {
        let readers = lock(&self.readers);
        readers.iter().find(|reader| reader.name == name).cloned()
    }

    fn known(&self, name: &str) -> Result<Arc<Reader>, ReaderError> {
        self.find(name)
            .ok_or_else(|| ReaderError::Unknown(name.to_owned()))
    }

    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        lock(&self.registry)
    }

    /// Something that everybody can see has changed: whoever waits for that hears of it, once.
    pub(crate) fn changed(&self) {
        let woken = mem::take(&mut *lock(&self.waiting));
        for waiting in woken.into_values() {
            waiting.wake(Code::SUCCESS);
        }
    }

    /// Has a client wait for a change, and shows it what there is now, with no change between.
    pub(crate) fn wait(&self, client: u64, wake: Arc<dyn Wake>) -> Vec<ReaderState> {
        let mut waiting = lock(&self.waiting);
        waiting.insert(client, wake);
        self.reader_states()
    }

    /// A client waits no more; gives what it waited with, if it still did.
    pub(crate) fn stop_waiting(&self, client: u64) -> Option<Arc<dyn Wake>> {
        lock(&self.waiting).remove(&client)
    }
}

impl Registry {
    /// A number that no context has, and never zero. The protocol's numbers are signed in places.
    pub(crate) fn new_context(&mut self, client: u64) -> u32 {
        loop {
            let number = (self.numbers)() & 0x7FFF_FFFF;
            if number != 0 && !self.contexts.contains_key(&number) {
                self.contexts.insert(number, client);
                return number;
            }
        }
    }

    /// A number that no handle of any client has.
    pub(crate) fn new_handle(&mut self) -> u32 {
        loop {
            let number = (self.numbers)() & 0x7FFF_FFFF;
            if number != 0 && self.handles.insert(number) {
                return number;
            }
        }
    }

    pub(crate) fn forget_handle(&mut self, handle: u32) {
        self.handles.remove(&handle);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whatever panicked has left no half-made change behind: each is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
