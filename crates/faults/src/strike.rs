//! What a mutation has in its hands when its moment has come.

use kortlab_apdu::exchange::{self, Exchange};
use kortlab_apdu::status::StatusKind;
use kortlab_apdu::{Channel, ChannelError, Command, FilePath, instruction};

use crate::pieces::{Answer, Pieces};
use crate::reading::Reading;
use crate::seen::Watched;

/// One command of which the answer is to be spoilt.
pub struct Strike<'a> {
    pub(crate) card: Watched<'a>,
    pub(crate) command: &'a [u8],
    pub(crate) pieces: &'a mut Pieces,
    pub(crate) reading: &'a mut Option<Reading>,
}

impl Strike<'_> {
    /// The command.
    pub const fn command(&self) -> &[u8] {
        self.command
    }

    /// The end of the path of the selected file, as far as it was said.
    pub fn file(&self) -> FilePath {
        self.card.seen.file().clone()
    }

    /// The card, for commands besides this one.
    pub fn card(&mut self) -> &mut dyn Channel {
        &mut self.card
    }

    /// Sends the command and gives what the card answers.
    ///
    /// # Errors
    /// The channel's.
    pub fn send(&mut self) -> Result<Vec<u8>, ChannelError> {
        self.card.transmit(self.command)
    }

    /// Spoils the bytes of the answer as they come from the card, status word included.
    ///
    /// # Errors
    /// The channel's.
    pub fn raw(&mut self, spoil: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, ChannelError> {
        let mut answer = self.send()?;
        spoil(&mut answer);
        Ok(answer)
    }

    /// Spoils the whole answer, also where the card hands it out in pieces (61xx and GET
    /// RESPONSE): all of it is fetched, and what became of it is handed out in the same way. What
    /// is no answer yet (6Cxx) stays as it is.
    ///
    /// # Errors
    /// The channel's.
    pub fn answer(&mut self, spoil: impl FnOnce(&mut Answer)) -> Result<Vec<u8>, ChannelError> {
        let first = self.send()?;
        let Some(mut answer) = self.whole(&first)? else {
            return Ok(first);
        };
        spoil(&mut answer);
        Ok(self.pieces.hand_out(self.command, &first, answer))
    }

    /// Spoils what was asked for: for READ BINARY the whole content of the file, which is read
    /// beforehand and of which this command gets its piece; else the data of the whole answer,
    /// if there is any.
    ///
    /// # Errors
    /// The channel's.
    pub fn content(&mut self, spoil: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, ChannelError> {
        if !Reading::is_of_file(self.command) {
            return self.answer(|answer| {
                if !answer.data.is_empty() {
                    spoil(&mut answer.data);
                }
            });
        }
        if self.reading.is_none() {
            *self.reading = Reading::begin(&mut self.card, self.command)?.map(|mut reading| {
                spoil(reading.content());
                reading
            });
        }
        match self.reading {
            Some(reading) => Ok(reading.piece(self.command)),
            None => self.send(),
        }
    }

    /// The rest of an answer that began so; nothing if that was none.
    fn whole(&mut self, first: &[u8]) -> Result<Option<Answer>, ChannelError> {
        let Some(mut answer) = Answer::parse(first) else {
            return Ok(None);
        };
        let StatusKind::BytesAvailable(_) = answer.status.kind() else {
            let is_answer = !matches!(answer.status.kind(), StatusKind::WrongLe(_));
            return Ok(is_answer.then_some(answer));
        };
        let more = Command::new(instruction::GET_RESPONSE, 0, 0).expecting(256);
        let outcome = Exchange::new()
            .run(&mut self.card, &more)
            .map_err(|error| match error {
                exchange::ExchangeError::Channel(error) => error,
                other => ChannelError::Link(other.to_string()),
            })?;
        answer.data.extend_from_slice(outcome.response.data());
        answer.status = outcome.response.status();
        Ok(Some(answer))
    }
}
