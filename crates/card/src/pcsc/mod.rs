//! Real readers, through PC/SC: which there are, what is in them, and a [`Channel`] to one.
//!
//! Nothing here waits longer than it is told to. A missing service, a missing reader, an empty
//! one, and a card that is pulled out each give their own [`ChannelError`], which says what to do.
//!
//! [`Channel`]: kortlab_apdu::Channel

mod channel;
mod connection;
mod errors;
mod holders;
mod watch;

use std::ffi::CString;
use std::time::Duration;

use kortlab_apdu::ChannelError;
use pcsc::{Context, ReaderState, Scope, State};

pub use channel::{ConnectOptions, PcscChannel};
pub use watch::{Change, Watch};

use errors::explain;

/// How many readers are looked at; PC/SC services have room for 16.
const MAX_READERS: usize = 64;

/// One reader and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its place in the list, from 0.
    pub index: usize,
    /// Its name, as the PC/SC service gives it.
    pub name: String,
    /// What is in it.
    pub state: Occupancy,
}

impl Reader {
    /// Whether there is a card in it that answers.
    pub const fn holds_card(&self) -> bool {
        matches!(self.state, Occupancy::Card { .. })
    }
}

/// What is in a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occupancy {
    /// Nothing.
    Empty,
    /// A card that answered to reset.
    Card {
        /// Its answer to reset.
        atr: Vec<u8>,
        /// Whether a program has it for itself.
        exclusive: bool,
    },
    /// A card that does not answer: put in the wrong way round, or broken.
    Mute,
    /// The service does not say; the reader may be being unplugged.
    Unknown,
}

/// Which reader is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The one reader that holds a card.
    #[default]
    OnlyCard,
    /// The reader with this index, exact name, or part of a name that only one has.
    Named(String),
}

/// The readers there are, and what is in each, now.
///
/// # Errors
/// There is no PC/SC service. No reader at all is an empty list.
pub fn readers() -> Result<Vec<Reader>, ChannelError> {
    look(&establish()?)
}

/// Connects to the card in the reader that `choice` means.
///
/// # Errors
/// No service, or one that does not answer, no such reader, several that fit, no card in it, or
/// another program has it for itself.
pub fn connect(choice: &Choice, options: ConnectOptions) -> Result<PcscChannel, ChannelError> {
    PcscChannel::connect(choice, options)
}

/// A watch over insertions and removals, of cards and of readers.
///
/// # Errors
/// There is no PC/SC service.
pub fn watch() -> Result<Watch, ChannelError> {
    Ok(Watch::new(establish()?))
}

fn establish() -> Result<Context, ChannelError> {
    Context::establish(Scope::User).map_err(|error| explain(error, None))
}

fn names(context: &Context) -> Result<Vec<CString>, ChannelError> {
    match context.list_readers_owned() {
        Ok(mut names) => {
            names.truncate(MAX_READERS);
            Ok(names)
        }
        Err(pcsc::Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(error) => Err(explain(error, None)),
    }
}

fn look(context: &Context) -> Result<Vec<Reader>, ChannelError> {
    let mut states: Vec<_> = names(context)?
        .into_iter()
        .map(|name| ReaderState::new(name, State::UNAWARE))
        .collect();
    if states.is_empty() {
        return Ok(Vec::new());
    }
    match context.get_status_change(Duration::ZERO, &mut states) {
        // A reader that was unplugged since the list was made is told as `Unknown`.
        Ok(()) | Err(pcsc::Error::Timeout | pcsc::Error::UnknownReader) => {}
        Err(error) => return Err(explain(error, None)),
    }
    let readers = states.iter().enumerate().map(|(index, state)| Reader {
        index,
        name: state.name().to_string_lossy().into_owned(),
        state: occupancy(state),
    });
    Ok(readers.collect())
}

fn occupancy(reader: &ReaderState) -> Occupancy {
    let state = reader.event_state();
    if state.intersects(State::UNKNOWN | State::UNAVAILABLE | State::IGNORE) {
        Occupancy::Unknown
    } else if state.contains(State::MUTE) {
        Occupancy::Mute
    } else if state.contains(State::PRESENT) {
        Occupancy::Card {
            atr: reader.atr().to_vec(),
            exclusive: state.contains(State::EXCLUSIVE),
        }
    } else {
        Occupancy::Empty
    }
}

fn choose<'a>(readers: &'a [Reader], choice: &Choice) -> Result<&'a Reader, ChannelError> {
    if readers.is_empty() {
        return Err(ChannelError::NoReader(
            "the PC/SC service knows none; plug one in, or use a virtual card".to_owned(),
        ));
    }
    match choice {
        Choice::OnlyCard => only_card(readers),
        Choice::Named(name) => named(readers, name),
    }
}

fn only_card(readers: &[Reader]) -> Result<&Reader, ChannelError> {
    let holding: Vec<_> = readers
        .iter()
        .filter(|reader| reader.holds_card())
        .collect();
    match holding.as_slice() {
        [one] => Ok(one),
        [] if readers.iter().any(|reader| reader.state == Occupancy::Mute) => {
            Err(ChannelError::Link(
                "a card is in the reader and does not answer; take it out and put it in again, \
                 chip first"
                    .to_owned(),
            ))
        }
        [] => Err(ChannelError::NoCard),
        several => Err(ChannelError::NoReader(format!(
            "{} readers hold a card; name one of: {}",
            several.len(),
            list(several.iter().copied())
        ))),
    }
}

fn named<'a>(readers: &'a [Reader], name: &str) -> Result<&'a Reader, ChannelError> {
    if let Some(reader) = readers.iter().find(|reader| reader.name == name) {
        return Ok(reader);
    }
    if let Ok(index) = name.parse::<usize>() {
        return readers.get(index).ok_or_else(|| {
            ChannelError::NoReader(format!(
                "there is none with number {index}; there are: {}",
                list(readers.iter())
            ))
        });
    }
    let lower = name.to_lowercase();
    let fitting: Vec<_> = readers
        .iter()
        .filter(|reader| !name.is_empty() && reader.name.to_lowercase().contains(&lower))
        .collect();
    match fitting.as_slice() {
        [one] => Ok(one),
        [] => Err(ChannelError::NoReader(format!(
            "none is called {name:?}; there are: {}",
            list(readers.iter())
        ))),
        several => Err(ChannelError::NoReader(format!(
            "{name:?} fits several: {}; say more of the name, or the number",
            list(several.iter().copied())
        ))),
    }
}

fn list<'a>(readers: impl Iterator<Item = &'a Reader>) -> String {
    let names: Vec<_> = readers
        .map(|reader| format!("{} {:?}", reader.index, reader.name))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(states: &[(&str, bool)]) -> Vec<Reader> {
        let made = states
            .iter()
            .enumerate()
            .map(|(index, &(name, card))| Reader {
                index,
                name: name.to_owned(),
                state: if card {
                    Occupancy::Card {
                        atr: vec![0x3B, 0x00],
                        exclusive: false,
                    }
                } else {
                    Occupancy::Empty
                },
            });
        made.collect()
    }

    fn index(readers: &[Reader], name: Option<&str>) -> Result<usize, ChannelError> {
        let choice = name.map_or(Choice::OnlyCard, |name| Choice::Named(name.to_owned()));
        choose(readers, &choice).map(|reader| reader.index)
    }

    #[test]
    fn a_reader_is_found_by_name_number_or_part_of_a_name() {
        let two = readers(&[("Virtual PCD 00 00", false), ("Virtual PCD 00 01", true)]);
        assert_eq!(index(&two, None), Ok(1));
        assert_eq!(index(&two, Some("Virtual PCD 00 00")), Ok(0));
        assert_eq!(index(&two, Some("1")), Ok(1));
        assert_eq!(index(&two, Some("pcd 00 01")), Ok(1));
    }

    #[test]
    fn no_reader_no_card_and_several_are_told_apart() {
        assert!(matches!(index(&[], None), Err(ChannelError::NoReader(_))));
        let empty = readers(&[("A", false)]);
        assert_eq!(index(&empty, None), Err(ChannelError::NoCard));
        let full = readers(&[("A1", true), ("A2", true)]);
        for name in [None, Some("a"), Some("7"), Some("B"), Some("")] {
            let error = index(&full, name).expect_err("no single reader");
            assert!(matches!(&error, ChannelError::NoReader(_)), "{error}");
            assert!(error.to_string().contains("A2"), "{error}");
        }
    }
}
