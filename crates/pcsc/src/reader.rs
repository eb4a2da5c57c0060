//! One reader: who shares it, who holds it, and the card in it.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kortlab_apdu::{Channel, ChannelError, ResetKind};

use crate::code::{Code, Refusal};
use crate::pad::PinPad;
use crate::terms::{Protocols, ReaderState, state};
use crate::wake::Wake;

/// The longest answer to reset (ISO/IEC 7816-3 §8.1).
const MAX_ATR: usize = 33;
/// The most handles on one reader.
const MAX_HANDLES: usize = 200;

/// A card in a reader.
pub type Card = Box<dyn Channel + Send>;

/// One reader. The card is locked before the sharing, never after it; the sharing is never locked
/// while a card works, so that everybody can see the state meanwhile.
pub(crate) struct Reader {
    pub(crate) name: String,
    card: Mutex<Slot>,
    sharing: Mutex<Sharing>,
    pad: OnceLock<Arc<PinPad>>,
}

/// What is in the reader.
pub(crate) struct Slot {
    /// The card; one that was torn out stays here until it is pushed in again.
    pub(crate) card: Option<Card>,
    /// Whether it has power.
    powered: bool,
}

/// Who uses the reader, and what everybody sees of it.
pub(crate) struct Sharing {
    pub(crate) public: ReaderState,
    /// Every handle, and what has happened to the card behind its back.
    handles: BTreeMap<u32, Option<Event>>,
    /// The handle that has a transaction, or the card to itself.
    holder: Option<u32>,
    /// How many transactions it has begun and not ended.
    holds: u32,
    /// Who wants to hear when there is no holder any more.
    waiting: Vec<Arc<dyn Wake>>,
    /// Since when nobody has used the card.
    idle_since: Option<Instant>,
}

/// What a handle has to hear of before it can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Reset,
    Removed,
}

impl Reader {
    pub(crate) fn new(name: String) -> Self {
        Self {
            card: Mutex::new(Slot {
                card: None,
                powered: false,
            }),
            sharing: Mutex::new(Sharing {
                public: ReaderState {
                    name: name.clone(),
                    event_counter: 0,
                    state: state::ABSENT,
                    sharing: 0,
                    atr: Vec::new(),
                    protocol: Protocols::UNDEFINED,
                },
                handles: BTreeMap::new(),
                holder: None,
                holds: 0,
                waiting: Vec::new(),
                idle_since: None,
            }),
            pad: OnceLock::new(),
            name,
        }
    }

    /// Its PIN pad, if it has one.
    pub(crate) fn pad(&self) -> Option<Arc<PinPad>> {
        self.pad.get().cloned()
    }

    /// Gives it a PIN pad, unless it has one.
    pub(crate) fn fit(&self, pad: Arc<PinPad>) {
        let _ = self.pad.set(pad);
    }

    /// The card, for one command; waits for that of another client.
    pub(crate) fn slot(&self) -> MutexGuard<'_, Slot> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who uses the reader; never for long.
    pub(crate) fn sharing(&self) -> MutexGuard<'_, Sharing> {
        self.sharing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to the consequences of what a card could not do, and gives the code for it.
    pub(crate) fn failed(&self, error: &ChannelError) -> Code {
        match error {
            ChannelError::NoCard => {
                self.removed();
                Code::NO_SMARTCARD
            }
            ChannelError::NoReader(_) => {
                self.gone();
                Code::READER_UNAVAILABLE
            }
            ChannelError::WasReset => {
                self.sharing().happened(Event::Reset);
                Code::RESET_CARD
            }
            ChannelError::Busy | ChannelError::Held(_) => Code::SHARING_VIOLATION,
            ChannelError::NotCarried(_) => Code::INVALID_PARAMETER,
            _ => Code::NOT_TRANSACTED,
        }
    }

    /// The reader works no more.
    pub(crate) fn gone(&self) {
        let mut sharing = self.sharing();
        sharing.public.state = state::UNKNOWN;
        sharing.public.atr.clear();
        sharing.public.protocol = Protocols::UNDEFINED;
    }

    /// The card is not in the reader any more, and its transaction has ended with it.
    pub(crate) fn removed(&self) {
        let mut sharing = self.sharing();
        if sharing.public.state & state::ABSENT != 0 {
            return;
        }
        sharing.happened(Event::Removed);
        let public = &mut sharing.public;
        public.state = state::ABSENT;
        public.atr.clear();
        public.protocol = Protocols::UNDEFINED;
        public.count_event();
        sharing.release();
    }
}

impl ReaderState {
    fn count_event(&mut self) {
        self.event_counter = (self.event_counter + 1) & 0xFFFF;
    }
}

impl Slot {
    /// Gives power, or a cold reset, and shows what the card says. A card that programs elsewhere
    /// may be using has power, and is left as it is. The protocol stays the one that was chosen: who
    /// connects to a reader whose card has no power may choose one, for all.
    pub(crate) fn power_on(&mut self, reader: &Reader) -> Result<(), Code> {
        let done = match &mut self.card {
            Some(card) if card.is_shared() => Ok(()),
            Some(card) => card.power_on(),
            None => Err(ChannelError::NoCard),
        };
        self.powered = done.is_ok();
        self.show(reader, done)
    }

    /// Resets the card with power kept, and no protocol is chosen; one that is out stays out.
    pub(crate) fn reset(&mut self, reader: &Reader) -> Result<(), Code> {
        if reader.sharing().is_empty() {
            return Err(Code::NO_SMARTCARD);
        }
        reader.sharing().forget_protocol();
        let done = match &mut self.card {
            Some(card) if self.powered => card.reset(ResetKind::Warm),
            Some(card) => card.power_on(),
            None => Err(ChannelError::NoCard),
        };
        self.powered = done.is_ok();
        self.show(reader, done)
    }

    /// Resets the card for all who use it: each handle hears of that; or that the card has gone, if that
    /// comes out of it.
    pub(crate) fn renew(&mut self, reader: &Reader, kind: ResetKind) -> Result<(), Code> {
        reader.sharing().happened(Event::Reset);
        match kind {
            ResetKind::Warm => self.reset(reader),
            ResetKind::Cold => {
                let _ = self.power_off(reader);
                self.power_on(reader)
            }
        }
    }

    /// Takes the power away, and with it the choice of a protocol.
    pub(crate) fn power_off(&mut self, reader: &Reader) -> Result<(), ChannelError> {
        self.powered = false;
        reader.sharing().forget_protocol();
        self.card.as_mut().map_or(Ok(()), Channel::power_off)
    }

    /// Whether the card has power.
    pub(crate) const fn is_powered(&self) -> bool {
        self.powered
    }

    /// Shows the card's answer to a reset, or that there was none.
    fn show(&self, reader: &Reader, done: Result<(), ChannelError>) -> Result<(), Code> {
        match (done, &self.card) {
            (Ok(()), Some(card)) => {
                let atr = card.atr();
                let atr = atr.get(..MAX_ATR).unwrap_or(atr).to_vec();
                let public = &mut reader.sharing().public;
                public.state = state::READY;
                public.atr = atr;
                Ok(())
            }
            (Err(ChannelError::NoCard), _) | (Ok(()), None) => {
                reader.removed();
                Err(Code::NO_SMARTCARD)
            }
            (Err(error), _) => {
                if matches!(error, ChannelError::NoReader(_)) {
                    return Err(reader.failed(&error));
                }
                let public = &mut reader.sharing().public;
                public.state = state::PRESENT | state::SWALLOWED;
                public.atr.clear();
                Err(Code::UNRESPONSIVE_CARD)
            }
        }
    }

    /// Puts the card in, or pushes one that was torn out in again.
    pub(crate) fn insert(&mut self, reader: &Reader, first: bool) {
        reader.sharing().forget_protocol();
        let _ = self.power_on(reader);
        let mut sharing = reader.sharing();
        if !first && sharing.public.state & state::PRESENT != 0 {
            sharing.public.count_event();
        }
        sharing.idle_since = Some(Instant::now());
    }
}

impl Sharing {
    /// One more handle. Its number is `handle`.
    pub(crate) fn add(&mut self, handle: u32, exclusive: bool) -> Result<(), Code> {
        if exclusive && self.public.sharing != 0 {
            return Err(Code::SHARING_VIOLATION);
        }
        if self.handles.len() >= MAX_HANDLES {
            return Err(Code::NO_MEMORY);
        }
        if exclusive {
            self.public.sharing = -1;
            self.holder = Some(handle);
            self.holds = 1;
        } else {
            self.public.sharing += 1;
        }
        self.handles.insert(handle, None);
        self.idle_since = None;
        Ok(())
    }

    /// One handle less.
    pub(crate) fn remove(&mut self, handle: u32) {
        if self.handles.remove(&handle).is_none() {
            return;
        }
        if self.holder == Some(handle) {
            self.release();
        }
        let others = self.public.sharing - 1;
        self.public.sharing = others.max(0);
        if self.public.sharing == 0 {
            self.idle_since = Some(Instant::now());
        }
    }

    /// Whether nobody uses the card and nobody has for so long that pcscd would have taken its
    /// power.
    pub(crate) fn is_idle_for(&self, long: Duration) -> bool {
        self.public.sharing == 0 && self.idle_since.is_some_and(|since| since.elapsed() >= long)
    }

    /// No protocol is chosen any more.
    pub(crate) const fn forget_protocol(&mut self) {
        self.public.protocol = Protocols::UNDEFINED;
    }

    /// Whether no card is in the reader.
    pub(crate) const fn is_empty(&self) -> bool {
        self.public.state & state::ABSENT != 0
    }

    /// Whether this handle is the only one.
    pub(crate) fn is_alone(&self) -> bool {
        self.public.sharing == 1
    }

    /// Gives a handle the card to itself, or shares it again.
    pub(crate) fn set_exclusive(&mut self, handle: u32, exclusive: bool) -> Result<(), Code> {
        match (exclusive, self.public.sharing == -1) {
            (true, true) | (false, false) => Ok(()),
            (true, false) if self.is_alone() => {
                self.public.sharing = -1;
                self.holder = Some(handle);
                self.holds += 1;
                Ok(())
            }
            (true, false) => Err(Code::SHARING_VIOLATION),
            (false, true) => {
                self.public.sharing = 1;
                // As pcscd has it: the last of its holds stays, as a transaction that is to be
                // ended, or ends with the handle.
                if self.holds > 1 {
                    self.holds -= 1;
                }
                Ok(())
            }
        }
    }

    /// Refuses a handle while another one holds the card.
    pub(crate) fn check_free_for(&self, handle: u32) -> Result<(), Held> {
        match self.holder {
            Some(holder) if holder != handle => Err(Held(holder)),
            _ => Ok(()),
        }
    }

    /// Who holds the card.
    pub(crate) const fn holder(&self) -> Option<u32> {
        self.holder
    }

    /// Refuses a handle that has not heard yet that the card was reset or pulled out.
    pub(crate) fn check_event_of(&self, handle: u32) -> Result<(), Code> {
        match self.handles.get(&handle) {
            None => Err(Code::INVALID_HANDLE),
            Some(None) => Ok(()),
            Some(Some(Event::Reset)) => Err(Code::RESET_CARD),
            Some(Some(Event::Removed)) => Err(Code::REMOVED_CARD),
        }
    }

    /// Refuses everybody while the reader does not work.
    pub(crate) const fn check_reader(&self) -> Result<(), Code> {
        match self.public.state & state::UNKNOWN {
            0 => Ok(()),
            _ => Err(Code::READER_UNAVAILABLE),
        }
    }

    /// All handles are to hear of this.
    pub(crate) fn happened(&mut self, event: Event) {
        for seen in self.handles.values_mut() {
            *seen = Some(event);
        }
    }

    /// This handle has heard.
    pub(crate) fn heard(&mut self, handle: u32) {
        if let Some(seen) = self.handles.get_mut(&handle) {
            *seen = None;
        }
    }

    /// Begins a transaction for a handle that [`Sharing::check_free_for`] lets pass.
    pub(crate) fn hold(&mut self, handle: u32) {
        self.holder = Some(handle);
        self.holds = self.holds.saturating_add(1);
    }

    /// Ends a transaction; whoever has the card to itself keeps it.
    pub(crate) fn unhold(&mut self, handle: u32) -> Result<(), Code> {
        if self.holder.is_some_and(|holder| holder != handle) {
            return Err(Code::SHARING_VIOLATION);
        }
        let kept = u32::from(self.public.sharing == -1);
        if self.holds <= kept {
            return Err(Code::NOT_TRANSACTED);
        }
        self.holds -= 1;
        if self.holds == 0 {
            self.release();
        }
        Ok(())
    }

    /// Tells when nobody holds the card any more; at once if that is now.
    pub(crate) fn when_released(&mut self, wake: Arc<dyn Wake>) {
        match self.holder {
            None => wake.wake(Code::SUCCESS),
            Some(_) => {
                // Who asks again waits once.
                self.waiting.retain(|other| !Arc::ptr_eq(other, &wake));
                self.waiting.push(wake);
            }
        }
    }

    /// Nobody holds the card any more.
    pub(crate) fn release(&mut self) {
        self.holder = None;
        self.holds = 0;
        for waiting in mem::take(&mut self.waiting) {
            waiting.wake(Code::SUCCESS);
        }
    }
}

/// Another handle, this one, holds the card.
pub(crate) struct Held(pub(crate) u32);

impl Held {
    /// The refusal for a client whose handles these are.
    pub(crate) fn for_client(&self, own: &[u32]) -> Refusal {
        Refusal::Held {
            own: own.contains(&self.0),
        }
    }
}
