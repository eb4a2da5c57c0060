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
/// How many bytes of data are kept.
const KEPT_DATA: usize = 1 << 20;

/// What was seen so far.
#[derive(Debug)]
pub struct Seen {
    first: Vec<Exchange>,
    last: VecDeque<Exchange>,
    /// How many between them were not kept.
    not_kept: usize,
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
            last: VecDeque::new(),
            not_kept: 0,
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
            self.push(exchange);
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
        if self.last.len() == KEPT {
            self.last.pop_front();
            self.not_kept = self.not_kept.saturating_add(1);
        }
        self.last.push_back(exchange);
    }

    /// Hears what the card itself answers.
    pub fn card_answered(&mut self, answer: &[u8]) {
        self.card = Some(answer.to_vec());
    }

    /// How many exchanges were not kept, and behind how many that were.
    pub const fn not_kept(&self) -> (usize, usize) {
        (self.not_kept, KEPT)
    }

    /// The exchanges that were kept.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.first.iter().chain(&self.last).cloned().collect()
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
    fn the_first_and_the_last_exchanges_are_kept_and_those_between_are_counted() {
        let mut seen = Seen::default();
        for number in 0..2 * KEPT + 5 {
            seen.push(Exchange {
                header: (number as u32).to_be_bytes(),
                has_data: false,
                seen: None,
                card: None,
                spoilt: false,
            });
        }
        let kept = seen.exchanges();
        assert_eq!(seen.not_kept(), (5, KEPT));
        let number = |exchange: &Exchange| u32::from_be_bytes(exchange.header) as usize;
        assert_eq!(kept.get(KEPT - 1).map(number), Some(KEPT - 1));
        assert_eq!(kept.get(KEPT).map(number), Some(KEPT + 5));
        assert_eq!(kept.last().map(number), Some(2 * KEPT + 4));
    }
}
