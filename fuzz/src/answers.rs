//! A card that answers from a list, in the form of OpenSC's fuzzing corpora: pieces of two bytes of
//! length, least significant first, and so many bytes; the first is the ATR, the others are answers.

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};

/// More commands than any list can have answers, and whoever goes on without a card has a fault.
const PATIENCE: usize = 1000;

/// The card.
pub struct Answers<'a> {
    atr: &'a [u8],
    rest: &'a [u8],
    without_card: usize,
}

impl<'a> Answers<'a> {
    /// The card with these answers; a last piece that is cut is as long as it is.
    pub fn new(data: &'a [u8]) -> Self {
        let (atr, rest) = piece(data).unwrap_or_default();
        Self {
            atr,
            rest,
            without_card: 0,
        }
    }
}

fn piece(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk()?;
    let length = usize::from(u16::from_le_bytes(*length));
    Some(rest.split_at_checked(length).unwrap_or((rest, &[])))
}

impl Channel for Answers<'_> {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
        match piece(self.rest) {
            Some((answer, rest)) => {
                self.rest = rest;
                Ok(answer.to_vec())
            }
            None => {
                self.without_card += 1;
                assert!(self.without_card < PATIENCE, "the card was pulled out");
                Err(ChannelError::NoCard)
            }
        }
    }

    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        if self.rest.is_empty() {
            return Err(ChannelError::NoCard);
        }
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        self.atr
    }

    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
}
