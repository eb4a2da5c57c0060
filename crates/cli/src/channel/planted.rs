//! The faults of one reader, which come and go while programs use it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Channel, ChannelError, Layer, Layered, Protocol, ResetKind};
use kortlab_faults::{Fault, MAX_FAULTS};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output::printable;

/// The faults of one reader, the first next to the card. Clones are the same faults.
#[derive(Clone, Debug, Default)]
pub struct Planted {
    list: Arc<List>,
    /// The ATR that they have programs see.
    atr: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct List {
    faults: Mutex<Vec<Arc<One>>>,
    last: AtomicU32,
}

/// A fault, and how it is called.
#[derive(Debug)]
struct One {
    entry: FaultEntry,
    /// Locked while a command passes, which may take as long as the fault likes.
    fault: Mutex<Fault>,
}

/// A fault as it is listed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FaultEntry {
    /// What it is removed by; no number is used twice for one reader.
    number: u32,
    /// The fault as it was written.
    fault: String,
}

impl FaultEntry {
    /// What it is removed by.
    pub const fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Display for FaultEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.number, printable(&self.fault))
    }
}

impl Planted {
    /// Plants a fault around those that are there; gives its number.
    ///
    /// # Errors
    /// There are too many.
    pub fn add(&self, fault: Fault) -> Result<u32, Failure> {
        let mut faults = self.lock();
        if faults.len() >= MAX_FAULTS {
            return Err(Failure::failed(format!(
                "the reader has {MAX_FAULTS} faults, and takes no more"
            ))
            .hint("remove some: `kortlab ctl fault remove all`"));
        }
        let entry = self.entry(fault.text().to_owned());
        let number = entry.number;
        faults.push(Arc::new(One {
            entry,
            fault: Mutex::new(fault),
        }));
        Ok(number)
    }

    /// A fault under a number of its own, for whoever keeps it elsewhere.
    pub fn entry(&self, fault: String) -> FaultEntry {
        let number = self.list.last.fetch_add(1, Ordering::Relaxed) + 1;
        FaultEntry { number, fault }
    }

    /// Removes the fault of this number.
    ///
    /// # Errors
    /// There is none.
    pub fn remove(&self, number: u32) -> Result<(), Failure> {
        let mut faults = self.lock();
        let before = faults.len();
        faults.retain(|one| one.entry.number != number);
        if faults.len() == before {
            return Err(
                Failure::failed(format!("the reader has no fault of the number {number}"))
                    .of_kind("not-found")
                    .hint("`kortlab ctl state` lists those that it has"),
            );
        }
        Ok(())
    }

    /// Removes all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Those that there are, the first next to the card.
    pub fn list(&self) -> Vec<FaultEntry> {
        self.lock().iter().map(|one| one.entry.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<One>>> {
        let faults = self.list.faults.lock();
        faults.unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells each what card it is around, with the ATR as it is below it.
    fn tell(&mut self, card: &dyn Channel, tell: impl Fn(&mut Fault, &dyn Channel)) {
        let mut atr: Option<Vec<u8>> = None;
        for one in self.lock().clone() {
            one.with(|fault| {
                let below = Below {
                    card,
                    atr: atr.as_deref().unwrap_or_else(|| card.atr()),
                };
                tell(fault, &below);
                let seen = fault.atr().map(<[u8]>::to_vec);
                atr = seen.or_else(|| atr.take());
            });
        }
        self.atr = atr;
    }
}

impl Layer for Planted {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        // Whoever lists, adds or removes faults meanwhile does not wait for the card.
        let faults = self.lock().clone();
        Chain(&faults).transmit(next, command)
    }

    fn around(&mut self, card: &dyn Channel) {
        self.tell(card, |fault, below| fault.around(below));
    }

    fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
        self.tell(card, |fault, below| fault.notice(below, occasion));
    }

    fn atr(&self) -> Option<&[u8]> {
        self.atr.as_deref()
    }
}

impl One {
    fn with<T>(&self, work: impl FnOnce(&mut Fault) -> T) -> T {
        work(&mut self.fault.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A card as a fault sees it from above others: to be looked at, not to be asked.
struct Below<'a> {
    card: &'a dyn Channel,
    atr: &'a [u8],
}

impl Channel for Below<'_> {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
        Err(ChannelError::NoCard)
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Err(ChannelError::NoCard)
    }
    fn atr(&self) -> &[u8] {
        self.atr
    }
    fn protocol(&self) -> Protocol {
        self.card.protocol()
    }
    fn max_command_data(&self) -> usize {
        self.card.max_command_data()
    }
}

/// Faults around a channel, the last outermost.
struct Chain<'a>(&'a [Arc<One>]);

impl Layer for Chain<'_> {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        match self.0.split_last() {
            None => next.transmit(command),
            Some((last, before)) => {
                let mut inside = Layered::new(next, Chain(before));
                last.with(|fault| fault.transmit(&mut inside, command))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Card;

    impl Channel for Card {
        fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
            Ok(vec![0x90, 0x00])
        }
        fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T1
        }
    }

    fn add(planted: &Planted, text: &str) -> u32 {
        planted
            .add(Fault::parse(text).expect("a fault"))
            .expect("planted")
    }

    #[test]
    fn faults_come_and_go_under_a_channel_and_keep_their_count() {
        let planted = Planted::default();
        let mut card = Layered::new(Card, planted.clone());
        let mut answer = || card.transmit(&[0, 0xA4, 0, 0]).expect("an answer");
        assert_eq!(answer(), [0x90, 0x00]);
        let first = add(&planted, "sw:sw=6F01,nth=2");
        assert_eq!(answer(), [0x90, 0x00]);
        let second = add(&planted, "sw:sw=6F02,nth=2");
        assert_eq!(answer(), [0x6F, 0x01]);
        assert_eq!(answer(), [0x6F, 0x02]);
        let third = add(&planted, "sw:sw=6F03");
        assert_eq!((first, second, third), (1, 2, 3));
        assert_eq!(answer(), [0x6F, 0x03]);
        planted.remove(3).expect("removed");
        assert!(planted.remove(3).is_err());
        assert_eq!(answer(), [0x90, 0x00]);
        assert_eq!(planted.list().len(), 2);
        planted.clear();
        assert_eq!(add(&planted, "sw:sw=6F04"), 4);
        assert_eq!(answer(), [0x6F, 0x04]);
    }

    #[test]
    fn the_atr_is_what_the_faults_make_of_it_since_the_last_reset() {
        let planted = Planted::default();
        let mut card = Layered::new(Card, planted.clone());
        add(&planted, "atr-short:at=1");
        assert_eq!(card.atr(), [0x3B, 0x00]);
        card.reset(ResetKind::Warm).expect("a reset");
        assert_eq!(card.atr(), [0x3B]);
        planted.clear();
        card.reset(ResetKind::Warm).expect("a reset");
        assert_eq!(card.atr(), [0x3B, 0x00]);
    }

    #[test]
    fn there_is_an_end_to_faults() {
        let planted = Planted::default();
        for _ in 0..MAX_FAULTS {
            add(&planted, "sw:sw=6F00");
        }
        let one_more = planted.add(Fault::parse("sw:sw=6F00").expect("a fault"));
        assert!(one_more.is_err());
    }
}
