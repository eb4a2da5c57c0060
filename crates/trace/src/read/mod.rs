//! Reading traces, of any notation: what can be read is kept, and what cannot is told with its place.

mod apdutool;
mod arrows;
mod colours;
mod digits;
mod globalplatform;
mod hexadecimal;
mod json;
mod opensc;
mod opensc_tool;
mod pcapng;
mod pcscd;
mod scan;
mod text;
mod utf16;

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::collections::HashMap;

use kortlab_apdu::Protocol;

use crate::event::{Event, Sent, What};

pub use utf16::text as utf16_text;

/// The most bytes of a trace that are read.
pub const MAX_TRACE: usize = 64 << 20;

/// The most events that are kept of one trace.
pub const MAX_EVENTS: usize = 1_000_000;

/// The most troubles that are kept of one trace.
pub const MAX_TROUBLES: usize = 1_000;

/// The most characters of a card's name that are kept: each of its events has it.
pub const MAX_NAME: usize = 256;

/// What to give where nothing was found to read: whatever [`Source`] has with commands in it.
pub const WHAT_IS_READ: &str = "give a trace that `--trace` has written, or a log with APDUs: of \
    OpenSC, pcscd, GlobalPlatformPro, apdu4j, opensc-tool, apdutool, scriptor, pyscard, pySim, \
    JCShell or GPShell";

/// What a file is that events were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `.apdu` text, as a recorder writes it; or a script of commands.
    Text,
    /// JSON: a document a line, or one with all of it.
    Json,
    /// A pcapng capture file.
    Pcapng,
    /// The debug log of OpenSC (`OPENSC_DEBUG=9`).
    OpenScLog,
    /// The log of pcscd with APDUs (`pcscd --apdu --foreground`).
    PcscdLog,
    /// What GlobalPlatformPro and apdu4j print (`gp -d`).
    GlobalPlatformLog,
    /// What `opensc-tool -s` prints.
    OpenScTool,
    /// A script of the Java Card simulator's apdutool, or what it prints.
    ApduTool,
    /// Commands and answers behind arrows or words: scriptor, pyscard, pySim, JCShell, GPShell.
    Arrows,
    /// A list of readers and cards (pcsc_scan), without commands.
    Scan,
}

/// Where in a file something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A line and a column in it, both counted from 1; columns in characters.
    Line {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A byte, counted from 0.
    Byte(usize),
}

/// Something in a file that could not be read, or is odd. It never repeats what stands there, which
/// may be a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub what: String,
}

/// An event, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// What happened.
    pub event: Event,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the file is.
    pub source: Source,
    /// The events, in order.
    pub entries: Vec<Entry>,
    /// What could not be read, in order.
    pub troubles: Vec<Trouble>,
}

/// A command and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Where the command stands.
    pub place: Place,
    /// The command, as an event.
    pub event: &'a Event,
    /// The command.
    pub command: &'a Sent,
    /// What came: the bytes, or why none came. `None`: the trace says nothing of it.
    pub answer: Option<Result<&'a [u8], &'a str>>,
    /// How long that took, if it is known.
    pub after: Option<Duration>,
}

/// Reads a trace; its content says of which kind it is. Whatever the bytes are, this ends, and what
/// it returns is in proportion to them. Text may begin with a byte order mark, and be in UTF-16, as
/// Windows has it.
pub fn read(bytes: &[u8]) -> Reading {
    if let Some(what) = packed(bytes) {
        return Reading {
            source: Source::Text,
            entries: Vec::new(),
            troubles: vec![Trouble {
                place: Place::Byte(0),
                what: what.to_owned(),
            }],
        };
    }
    if bytes.starts_with(&pcapng::MAGIC) {
        return read_as(Source::Pcapng, bytes);
    }
    let text = utf16::text(bytes);
    let bytes = match &text {
        Some(text) => text.as_bytes(),
        None => bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes),
    };
    let plain = colours::without(bytes);
    let bytes = plain.as_ref().map_or(bytes, |plain| plain.as_slice());
    read_as(source(bytes), bytes)
}

/// What a file is of which nothing is read before another program has unpacked it, and what does.
pub fn packed(bytes: &[u8]) -> Option<&'static str> {
    const PACKED: [(&[u8], &str); 9] = [
        (
            b"\x1F\x8B\x08",
            "this is packed by gzip; `gunzip` unpacks it",
        ),
        (b"\xFD7zXZ\0", "this is packed by xz; `unxz` unpacks it"),
        (
            b"\x28\xB5\x2F\xFD",
            "this is packed by zstd; `unzstd` unpacks it",
        ),
        (b"PK\x03\x04", "this is a ZIP archive; `unzip` unpacks it"),
        (
            b"7z\xBC\xAF\x27\x1C",
            "this is a 7z archive; `7z x` unpacks it",
        ),
        (b"\xD4\xC3\xB2\xA1", PCAP),
        (b"\xA1\xB2\xC3\xD4", PCAP),
        (b"\x4D\x3C\xB2\xA1", PCAP),
        (b"\xA1\xB2\x3C\x4D", PCAP),
    ];
    const PCAP: &str =
        "this is a capture file of the older form; `editcap -F pcapng` makes a .pcapng";
    let mut packed = PACKED.iter();
    packed.find_map(|(magic, what)| bytes.starts_with(magic).then_some(*what))
}

fn read_as(source: Source, bytes: &[u8]) -> Reading {
    let mut reading = Reading {
        source,
        entries: Vec::new(),
        troubles: Vec::new(),
    };
    let bytes = match bytes.get(..MAX_TRACE) {
        Some(beginning) if bytes.len() > MAX_TRACE => {
            let what = format!("the trace is longer than {MAX_TRACE} bytes; the rest is not read");
            reading.trouble(Place::Byte(MAX_TRACE), what);
            beginning
        }
        _ => bytes,
    };
    match reading.source {
        Source::Text => text::read(bytes, &mut reading),
        Source::Json => json::read(bytes, &mut reading),
        Source::Pcapng => pcapng::read(bytes, &mut reading),
        Source::OpenScLog => opensc::read(bytes, &mut reading),
        Source::PcscdLog => pcscd::read(bytes, &mut reading),
        Source::GlobalPlatformLog => globalplatform::read(&text(bytes), &mut reading),
        Source::OpenScTool => opensc_tool::read(&text(bytes), &mut reading),
        Source::ApduTool => apdutool::read(&text(bytes), &mut reading),
        Source::Arrows => arrows::read(&text(bytes), &mut reading),
        Source::Scan => scan::read(&text(bytes), &mut reading),
    }
    reading
}

/// Of which kind a file is that is no capture file.
fn source(bytes: &[u8]) -> Source {
    let contains = |text: &[u8]| {
        let mut windows = bytes.windows(text.len());
        windows.any(|window| window == text)
    };
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(first, Some(b'{' | b'[')) && !opensc::MARKS.iter().any(|mark| contains(mark)) {
        Source::Json
    } else if opensc::MARKS.iter().any(|mark| contains(mark)) {
        Source::OpenScLog
    } else if pcscd::is_log(bytes) {
        Source::PcscdLog
    } else {
        of_lines(&text(bytes))
    }
}

/// Of which kind a text is, by its lines.
fn of_lines(text: &str) -> Source {
    if globalplatform::is_log(text) {
        Source::GlobalPlatformLog
    } else if opensc_tool::is_log(text) {
        Source::OpenScTool
    } else if apdutool::is_log(text) {
        Source::ApduTool
    } else if text::is_recorded(text) {
        Source::Text
    } else if arrows::is_log(text) {
        Source::Arrows
    } else if scan::is_log(text) {
        Source::Scan
    } else {
        Source::Text
    }
}

/// The text of a log; what is none in it stands in the way of no line but its own.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// How many blanks a line begins with.
fn indent(line: &str) -> usize {
    line.chars()
        .take_while(|character| character.is_whitespace())
        .count()
}

impl Reading {
    /// Whether there are commands or cards in it: a file without is no trace.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The commands with their answers, in the order of the commands. An answer belongs to the last
    /// command to the same card before it.
    pub fn exchanges(&self) -> Vec<Exchange<'_>> {
        let mut exchanges: Vec<Exchange<'_>> = Vec::new();
        // The last command to each card that waits for its answer.
        let mut waiting: HashMap<Option<&str>, usize> = HashMap::new();
        for Entry { place, event } in &self.entries {
            let card = event.card.as_deref();
            let (answer, after) = match &event.what {
                What::Command(command) => {
                    waiting.insert(card, exchanges.len());
                    exchanges.push(Exchange {
                        place: *place,
                        event,
                        command,
                        answer: None,
                        after: None,
                    });
                    continue;
                }
                What::Answer { bytes, after } => (Ok(bytes.as_slice()), *after),
                What::NoAnswer { why, after } => (Err(why.as_str()), *after),
                What::Card { .. } | What::Image { .. } | What::Occasion(_) => continue,
            };
            let found = waiting.remove(&card);
            if let Some(exchange) = found.and_then(|found| exchanges.get_mut(found)) {
                exchange.answer = Some(answer);
                exchange.after = after;
            }
        }
        exchanges
    }

    /// The first answer to reset in it, and the protocol that goes with it.
    pub fn card(&self) -> Option<(&[u8], Option<Protocol>)> {
        let mut cards = self.entries.iter().filter_map(state);
        cards.next().map(|(_, atr, protocol)| (atr, protocol))
    }

    /// The same of the card with this name.
    pub fn card_named(&self, name: Option<&str>) -> Option<(&[u8], Option<Protocol>)> {
        let mut cards = self.entries.iter().filter_map(state);
        let found = cards.find(|(card, ..)| *card == name);
        found.map(|(_, atr, protocol)| (atr, protocol))
    }

    /// The names of the cards in it, each once, in order.
    pub fn cards(&self) -> Vec<&str> {
        let mut cards: Vec<&str> = Vec::new();
        for name in self
            .entries
            .iter()
            .filter_map(|entry| entry.event.card.as_deref())
        {
            if !cards.contains(&name) && cards.len() < 256 {
                cards.push(name);
            }
        }
        cards
    }

    /// Keeps what happened to a card, at a time that is not known. `false`: there are too many events, and
    /// reading should end.
    fn keep(&mut self, place: Place, card: Option<&str>, what: What) -> bool {
        let event = Event {
            card: card.map(str::to_owned),
            time: None,
            what,
        };
        self.keep_event(place, event)
    }

    /// The same of an event with all that is known of it.
    fn keep_event(&mut self, place: Place, event: Event) -> bool {
        if self.entries.len() >= MAX_EVENTS {
            let what = format!("there are more than {MAX_EVENTS} events; the rest is not read");
            self.troubles.push(Trouble { place, what });
            return false;
        }
        self.entries.push(Entry { place, event });
        true
    }

    /// The name of a card, as far as it is kept.
    fn name(&mut self, place: Place, name: &str) -> String {
        let Some((end, _)) = name.char_indices().nth(MAX_NAME) else {
            return name.to_owned();
        };
        let what = format!("the name is longer than {MAX_NAME} characters; the rest is not read");
        self.trouble(place, what);
        name.get(..end).unwrap_or_default().to_owned()
    }

    fn trouble(&mut self, place: Place, what: impl Into<String>) {
        if self.troubles.len() < MAX_TROUBLES {
            let what = what.into();
            self.troubles.push(Trouble { place, what });
        } else if self.troubles.len() == MAX_TROUBLES {
            let what = "and more of the kind; they are not listed".to_owned();
            self.troubles.push(Trouble { place, what });
        }
    }
}

/// The card that an entry is about, and how it is.
fn state(entry: &Entry) -> Option<(Option<&str>, &[u8], Option<Protocol>)> {
    match &entry.event.what {
        What::Card { atr, protocol } => Some((entry.event.card.as_deref(), atr, *protocol)),
        _ => None,
    }
}

impl Source {
    /// Its word in documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "apdu",
            Self::Json => "json",
            Self::Pcapng => "pcapng",
            Self::OpenScLog => "opensc-log",
            Self::PcscdLog => "pcscd-log",
            Self::GlobalPlatformLog => "globalplatform-log",
            Self::OpenScTool => "opensc-tool",
            Self::ApduTool => "apdutool",
            Self::Arrows => "arrows",
            Self::Scan => "scan",
        }
    }

    /// What it is, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "a trace (.apdu)",
            Self::Json => "a trace (.json)",
            Self::Pcapng => "a capture file (.pcapng)",
            Self::OpenScLog => "a debug log of OpenSC",
            Self::PcscdLog => "a log of pcscd",
            Self::GlobalPlatformLog => "a log of GlobalPlatformPro or apdu4j",
            Self::OpenScTool => "what opensc-tool prints",
            Self::ApduTool => "a script or the output of apdutool",
            Self::Arrows => "commands and answers behind arrows",
            Self::Scan => "a list of readers and cards",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, column } => write!(f, "line {line}, column {column}"),
            Self::Byte(offset) => write!(f, "byte {offset}"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
