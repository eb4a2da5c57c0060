//! What happens to a card that is emulated, as it is told.

use std::fmt;
use std::path::Path;

use kortlab_emulator::link::vpcd::{Event, LinkError};
use serde::Serialize;

use super::seat::Seat;
use crate::output::{BOLD, printable};

/// Something that has happened to one card.
pub enum News {
    /// On its way to the reader.
    Link(Event),
    /// Where PC/SC shows it.
    Seat(Seat),
    /// It was taken out, by the control door.
    TakenOut,
    /// A program's change could not be saved; why.
    NotSaved(String),
    /// It is out, for good.
    Ended(Result<(), LinkError>),
}

/// One line of the output.
#[derive(Serialize)]
pub struct Happening<'a> {
    image: &'a Path,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reader: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<&'a Path>,
    #[serde(skip)]
    text: String,
}

impl fmt::Display for Happening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.image.display().to_string();
        let image = printable(&image);
        write!(f, "{BOLD}{image}{BOLD:#}: {}", printable(&self.text))?;
        let Some(control) = self.control else {
            return Ok(());
        };
        let control = control.display().to_string();
        let control = printable(&control);
        write!(
            f,
            "\n{BOLD}{image}{BOLD:#}: `kortlab ctl` comes in by {control}"
        )
    }
}

impl<'a> Happening<'a> {
    /// An event of this name, said with these words.
    fn new(image: &'a Path, event: &'static str, text: impl Into<String>) -> Self {
        Self {
            image,
            event,
            address: None,
            reader: None,
            reason: None,
            control: None,
            text: text.into(),
        }
    }

    /// The same with the socket of the control door.
    #[must_use]
    pub const fn with_control(mut self, control: Option<&'a Path>) -> Self {
        self.control = control;
        self
    }

    /// It was taken out, and waits to be put in again.
    pub fn taken_out(image: &'a Path) -> Self {
        let reason = "it was taken out";
        Self {
            reason: Some(reason.to_owned()),
            ..Self::new(
                image,
                "removed",
                format!("{reason}; `kortlab ctl insert` puts it in again"),
            )
        }
    }

    /// What happened on the way to the reader.
    pub fn link(image: &'a Path, event: &Event) -> Self {
        let (name, address, reason) = match event {
            Event::Waiting { address, reason } => {
                ("waiting", Some(address.clone()), Some(reason.clone()))
            }
            Event::Inserted { address } => ("inserted", Some(address.to_string()), None),
            Event::Ignored { address } => {
                let reason = "the reader asks nothing of the card".to_owned();
                ("waiting", Some(address.to_string()), Some(reason))
            }
            Event::Removed { reason } => ("removed", None, Some(reason.to_string())),
            _ => ("other", None, None),
        };
        Self {
            address,
            reason,
            ..Self::new(image, name, event.to_string())
        }
    }

    /// Where PC/SC shows the card, and what to do next.
    pub fn seat(image: &'a Path, seat: &Seat) -> Self {
        match seat {
            Seat::Reader { name, only } => {
                let card = match only {
                    true => "pcsc".to_owned(),
                    false => format!("'pcsc:{name}'"),
                };
                let text = format!(
                    "programs find it in the reader {name:?}; try `kortlab -c {card} info`; \
                     Ctrl-C takes the card out"
                );
                Self {
                    reader: Some(name.clone()),
                    ..Self::new(image, "reader", text)
                }
            }
            Seat::NotSeen { reason } => Self {
                reason: Some(reason.clone()),
                ..Self::new(
                    image,
                    "reader-not-seen",
                    format!("PC/SC does not show it on this computer: {reason}"),
                )
            },
        }
    }

    /// The card listens on a socket.
    pub fn on_socket(image: &'a Path, path: &Path) -> Self {
        let address = format!("socket:{}", path.display());
        let text = format!("the card listens; use it with --card {address}");
        Self {
            address: Some(address),
            ..Self::new(image, "inserted", text)
        }
    }

    /// A change could not be saved.
    pub fn not_saved(image: &'a Path, reason: &str) -> Self {
        let text = format!(
            "a change could not be saved, and the program was refused it: {reason}; with \
             --ephemeral nothing is saved"
        );
        Self {
            reason: Some(reason.to_owned()),
            ..Self::new(image, "not-saved", text)
        }
    }

    /// The card is out.
    pub fn ejected(image: &'a Path) -> Self {
        Self::new(image, "ejected", "ejected")
    }
}
