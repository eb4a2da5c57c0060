//! A service with cards that note what happens to them.

// Each test program uses a part of this.
#![allow(dead_code)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_pcsc::{Client, Code, Protocols, Refusal, Service, ShareMode, Wake};

pub const READER: &str = "Desk";
pub const ATR: [u8; 4] = [0x3B, 0x02, 0x14, 0x50];

/// What happened to a card.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<&'static str>>>);

impl Notes {
    pub fn note(&self, what: &'static str) {
        self.0.lock().expect("notes").push(what);
    }

    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().expect("notes"))
    }
}

/// A T=0 card that answers each command with its own bytes and 9000. What the first byte asks for
/// happens.
pub struct Card {
    pub notes: Notes,
    out: bool,
    /// Whether it goes at the next reset.
    goes: bool,
    /// Whether the next reset takes its time.
    dawdles: bool,
}

impl Card {
    pub fn new() -> (Self, Notes) {
        let notes = Notes::default();
        let card = Self {
            notes: notes.clone(),
            out: false,
            goes: false,
            dawdles: false,
        };
        (card, notes)
    }
}

impl Channel for Card {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.notes.note("command");
        match command.first() {
            Some(0xE0) => {
                self.out = true;
                Err(ChannelError::NoCard)
            }
            Some(0xE1) => Err(ChannelError::Storage("full".to_owned())),
            Some(0xE2) => Err(ChannelError::WasReset),
            Some(0xE3) => Err(ChannelError::Link("noise".to_owned())),
            Some(0xE4) => Err(ChannelError::NoReader("unplugged".to_owned())),
            Some(0xE5) => Ok(vec![0xAA; 70_000]),
            Some(0xE6) => {
                std::thread::sleep(Duration::from_millis(700));
                Ok(vec![0x90, 0x00])
            }
            Some(0xE7) => {
                self.goes = true;
                Ok(vec![0x90, 0x00])
            }
            Some(0xE8) => {
                self.dawdles = true;
                Ok(vec![0x90, 0x00])
            }
            _ => Ok([command, &[0x90, 0x00]].concat()),
        }
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.notes.note(match kind {
            ResetKind::Warm => "warm",
            ResetKind::Cold => "cold",
        });
        if std::mem::take(&mut self.dawdles) {
            std::thread::sleep(Duration::from_millis(700));
        }
        match self.out || self.goes {
            true => Err(ChannelError::NoCard),
            false => Ok(()),
        }
    }
    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.notes.note("on");
        if self.goes {
            return Err(ChannelError::NoCard);
        }
        self.out = false;
        Ok(())
    }
    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.notes.note("off");
        Ok(())
    }
    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        self.notes.note("begin");
        Ok(())
    }
    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        self.notes.note("end");
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &ATR
    }
    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
}

/// A service with an empty list of readers. A card that nobody uses keeps its power.
pub fn service() -> Arc<Service> {
    let mut numbers = 1..;
    let service = Service::new(move || numbers.next().expect("a number"));
    Arc::new(service.with_grace(Duration::MAX))
}

/// A service with one reader, and a card in it.
pub fn desk() -> (Arc<Service>, Notes) {
    let service = service();
    let (card, notes) = Card::new();
    service
        .add_reader(READER, Some(Box::new(card)))
        .expect("a reader");
    (service, notes)
}

/// A client with a context.
pub fn client(service: &Arc<Service>) -> Client {
    let mut client = service.client();
    client.establish_context(2).expect("a context");
    client
}

/// A client with a shared handle.
pub fn connected(service: &Arc<Service>) -> (Client, u32) {
    let mut client = client(service);
    let (handle, protocol) = client
        .connect(READER, ShareMode::Shared, Protocols(3))
        .expect("connected");
    assert_eq!(protocol, Protocols::T0);
    (client, handle)
}

/// The code of a refusal that is final.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(done: Result<T, Refusal>) -> Code {
    match done.expect_err("refused") {
        Refusal::With(code) => code,
        held => panic!("{held:?}"),
    }
}

pub const HELD: Refusal = Refusal::Held { own: false };
pub const HELD_BY_ITSELF: Refusal = Refusal::Held { own: true };

/// Counts how often it was woken, and keeps the last code.
#[derive(Default)]
pub struct Woken {
    pub times: AtomicUsize,
    pub code: Mutex<Option<Code>>,
}

impl Wake for Woken {
    fn wake(&self, code: Code) {
        self.times.fetch_add(1, Ordering::SeqCst);
        *self.code.lock().expect("a code") = Some(code);
    }
}

impl Woken {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn times(&self) -> usize {
        self.times.load(Ordering::SeqCst)
    }

    pub fn code(&self) -> Option<Code> {
        *self.code.lock().expect("a code")
    }
}
