//! A virtual card that a program uses and the control door reaches as well.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_emulator::memory::PowerCut;
use kortlab_emulator::{Store as _, StoreError, VirtualCard};

use crate::channel::{FaultEntry, VirtualCardChannel};

/// A virtual card in this process. Clones are the same card.
#[derive(Clone)]
pub struct SharedCard {
    card: Arc<Mutex<VirtualCardChannel>>,
    image: Arc<Path>,
    tear: Tear,
    /// What the card said when it was last given power or reset.
    said: Said,
}

/// How a card is to be torn out, if it is; it can be read while the card carries out a command.
#[derive(Clone, Default)]
pub struct Tear(Arc<Mutex<Option<Planned>>>);

/// A tear that is to come.
struct Planned {
    /// The fault, as it is listed.
    entry: FaultEntry,
    /// Whether the card is out then until it is put in again.
    stays_out: bool,
}

impl Tear {
    /// The fault, as it is listed.
    pub fn entry(&self) -> Option<FaultEntry> {
        let planned = self.lock();
        planned.as_ref().map(|planned| planned.entry.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Planned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a channel tells of a card without asking it.
#[derive(Clone)]
pub struct Said {
    atr: Vec<u8>,
    protocol: Protocol,
    most: usize,
}

impl Said {
    /// What a reader says that holds no card.
    pub const fn nothing() -> Self {
        Self {
            atr: Vec::new(),
            protocol: Protocol::T0,
            most: 255,
        }
    }

    /// What this card says now.
    pub fn by(card: &dyn Channel) -> Self {
        Self {
            atr: card.atr().to_vec(),
            protocol: card.protocol(),
            most: card.max_command_data(),
        }
    }

    /// The answer to reset.
    pub fn atr(&self) -> &[u8] {
        &self.atr
    }

    /// The protocol.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The most data of a command.
    pub const fn max_command_data(&self) -> usize {
        self.most
    }
}

/// A card as it was at some moment.
#[derive(Clone)]
pub struct Snapshot {
    card: VirtualCard,
    image: Arc<Path>,
}

impl Snapshot {
    /// Which card it is of: the file of its image.
    pub fn image(&self) -> &Path {
        &self.image
    }
}

impl SharedCard {
    /// Shares a card whose image is in this file.
    pub fn new(card: VirtualCardChannel, image: PathBuf) -> Self {
        Self {
            said: Said::by(&card),
            card: Arc::new(Mutex::new(card)),
            image: image.into(),
            tear: Tear::default(),
        }
    }

    /// How it is to be torn out, if it is.
    pub const fn to_be_torn(&self) -> &Tear {
        &self.tear
    }

    /// The file of its image.
    pub fn image(&self) -> &Path {
        &self.image
    }

    /// The card as it is now, between two commands.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            card: self.lock().card().clone(),
            image: Arc::clone(&self.image),
        }
    }

    /// Makes the card what it was, and saves that. It is as after a reset: nothing is selected,
    /// nothing verified; and it is not to be torn out.
    ///
    /// # Errors
    /// It cannot be saved; the card is as before.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let mut inserted = self.lock();
        let mut card = snapshot.card.clone();
        card.take_changed();
        card.cancel_power_cut();
        if inserted.store().keeps() {
            inserted.store_mut().save(&card.image())?;
        }
        *inserted.card_mut() = card;
        inserted.reinsert();
        *self.tear.lock() = None;
        Ok(())
    }

    /// Sees to it that the card is torn out at this point, counted from now on, in the place of one
    /// that was asked for before. It stays out then.
    pub fn tear(&self, cut: PowerCut, entry: FaultEntry) {
        let mut card = self.lock();
        card.card_mut().schedule_power_cut(cut);
        *self.tear.lock() = Some(Planned {
            entry,
            stays_out: true,
        });
    }

    /// Notes that the card, as it was made, is to be torn out. Whether it comes back by itself is a
    /// matter of the reader.
    pub fn note_tear(&self, entry: FaultEntry) {
        *self.tear.lock() = Some(Planned {
            entry,
            stays_out: false,
        });
    }

    /// Sees to it that the card is not torn out, if that is the fault of this number or of any.
    pub fn spare(&self, number: Option<u32>) {
        let mut card = self.lock();
        let mut tear = self.tear.lock();
        let meant = tear.take_if(|planned| {
            let own = planned.entry.number();
            number.is_none_or(|number| own == number)
        });
        if meant.is_some() {
            card.card_mut().cancel_power_cut();
        }
    }

    /// The card has left the reader: whether it was torn out is seen in what is still to come. Says
    /// whether it was, by a tear after which it stays out.
    pub fn left(&self) -> bool {
        let card = self.lock();
        if card.card().power_cut_is_scheduled() {
            return false;
        }
        let torn = self.tear.lock().take();
        torn.is_some_and(|planned| planned.stays_out)
    }

    fn lock(&self) -> MutexGuard<'_, VirtualCardChannel> {
        // Whatever panicked was the card; it answers, or not, as it can.
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&mut self) {
        let said = Said::by(&*self.lock());
        self.said = said;
    }
}

impl Channel for SharedCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Channel::transmit(&mut *self.lock(), command)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.lock().reset(kind)?;
        self.listen();
        Ok(())
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.lock().power_on()?;
        self.listen();
        Ok(())
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.lock().power_off()
    }

    fn atr(&self) -> &[u8] {
        self.said.atr()
    }

    fn protocol(&self) -> Protocol {
        self.said.protocol()
    }

    fn max_command_data(&self) -> usize {
        self.said.max_command_data()
    }
}
