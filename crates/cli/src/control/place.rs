//! One reader's place for a card: what is in it, what was taken out of it, what spoils its answers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use kortlab_apdu::{Channel as _, ChannelError};
use kortlab_emulator::memory::PowerCut;
use kortlab_pcsc::PinPad;

use super::card::{Said, SharedCard, Snapshot, Tear};
use crate::channel::{AnyChannel, FaultEntry, Layers, Planted};
use crate::failure::{Exit, Failure};
use crate::files::same_file;

/// A card, and the way to it with all layers around it.
pub struct Plugged {
    /// The way to it.
    pub channel: AnyChannel,
    /// The card itself.
    pub card: SharedCard,
}

impl Plugged {
    /// A card for this place, with its faults and the trace around it; a `name` tells it from
    /// others in the trace.
    pub fn new(card: SharedCard, layers: &Layers, place: &Place, name: Option<&str>) -> Self {
        if let Some(tear) = layers.tear_text() {
            card.note_tear(place.planted.entry(tear));
        }
        Self {
            channel: layers.around_with(&place.planted, card.clone(), name),
            card,
        }
    }
}

/// What programs are to be told after a card was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It was pulled out.
    Out,
    /// One was put in.
    In,
    /// It was taken for another one.
    Other,
    /// It is as after a reset.
    Reset,
}

/// One reader's place for a card. What is done to it is done between two commands.
pub struct Place {
    name: String,
    planted: Planted,
    /// Whether the card is a real one, which only hands can move.
    real: bool,
    /// Whether a card that left by itself comes back by itself.
    comes_back: bool,
    /// The card in the reader; locked while it carries out a command.
    slot: Mutex<Option<Plugged>>,
    /// The card that was taken out last, to be put in again.
    beside: Mutex<Option<Plugged>>,
    /// What there is to see, without waiting for the card.
    seen: Mutex<Seen>,
    /// How many times another card came into the slot, or none.
    changes: AtomicU64,
    resets: AtomicU64,
    commands: AtomicU64,
    cue: OnceLock<CueFn>,
    pad: OnceLock<Arc<PinPad>>,
}

/// What happens before a command to this place, which has this number.
pub type CueFn = Box<dyn Fn(&Place, u64) -> Result<(), ChannelError> + Send + Sync>;

/// What can be told of a place at any time.
#[derive(Clone, Default)]
pub struct Seen {
    /// Whether a card is in the reader.
    pub present: bool,
    /// The image of the card in it, or of that which was taken out last.
    pub image: Option<PathBuf>,
    /// What the card in it says of itself.
    pub said: Option<Said>,
    /// How that card is to be torn out, if it is.
    tear: Tear,
}

impl Place {
    /// A place for virtual cards, empty, with the faults that were asked for. Whether a card that
    /// one of them tears out comes back by itself is a matter of the reader.
    ///
    /// # Errors
    /// There are too many faults.
    pub fn new(name: String, layers: &Layers, comes_back: bool) -> Result<Self, Failure> {
        Ok(Self {
            name,
            planted: layers.planted()?,
            real: false,
            comes_back,
            slot: Mutex::default(),
            beside: Mutex::default(),
            seen: Mutex::default(),
            changes: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            cue: OnceLock::new(),
            pad: OnceLock::new(),
        })
    }

    /// The place of a card that is not in this process.
    ///
    /// # Errors
    /// There are too many faults.
    pub fn of_real_card(name: String, layers: &Layers) -> Result<Self, Failure> {
        Ok(Self {
            real: true,
            ..Self::new(name, layers, true)?
        })
    }

    /// The reader's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The faults of this reader.
    pub const fn planted(&self) -> &Planted {
        &self.planted
    }

    /// All that is to go wrong here, the first next to the card.
    pub fn faults(&self) -> Vec<FaultEntry> {
        let tear = lock(&self.seen).tear.entry();
        tear.into_iter().chain(self.planted.list()).collect()
    }

    /// Has the fault of this number go wrong no more, or all of them.
    ///
    /// # Errors
    /// There is none of this number.
    pub fn remove_faults(&self, number: Option<u32>) -> Result<(), Failure> {
        // Only a tear is the card's own affair, which is waited for.
        let tear = lock(&self.seen).tear.entry();
        let meant = tear.is_some_and(|tear| number.is_none_or(|number| tear.number() == number));
        if meant {
            self.spare(number);
        }
        match number {
            Some(_) if meant => Ok(()),
            Some(number) => self.planted.remove(number),
            None => {
                self.planted.clear();
                Ok(())
            }
        }
    }

    /// The reader's PIN pad, if it has one.
    pub fn pad(&self) -> Option<&Arc<PinPad>> {
        self.pad.get()
    }

    /// Gives the reader a PIN pad, unless it has one.
    pub fn fit(&self) -> Arc<PinPad> {
        Arc::clone(self.pad.get_or_init(Arc::default))
    }

    /// Whether the card is not in this process.
    pub const fn is_real(&self) -> bool {
        self.real
    }

    /// What there is to see now; the card is not waited for.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// How many commands programs have sent to this reader.
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }

    /// Puts a card into the empty reader: this one, or the one that was taken out.
    ///
    /// # Errors
    /// It holds a card; or none was given, and none taken out.
    pub fn put_in(&self, card: Option<Plugged>) -> Result<Notice, Failure> {
        self.check_virtual()?;
        let mut slot = self.slot();
        if slot.is_some() {
            return Err(Failure::failed(format!("{:?} holds a card", self.name))
                .of_kind("occupied")
                .hint("remove it first, or swap it for the other one"));
        }
        let mut beside = lock(&self.beside);
        let card = card.or_else(|| beside.take()).ok_or_else(|| {
            Failure::usage(format!("no card was taken out of {:?}", self.name))
                .hint("name the image of the card to put in")
        })?;
        *beside = None;
        self.plug(&mut slot, card);
        Ok(Notice::In)
    }

    /// Takes the card out, and keeps it for [`Place::put_in`].
    ///
    /// # Errors
    /// There is none.
    pub fn take_out(&self) -> Result<Notice, Failure> {
        self.check_virtual()?;
        let mut slot = self.slot();
        let mut card = slot.take().ok_or_else(|| self.no_card())?;
        let _ = card.channel.power_off();
        self.unplugged(card);
        Ok(Notice::Out)
    }

    /// Takes the card out, and puts this one in. The old one is given up.
    ///
    /// # Errors
    /// The card is a real one.
    pub fn swap(&self, card: Plugged) -> Result<Notice, Failure> {
        self.check_virtual()?;
        let mut slot = self.slot();
        if let Some(old) = slot.as_mut() {
            let _ = old.channel.power_off();
        }
        *lock(&self.beside) = None;
        self.plug(&mut slot, card);
        Ok(Notice::Other)
    }

    /// Gives up whatever card there is.
    pub fn empty(&self) {
        *self.slot() = None;
        *lock(&self.beside) = None;
        *lock(&self.seen) = Seen::default();
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// The file of the card that can be put in again, if there is one.
    pub fn beside(&self) -> Option<PathBuf> {
        let beside = lock(&self.beside);
        beside.as_ref().map(|card| card.card.image().to_owned())
    }

    /// Sees to it that the card is torn out at this point, counted from now on, in the place of one
    /// that was asked for before. Gives the number of this fault.
    ///
    /// # Errors
    /// There is no virtual card in the reader.
    pub fn tear(&self, cut: PowerCut, text: &str) -> Result<u32, Failure> {
        self.check_virtual()?;
        let slot = self.slot();
        let card = &slot.as_ref().ok_or_else(|| self.no_card())?.card;
        let entry = self.planted.entry(text.to_owned());
        let number = entry.number();
        card.tear(cut, entry);
        Ok(number)
    }

    /// Takes a tear back: that of this number, or whatever its number is.
    fn spare(&self, number: Option<u32>) {
        let slot = self.slot();
        let beside = lock(&self.beside);
        if let Some(card) = slot.as_ref().or(beside.as_ref()) {
            card.card.spare(number);
        }
    }

    /// The card as it is now, whether it is in the reader or was taken out.
    ///
    /// # Errors
    /// There is no virtual card.
    pub fn snapshot(&self) -> Result<Snapshot, Failure> {
        self.check_virtual()?;
        let slot = self.slot();
        let beside = lock(&self.beside);
        let card = slot.as_ref().or(beside.as_ref());
        Ok(card.ok_or_else(|| self.no_card())?.card.snapshot())
    }

    /// Makes the card what it was.
    ///
    /// # Errors
    /// There is no virtual card, it is another one, or it cannot be saved.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<Option<Notice>, Failure> {
        self.check_virtual()?;
        let slot = self.slot();
        let beside = lock(&self.beside);
        let card = slot.as_ref().or(beside.as_ref());
        let card = &card.ok_or_else(|| self.no_card())?.card;
        if !same_file(card.image(), snapshot.image()) {
            return Err(Failure::failed(format!(
                "the snapshot is of the card {}, and that of {:?} is {}",
                snapshot.image().display(),
                self.name,
                card.image().display()
            ))
            .of_kind("other-card"));
        }
        card.restore(snapshot)
            .map_err(|error| Failure::storage(error.to_string()))?;
        if slot.is_none() {
            return Ok(None);
        }
        self.resets.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Notice::Reset))
    }

    /// Waits for the end of a command, and keeps the next one waiting.
    pub(super) fn slot(&self) -> MutexGuard<'_, Option<Plugged>> {
        lock(&self.slot)
    }

    /// How many times the card was changed, and made to forget what was selected and verified.
    pub(super) fn history(&self) -> (u64, u64) {
        let changes = self.changes.load(Ordering::SeqCst);
        (changes, self.resets.load(Ordering::SeqCst))
    }

    /// Has something happen before each command from now on; once.
    pub fn cue(&self, cue: CueFn) {
        let _ = self.cue.set(cue);
    }

    /// One more command is about to reach the card.
    pub(super) fn command(&self) -> Result<(), ChannelError> {
        let number = self.commands.fetch_add(1, Ordering::Relaxed) + 1;
        self.cue.get().map_or(Ok(()), |cue| cue(self, number))
    }

    /// The card has left the reader by itself.
    pub(super) fn torn_out(&self, slot: &mut Option<Plugged>) {
        let stays_out = slot.as_ref().is_some_and(|card| card.card.left());
        if (stays_out || !self.comes_back)
            && let Some(card) = slot.take()
        {
            self.unplugged(card);
        }
    }

    /// The card was reset, and says this of itself.
    pub(super) fn says(&self, said: &Said) {
        lock(&self.seen).said = Some(said.clone());
    }

    fn plug(&self, slot: &mut Option<Plugged>, card: Plugged) {
        *lock(&self.seen) = Seen {
            present: true,
            image: Some(card.card.image().to_owned()),
            said: Some(Said::by(&card.channel)),
            tear: card.card.to_be_torn().clone(),
        };
        *slot = Some(card);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn unplugged(&self, card: Plugged) {
        *lock(&self.seen) = Seen {
            image: Some(card.card.image().to_owned()),
            tear: card.card.to_be_torn().clone(),
            ..Seen::default()
        };
        *lock(&self.beside) = Some(card);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn check_virtual(&self) -> Result<(), Failure> {
        match self.real {
            false => Ok(()),
            true => Err(Failure::failed(format!(
                "the card in {:?} is not a virtual one of this process",
                self.name
            ))
            .of_kind("unsupported")
            .hint("faults can be added and removed; the card is moved by hand")),
        }
    }

    fn no_card(&self) -> Failure {
        Failure::new(Exit::NoCard, format!("there is no card in {:?}", self.name))
            .hint("put one in: `kortlab ctl insert`")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
