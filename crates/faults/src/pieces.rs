//! Whole answers, and how they are handed out in pieces again.

use kortlab_apdu::status::StatusKind;
use kortlab_apdu::{Command, StatusWord, instruction};

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The data.
    pub data: Vec<u8>,
    /// The last status word.
    pub status: StatusWord,
}

impl Answer {
    /// Takes data and status word apart.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (data, [sw1, sw2]) = bytes.split_last_chunk()?;
        Some(Self {
            data: data.to_vec(),
            status: StatusWord::from_bytes(*sw1, *sw2),
        })
    }

    /// Data, then status word.
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = self.data;
        bytes.extend(self.status.bytes());
        bytes
    }
}

/// What of an answer is still to be fetched with GET RESPONSE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces(Option<Answer>);

impl Pieces {
    /// The answer to this command if it fetches more of what is waiting. Any other command gives
    /// that up.
    pub fn next(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let rest = self.0.take()?;
        (command.get(1) == Some(&instruction::GET_RESPONSE)).then(|| self.give(command, rest))
    }

    /// Gives up what is waiting.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Hands out an answer as the card did, which `first` shows: with 61xx alone, or with data.
    pub fn hand_out(&mut self, command: &[u8], first: &[u8], answer: Answer) -> Vec<u8> {
        let announced = matches!(first, [sw1, sw2] if matches!(
            StatusWord::from_bytes(*sw1, *sw2).kind(), StatusKind::BytesAvailable(_)));
        if announced && !answer.data.is_empty() {
            let waiting = StatusWord::bytes_available(answer.data.len().min(256));
            self.0 = Some(answer);
            return waiting.bytes().to_vec();
        }
        self.give(command, answer)
    }

    /// As much as the command asks for; more waits.
    fn give(&mut self, command: &[u8], mut answer: Answer) -> Vec<u8> {
        let parsed = Command::parse(command).or_else(|_| Command::parse_tpdu(command));
        let asked = parsed.ok().and_then(|command| command.ne()).unwrap_or(256);
        let asked = usize::try_from(asked).unwrap_or(256).max(1);
        if answer.data.len() <= asked {
            return answer.bytes();
        }
        let rest = answer.data.split_off(asked);
        let status = StatusWord::bytes_available(rest.len().min(256));
        self.0 = Some(Answer {
            data: rest,
            status: answer.status,
        });
        answer.status = status;
        answer.bytes()
    }
}
