//! A card that stays open while commands come and go.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};

use super::AnyChannel;

/// A card that is opened once and used by one command after the other, each with a clone; what one
/// has selected, verified or changed, the next finds.
#[derive(Clone)]
pub struct Remembered {
    card: Arc<Mutex<AnyChannel>>,
    atr: Vec<u8>,
    protocol: Protocol,
    gone: Arc<AtomicBool>,
    stop: Option<Arc<AtomicBool>>,
}

impl Remembered {
    /// This card.
    pub fn new(card: AnyChannel) -> Self {
        Self {
            atr: card.atr().to_vec(),
            protocol: card.protocol(),
            card: Arc::new(Mutex::new(card)),
            gone: Arc::default(),
            stop: None,
        }
    }

    /// The same card, to which nothing more goes while `stop` is set.
    #[must_use]
    pub fn until(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Whether the card, or the way to it, was found to be gone.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn card(&self) -> MutexGuard<'_, AnyChannel> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the card is gone where that is the error.
    fn noticed<T>(&self, result: Result<T, ChannelError>) -> Result<T, ChannelError> {
        let is_gone = |error: &ChannelError| {
            matches!(
                error,
                ChannelError::NoCard | ChannelError::NoReader(_) | ChannelError::Link(_)
            )
        };
        if result.as_ref().err().is_some_and(is_gone) {
            self.gone.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("gone", &self.gone)
            .finish_non_exhaustive()
    }
}

impl Channel for Remembered {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let stopped = |stop: &Arc<AtomicBool>| stop.load(Ordering::Relaxed);
        if self.stop.as_ref().is_some_and(stopped) {
            return Err(ChannelError::Link("it was ended with Ctrl-C".to_owned()));
        }
        let answer = self.card().transmit(command);
        self.noticed(answer)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        let done = self.card().reset(kind);
        self.noticed(done)
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        let done = self.card().power_on();
        self.noticed(done)
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        let done = self.card().power_off();
        self.noticed(done)
    }

    fn reset_alone(&mut self, kind: ResetKind) -> Result<bool, ChannelError> {
        let done = self.card().reset_alone(kind);
        self.noticed(done)
    }

    fn is_shared(&self) -> bool {
        self.card().is_shared()
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn max_command_data(&self) -> usize {
        self.card().max_command_data()
    }

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        let begun = self.card().begin_exclusive();
        self.noticed(begun)
    }

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        self.card().end_exclusive()
    }
}
