//! What the control door answers: readers as they are now.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::channel::FaultEntry;
use crate::output::printable;

/// The answer to a request that was carried out.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Answer {
    /// The readers that the request is about, as they are now.
    pub readers: Vec<ReaderEntry>,
    /// The number of the fault that was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
}

/// One reader.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReaderEntry {
    /// Its name.
    pub reader: String,
    /// `card` or `empty`.
    pub state: String,
    /// The image of the card in it, or of that which was taken out last; none for a real card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PathBuf>,
    /// The answer to reset of the card in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atr: Option<String>,
    /// `t0` or `t1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// How many commands programs have sent to it.
    pub commands: u64,
    /// Which PIN its pad asks for, or `idle`; none if it has no pad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_pad: Option<String>,
    /// What goes wrong with it, the first next to the card.
    pub faults: Vec<FaultEntry>,
    /// The snapshots of its card.
    pub snapshots: Vec<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.readers {
            entry.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for ReaderEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.image.as_ref().map(|image| image.display().to_string());
        let image = image.as_deref().map(printable);
        let card = match (self.state.as_str(), image) {
            ("card", Some(image)) => format!("the card {image}"),
            ("card", None) => "a card".to_owned(),
            (_, Some(image)) => format!("empty; the card {image} was taken out"),
            (_, None) => "empty".to_owned(),
        };
        let commands = match self.commands {
            1 => "1 command".to_owned(),
            many => format!("{many} commands"),
        };
        writeln!(f, "{}: {card}; {commands}", printable(&self.reader))?;
        match self.pin_pad.as_deref() {
            None => {}
            Some("idle") => writeln!(f, "  PIN pad")?,
            Some(pin) => writeln!(f, "  PIN pad, which asks for the {}", printable(pin))?,
        }
        for fault in &self.faults {
            writeln!(f, "  fault {fault}")?;
        }
        for name in &self.snapshots {
            writeln!(f, "  snapshot {}", printable(name))?;
        }
        Ok(())
    }
}
