//! What passes between program and card, as far as findings need it, and an end of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use kortlab_apdu::{Channel, ChannelError, Layer};

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
    /// How many commands there were.
    pub commands: usize,
    /// The tries left of each PIN of the card.
    pub tries: Vec<(u8, u8)>,
    /// The data of the answers that the program got; nothing if they were too many.
    pub given: Option<Vec<u8>>,
    /// The card's own last answer to the command that is under way.
    card: Option<Vec<u8>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            last: VecDeque::new(),
            commands: 0,
            tries: Vec::new(),
            given: Some(Vec::new()),
            card: None,
        }
    }
}

impl Seen {
    /// Hears what the program gets.
    fn gave(&mut self, answer: &[u8]) {
        let data = answer.len().saturating_sub(2);
        let data = answer.get(..data).unwrap_or_default();
        if let Some(given) = &mut self.given {
            given.extend_from_slice(data);
            if given.len() > KEPT_DATA {
                self.given = None;
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
        }
        self.last.push_back(exchange);
    }

    /// Hears what the card itself answers.
    pub fn card_answered(&mut self, answer: &[u8]) {
        self.card = Some(answer.to_vec());
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
pub struct Outside {
    /// What is kept.
    pub seen: Shared,
    /// How many commands there may be.
    pub most: usize,
}

impl Layer for Outside {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        {
            let mut seen = lock(&self.seen);
            seen.commands += 1;
            seen.card = None;
            if seen.commands > self.most {
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
        if let Ok(answer) = &answer {
            seen.gave(answer);
        }
        seen.push(Exchange {
            header,
            has_data: command.len() > 5,
            seen: answer.as_ref().ok().and_then(|answer| status(answer)),
            card: card.as_deref().and_then(status),
            // A transfer that fails is the fault's doing, whether the card was asked or not.
            spoilt: answer.is_err() || answer.as_ref().ok() != card.as_ref(),
        });
        answer
    }
}
