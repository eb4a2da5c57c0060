//! How traces are written: one file a notation.

mod json;
mod pcapng;
pub(crate) mod text;

use std::path::Path;

use crate::event::Event;

pub(crate) use json::{Digits, FORMAT, Line, VERSION};
pub(crate) use pcapng::{DIRECTION, DISSECTOR, END, LINK_TYPE, RECEIVED, SENT};

/// The notations that traces are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// `.apdu`: text that a person reads, and that is a script of commands.
    #[default]
    Text,
    /// `.json`: a JSON document a line.
    Json,
    /// `.pcapng`: for Wireshark, which shows commands and answers as ISO/IEC 7816.
    Pcapng,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Text, Self::Json, Self::Pcapng];

    /// The ending of the names of files with it, without the full stop.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Text => "apdu",
            Self::Json => "json",
            Self::Pcapng => "pcapng",
        }
    }

    /// The one that the name of this file says.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?;
        let mut all = Self::ALL.into_iter();
        all.find(|format| ending.eq_ignore_ascii_case(format.ending()))
    }

    pub(crate) fn notation(self) -> Box<dyn Notation> {
        match self {
            Self::Text => Box::<text::Text>::default(),
            Self::Json => Box::new(json::Json),
            Self::Pcapng => Box::<pcapng::Pcapng>::default(),
        }
    }
}

/// A way to write events down.
pub(crate) trait Notation: Send {
    /// What a trace begins with.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// An event, and what it means in words.
    fn write(&mut self, event: &Event, meaning: Option<&str>, out: &mut Vec<u8>);
}
