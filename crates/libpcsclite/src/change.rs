//! What SCardGetStatusChange tells of a reader: what has changed since the caller looked, as
//! pcsc-lite's library finds it.

use kortlab_pcsc::terms::state;
use kortlab_pcsc::{Code, ReaderState};

/// The most readers that can be asked for at a time (PCSCLITE_MAX_READERS_CONTEXTS).
pub const MAX_READERS: usize = kortlab_pcsc::service::MAX_READERS;
/// The name of what stands for readers that come and go.
const PNP: &[u8] = br"\\?PnP?\Notification";

/// `SCARD_STATE_UNAWARE`: the caller knows nothing.
const UNAWARE: u64 = 0;
/// `SCARD_STATE_IGNORE`: the caller wants to hear nothing.
pub const IGNORE: u64 = 0x0001;
/// `SCARD_STATE_CHANGED`.
const CHANGED: u64 = 0x0002;
/// `SCARD_STATE_UNKNOWN`: there is no such reader.
const UNKNOWN: u64 = 0x0004;
/// `SCARD_STATE_UNAVAILABLE`: the reader does not work.
const UNAVAILABLE: u64 = 0x0008;
/// `SCARD_STATE_EMPTY`.
const EMPTY: u64 = 0x0010;
/// `SCARD_STATE_PRESENT`.
const PRESENT: u64 = 0x0020;
/// `SCARD_STATE_EXCLUSIVE`.
const EXCLUSIVE: u64 = 0x0080;
/// `SCARD_STATE_INUSE`.
const IN_USE: u64 = 0x0100;
/// `SCARD_STATE_MUTE`: the card does not answer.
const MUTE: u64 = 0x0200;
/// Where the event counter is.
const COUNTER: u64 = 0xFFFF_0000;

/// A reader that the caller asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its name, without the zero that ends it.
    pub name: Vec<u8>,
    /// What the caller knows (`dwCurrentState`).
    pub current: u64,
    /// What the caller is told (`dwEventState`).
    pub event: u64,
    /// The ATR, once the reader was looked at.
    pub atr: Option<Vec<u8>>,
}

impl Asked {
    fn is_pnp(&self) -> bool {
        self.name.eq_ignore_ascii_case(PNP)
    }

    fn among<'a>(&self, readers: &'a [ReaderState]) -> Option<&'a ReaderState> {
        readers
            .iter()
            .find(|reader| reader.name.as_bytes() == self.name)
    }

    /// Looks at the reader; says whether something has changed.
    fn look(&mut self, reader: &ReaderState) -> bool {
        let knows = |bits: u64| self.current & bits != 0;
        let is = |bits: u32| reader.state & bits != 0;
        let counter = u64::from(reader.event_counter & 0xFFFF);
        let counted = knows(COUNTER) && (self.current & COUNTER) >> 16 != counter;
        let mut changed = knows(UNKNOWN) || counted;
        let mut event = self.event & !UNKNOWN & 0xFFFF | counter << 16;
        if is(state::UNKNOWN) {
            event = UNAVAILABLE;
            changed |= !knows(UNAVAILABLE);
        } else {
            event &= !UNAVAILABLE;
            changed |= knows(UNAVAILABLE);
        }
        self.atr = Some(match is(state::PRESENT) {
            true => reader.atr.clone(),
            false => Vec::new(),
        });
        if is(state::ABSENT) {
            event = event & !(PRESENT | MUTE | IN_USE | UNAVAILABLE) | EMPTY;
            changed |= knows(PRESENT);
        } else if is(state::PRESENT) {
            event = event & !(EMPTY | MUTE | UNAVAILABLE) | PRESENT;
            changed |= knows(EMPTY) || knows(MUTE) != is(state::SWALLOWED);
            if is(state::SWALLOWED) {
                event |= MUTE;
            }
        }
        match reader.sharing {
            -1 => {
                event = event & !IN_USE | EXCLUSIVE;
                changed |= knows(IN_USE);
            }
            1.. if is(state::PRESENT) => {
                event = event & !EXCLUSIVE | IN_USE;
                changed |= knows(EXCLUSIVE);
            }
            0 => {
                event &= !(IN_USE | EXCLUSIVE);
                changed |= knows(IN_USE | EXCLUSIVE);
            }
            _ => {}
        }
        changed |= self.current == UNAWARE;
        self.event = if changed { event | CHANGED } else { event };
        changed
    }
}

/// The readers that a call asks for, and how many there were when it began.
#[derive(Debug)]
pub struct Watch {
    asked: Vec<Asked>,
    /// Nothing before the first look.
    count: Option<usize>,
}

impl Watch {
    /// These readers.
    pub const fn new(asked: Vec<Asked>) -> Self {
        Self { asked, count: None }
    }

    /// Looks at all readers; says whether the caller is to hear of something.
    ///
    /// # Errors
    /// At the first look: one of the readers is none.
    pub fn look(&mut self, readers: &[ReaderState]) -> Result<bool, Code> {
        let count = match self.count {
            Some(count) => count,
            None => {
                let known = |asked: &Asked| asked.among(readers).is_some() || asked.is_pnp();
                if !self.asked.iter().all(known) {
                    return Err(Code::UNKNOWN_READER);
                }
                for asked in &mut self.asked {
                    asked.event = 0;
                }
                readers.len()
            }
        };
        let mut heard = false;
        for asked in &mut self.asked {
            if asked.current & IGNORE != 0 {
                continue;
            }
            heard |= match asked.among(readers) {
                Some(reader) => asked.look(reader),
                None if asked.is_pnp() => {
                    let changed = readers.len() != count;
                    if changed {
                        asked.event |= CHANGED;
                    }
                    changed
                }
                None => {
                    let changed = asked.current & UNKNOWN == 0;
                    asked.event = UNKNOWN | UNAVAILABLE | if changed { CHANGED } else { 0 };
                    changed
                }
            };
        }
        self.count = Some(readers.len());
        Ok(heard)
    }

    /// What the caller is told.
    pub fn told(self) -> Vec<Asked> {
        self.asked
    }

    /// Whether a look has been taken, so that there is something to tell.
    pub const fn has_looked(&self) -> bool {
        self.count.is_some()
    }
}
