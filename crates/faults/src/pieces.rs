//! Whole answers, and how they are handed out in pieces again.

use kortlab_apdu::status::StatusKind;
use kortlab_apdu::{Command, Response, StatusWord, instruction};

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
        let response = Response::parse(bytes).ok()?;
        let status = response.status();
        let data = response.into_data();
        Some(Self { data, status })
    }

    /// Data, then status word.
    pub fn bytes(self) -> Vec<u8> {
        Response::new(self.data, self.status).into_bytes()
    }
}

/// A command, as it is sent over T=1 or T=0.
pub fn parsed(command: &[u8]) -> Option<Command> {
    let parsed = Command::parse(command).or_else(|_| Command::parse_tpdu(command));
    parsed.ok()
}

/// How many bytes a command asks for; 256, which is all that fits a short answer, if it does not
/// say.
pub fn asked(command: &[u8]) -> usize {
    let asked = parsed(command).and_then(|command| command.ne());
    usize::try_from(asked.unwrap_or(256)).unwrap_or(256)
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
        let announced = Answer::parse(first).is_some_and(|first| {
            first.data.is_empty() && matches!(first.status.kind(), StatusKind::BytesAvailable(_))
        });
        if announced && !answer.data.is_empty() {
            let waiting = StatusWord::bytes_available(answer.data.len().min(256));
            self.0 = Some(answer);
            return waiting.bytes().to_vec();
        }
        self.give(command, answer)
    }

    /// As much as the command asks for; more waits.
    fn give(&mut self, command: &[u8], mut answer: Answer) -> Vec<u8> {
        let asked = asked(command).max(1);
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
