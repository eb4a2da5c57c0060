//! What passes between program and card, as far as findings need it, and an end of it.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use kortlab_apdu::{Channel, ChannelError, Layer, Layered, Protocol, ResetKind};
use kortlab_emulator::{InProcess, VirtualCard};
use kortlab_faults::Fault;
use kortlab_pcsc::Card;

use crate::journal::{Journal, Record};
use crate::outcome::Exchange;

/// How many exchanges are kept from the beginning, and how many of the last.
const KEPT: usize = 2048;
/// How many of those between that were spoilt, the last ones.
const KEPT_SPOILT: usize = 64;
/// How many bytes of data are kept.
const KEPT_DATA: usize = 1 << 20;

/// What was seen so far.
#[derive(Debug)]
pub struct Seen {
    first: Vec<Exchange>,
    spoilt: VecDeque<Exchange>,
    last: VecDeque<Exchange>,
    /// How many commands there were.
    pub commands: usize,
    /// The tries left of each PIN of the card.
    pub tries: Vec<(u8, u8)>,
    /// The data of the answers that the program got; nothing if they were too many.
    pub given: Option<Vec<u8>>,
    /// The card's own last answer to the command that is under way.
    card: Option<Vec<u8>>,
    /// Where it is written down besides.
    journal: Option<Journal>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            spoilt: VecDeque::new(),
            last: VecDeque::new(),
            commands: 0,
            tries: Vec::new(),
            given: Some(Vec::new()),
            card: None,
            journal: None,
        }
    }
}

impl Seen {
    /// Hears which data the program gets.
    fn gave(&mut self, data: &[u8]) {
        if let Some(given) = &mut self.given {
            given.extend_from_slice(data);
            if given.len() > KEPT_DATA {
                self.given = None;
            }
        }
    }

    /// Writes down what is seen from now on. What cannot be written ends the card, so that nothing
    /// passes unseen.
    pub fn write_to(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Sees one more command, and, unless it was one too many, what was answered.
    pub(crate) fn see(&mut self, record: Record) {
        self.commands = self.commands.saturating_add(1);
        self.tries = record.tries;
        self.gave(&record.data);
        if let Some(exchange) = record.exchange {
            let number = self.commands;
            self.push(Exchange { number, ..exchange });
        }
    }

    /// Writes the last command down; says whether that was possible.
    fn written(&mut self, exchange: Option<&Exchange>, data: &[u8]) -> bool {
        let Some(journal) = &mut self.journal else {
            return true;
        };
        match journal.note(exchange, &self.tries, data) {
            Ok(()) => true,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "kortlab: the journal: {error}");
                false
            }
        }
    }

    fn push(&mut self, exchange: Exchange) {
        if self.first.len() < KEPT {
            self.first.push(exchange);
            return;
        }
        if self.last.len() == KEPT
            && let Some(between) = self.last.pop_front()
            && between.spoilt
        {
            if self.spoilt.len() == KEPT_SPOILT {
                self.spoilt.pop_front();
            }
            self.spoilt.push_back(between);
        }
        self.last.push_back(exchange);
    }

    /// Hears what the card itself answers.
    pub fn card_answered(&mut self, answer: &[u8]) {
        self.card = Some(answer.to_vec());
    }

    /// The exchanges that were kept, in their order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let kept = self.first.iter().chain(&self.spoilt).chain(&self.last);
        kept.cloned().collect()
    }
}

/// What the card and the layer next to the program share.
pub type Shared = Arc<Mutex<Seen>>;

/// What is shared, also after a thread that had it has panicked.
pub fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn status(answer: &[u8]) -> Option<u16> {
    let (_, status) = answer.split_last_chunk()?;
    Some(u16::from_be_bytes(*status))
}

/// Next to the program: keeps what it sees, and ends it after so many commands.
#[derive(Debug)]
struct Outside {
    seen: Shared,
    most: usize,
}

impl Layer for Outside {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        {
            let mut seen = lock(&self.seen);
            seen.commands = seen.commands.saturating_add(1);
            seen.card = None;
            if seen.commands > self.most {
                seen.written(None, &[]);
                return Err(ChannelError::NoCard);
            }
        }
        let answer = next.transmit(command);
        let mut header = [0; 4];
        for (place, byte) in header.iter_mut().zip(command) {
            *place = *byte;
        }
        let mut seen = lock(&self.seen);
        let card = seen.card.take();
        let data = match &answer {
            Ok(answer) => answer
                .split_last_chunk::<2>()
                .map_or(&[][..], |(data, _)| data),
            Err(_) => &[],
        };
        seen.gave(data);
        let exchange = Exchange {
            number: seen.commands,
            header,
            has_data: command.len() > 5,
            seen: answer.as_ref().ok().and_then(|answer| status(answer)),
            card: card.as_deref().and_then(status),
            // A transfer that fails is the fault's doing, whether the card was asked or not.
            spoilt: answer.is_err() || answer.as_ref().ok() != card.as_ref(),
        };
        let written = seen.written(Some(&exchange), data);
        seen.push(exchange);
        match written {
            true => answer,
            false => Err(ChannelError::NoCard),
        }
    }
}

/// The tries left of each PIN.
pub fn tries(card: &VirtualCard) -> Vec<(u8, u8)> {
    let pins = card.state().pins.iter();
    pins.map(|pin| (pin.reference, pin.tries_left)).collect()
}

/// A card for a reader, with these faults around it, the first next to the card. What it truly answers
/// and has become, and what the program gets, is seen; after `most` commands it is gone.
pub fn around(
    card: InProcess,
    faults: impl IntoIterator<Item = Fault>,
    seen: &Shared,
    most: usize,
) -> Card {
    let mut channel: Card = Box::new(Bench::new(card, Arc::clone(seen)));
    for fault in faults {
        channel = Box::new(Layered::new(channel, fault));
    }
    let outside = Outside {
        seen: Arc::clone(seen),
        most,
    };
    Box::new(Layered::new(channel, outside))
}

/// The card, and what it truly answers and has become.
struct Bench {
    card: InProcess,
    seen: Shared,
}

impl Bench {
    fn new(card: InProcess, seen: Shared) -> Self {
        lock(&seen).tries = tries(card.card());
        Self { card, seen }
    }
}

impl Channel for Bench {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let answer = Channel::transmit(&mut self.card, command)?;
        let mut seen = lock(&self.seen);
        seen.card_answered(&answer);
        seen.tries = tries(self.card.card());
        Ok(answer)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        Channel::reset(&mut self.card, kind)
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        Channel::power_on(&mut self.card)
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        Channel::power_off(&mut self.card)
    }

    fn atr(&self) -> &[u8] {
        Channel::atr(&self.card)
    }

    fn protocol(&self) -> Protocol {
        Channel::protocol(&self.card)
    }

    fn max_command_data(&self) -> usize {
        self.card.max_command_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_exchanges_are_kept_and_of_those_between_what_was_spoilt() {
        let mut seen = Seen::default();
        let is_spoilt =
            |number| number == 9 || (KEPT + 3..KEPT + 3 + 2 * KEPT_SPOILT).contains(&number);
        for number in 1..=3 * KEPT {
            seen.push(Exchange {
                number,
                header: [0; 4],
                has_data: false,
                seen: None,
                card: None,
                spoilt: is_spoilt(number),
            });
        }
        let kept: Vec<_> = seen.exchanges().iter().map(|one| one.number).collect();
        let spoilt = KEPT + 3 + KEPT_SPOILT..KEPT + 3 + 2 * KEPT_SPOILT;
        let expected: Vec<_> = (1..=KEPT)
            .chain(spoilt)
            .chain(2 * KEPT + 1..=3 * KEPT)
            .collect();
        assert_eq!(kept, expected);
    }
}
