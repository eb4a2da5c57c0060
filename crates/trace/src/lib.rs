//! What passes between a program and a card: recording it, reading what was recorded, and playing
//! it as a card.
//!
//! A [`Recorder`] is a layer: it goes around any channel, and sees what the program sees. What it
//! writes has one of three notations ([`Format`]). `.apdu` is text that a person reads and that the
//! parser of scripts ([`kortlab_apdu::script`]) takes, so that a trace can be sent again:
//!
//! ```text
//! # ATR: 3B7D96000080318065B0A3110101F383009000
//! # PROTOCOL: T=0
//! 00A40000022F00
//! # Received in 0.021 ms: 6117
//! # Not shown: 0020008108 and 8 bytes
//! # Received in 0.044 ms: 63C2
//! # RESET: warm
//! # ATR: …
//! ```
//!
//! `.json` is a JSON document a line, and `.pcapng` a capture file for Wireshark. [`read()`] reads
//! them, and what other programs print, as people post it ([`Source`]).
//!
//! Commands that carry PINs or keys are shown without them unless [`Secrets::Shown`] says
//! otherwise; then they are comments in the text, so that nobody sends a wrong PIN by sending a
//! trace again.
//!
//! ```
//! use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
//! use kortlab_trace::{Format, Secrets, Trace};
//!
//! fn record<C: Channel>(card: C) -> impl Channel {
//!     Trace::new(std::io::stderr(), Format::Text, Secrets::Masked).record(card)
//! }
//!
//! let reading = kortlab_trace::read(b"00A40000022F00\n# Received in 0.021 ms: 6117\n");
//! assert_eq!(reading.exchanges()[0].answer, Some(Ok(&[0x61, 0x17][..])));
//! ```

mod event;
mod mask;
mod notation;
mod read;
mod recorder;
mod replay;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use kortlab_apdu::{Channel, Layered};
use zeroize::Zeroizing;

use notation::Notation;

pub use event::{Event, Sent, What};
pub use notation::Format;
pub use read::{
    Entry, Exchange, MAX_EVENTS, MAX_NAME, MAX_TRACE, MAX_TROUBLES, Place, Reading, Source,
    Trouble, WHAT_IS_READ, packed, read, utf16_text,
};
pub use recorder::Recorder;
pub use replay::{Difference, Manner, Replay, differences};

/// What a trace shows of commands that carry PINs or keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// The header, and how many bytes follow.
    #[default]
    Masked,
    /// Everything.
    Shown,
}

/// A trace that is being written. A clone writes into the same.
#[derive(Clone)]
pub struct Trace {
    sink: Arc<Mutex<Sink>>,
    secrets: Secrets,
}

/// Says what an event means, in words that are written beside it where the notation has room.
pub type Meaning = Box<dyn FnMut(&Event) -> Option<String> + Send>;

struct Sink {
    out: Box<dyn Write + Send>,
    notation: Box<dyn Notation>,
    meaning: Option<Meaning>,
    /// The first thing that could not be written.
    failed: Option<io::Error>,
}

impl Trace {
    /// A trace that goes to `out`. Nothing is buffered here: what has passed is written.
    pub fn new(out: impl Write + Send + 'static, format: Format, secrets: Secrets) -> Self {
        Self::begin(Box::new(out), format, secrets, None)
    }

    /// The same, with words beside each event.
    pub fn explained(
        out: impl Write + Send + 'static,
        format: Format,
        secrets: Secrets,
        meaning: Meaning,
    ) -> Self {
        Self::begin(Box::new(out), format, secrets, Some(meaning))
    }

    fn begin(
        out: Box<dyn Write + Send>,
        format: Format,
        secrets: Secrets,
        meaning: Option<Meaning>,
    ) -> Self {
        let mut notation = format.notation();
        let mut first = Vec::new();
        notation.begin(&mut first);
        let mut sink = Sink {
            out,
            notation,
            meaning,
            failed: None,
        };
        sink.put(&first);
        Self {
            sink: Arc::new(Mutex::new(sink)),
            secrets,
        }
    }

    /// Records what passes through this channel from now on.
    pub fn record<C: Channel>(&self, card: C) -> Layered<C, Recorder> {
        let recorder = Recorder::begin(self.clone(), None, &card);
        Layered::new(card, recorder)
    }

    /// The same, where the trace is about several cards: each stretch says about which.
    pub fn record_as<C: Channel>(&self, name: &str, card: C) -> Layered<C, Recorder> {
        let recorder = Recorder::begin(self.clone(), Some(name.to_owned()), &card);
        Layered::new(card, recorder)
    }

    /// Writes events as they are, but for PINs and keys unless they are to be shown. What belongs
    /// together is written together.
    pub fn write(&self, events: &[Event]) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink.write(events, self.secrets);
    }

    /// Whether all that has passed was written; what is done to a card goes on when it was not.
    ///
    /// # Errors
    /// The first thing that could not be written; told once.
    pub fn finish(&self) -> io::Result<()> {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        match sink.failed.take() {
            Some(error) => Err(error),
            None => sink.out.flush(),
        }
    }
}

impl Sink {
    fn write(&mut self, events: &[Event], secrets: Secrets) {
        // Room at once, so that no copy of a secret is left behind by growth.
        let room = events.iter().map(room).sum();
        let mut lines = Zeroizing::new(Vec::with_capacity(room));
        for event in events {
            let masked = match (&event.what, secrets) {
                (What::Command(sent), Secrets::Masked) if sent.shows_secrets() => Some(Event {
                    what: What::Command(sent.without_secrets()),
                    ..event.clone()
                }),
                _ => None,
            };
            let event = masked.as_ref().unwrap_or(event);
            let meaning = self.meaning.as_mut().and_then(|meaning| meaning(event));
            self.notation.write(event, meaning.as_deref(), &mut lines);
        }
        self.put(&lines);
    }

    fn put(&mut self, bytes: &[u8]) {
        let written = self.out.write_all(bytes).and_then(|()| self.out.flush());
        if let Err(error) = written
            && self.failed.is_none()
        {
            self.failed = Some(error);
        }
    }
}

/// How much room an event takes at most, in any notation, without its meaning.
fn room(event: &Event) -> usize {
    let bytes = match &event.what {
        What::Card { atr, .. } => atr.len(),
        What::Command(sent) => sent.shown().len(),
        What::Answer { bytes, .. } => bytes.len(),
        What::NoAnswer { why, .. } => why.len(),
        What::Occasion(_) | What::Image { .. } => 0,
    };
    let name = event.card.as_ref().map_or(0, String::len);
    bytes
        .saturating_mul(2)
        .saturating_add(name)
        .saturating_add(512)
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace")
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}
