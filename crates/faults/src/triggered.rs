//! A mutation and its moment, as a layer.

use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Channel, ChannelError, Layer};

use crate::parameters::{FaultError, Parameters};
use crate::pieces::Pieces;
use crate::reading::Reading;
use crate::seen::Watched;
use crate::{Mutation, Seen, Strike, When};

/// Spoils what a mutation says, when its moment has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triggered<M> {
    mutation: M,
    when: When,
    seen: Seen,
    pieces: Pieces,
    reading: Option<Reading>,
    atr: Option<Vec<u8>>,
}

impl<M: Mutation> Triggered<M> {
    /// Reads what stands behind the colon.
    ///
    /// # Errors
    /// A parameter is missing, has a value that makes no sense, or there is no such.
    pub fn from_parameters(parameters: &mut Parameters<'_>) -> Result<Self, FaultError> {
        let mutation = M::from_parameters(parameters)?;
        let when = if M::OF_COMMANDS {
            When::from_parameters(parameters)?
        } else {
            When::default()
        };
        if let Some((instructions, about)) = M::ABOUT
            && !when.lets_any_through(instructions)
        {
            return Err(FaultError::OtherInstruction { about });
        }
        Ok(Self {
            mutation,
            when,
            seen: Seen::default(),
            pieces: Pieces::default(),
            reading: None,
            atr: None,
        })
    }
}

impl<M: Mutation> Layer for Triggered<M> {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        if !Reading::is_of_file(command) {
            self.reading = None;
        }
        if let Some(piece) = self.pieces.next(command) {
            return Ok(piece);
        }
        if let Some(answer) = self.mutation.follow(command) {
            return answer;
        }
        let now = self.when.is_now(&self.seen, command);
        let seen = &mut self.seen;
        let mut strike = Strike {
            card: Watched { next, seen },
            command,
            pieces: &mut self.pieces,
            reading: &mut self.reading,
        };
        let answer = if now {
            self.mutation.strike(&mut strike)
        } else {
            strike.send()
        };
        if let Ok(answer) = &answer {
            self.mutation.answered(command, answer);
        }
        answer
    }

    fn around(&mut self, card: &dyn Channel) {
        self.atr = self.mutation.atr(card.atr());
    }

    fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
        self.seen.reset();
        self.pieces.clear();
        self.reading = None;
        self.mutation.notice(occasion);
        self.around(card);
    }

    fn atr(&self) -> Option<&[u8]> {
        self.atr.as_deref()
    }
}
