//! A file that is read, as a whole.

use kortlab_apdu::exchange::{self, Exchange};
use kortlab_apdu::status::StatusKind;
use kortlab_apdu::{Channel, ChannelError, Command, StatusWord, instruction};

use crate::pieces::{Answer, asked, parsed};

/// The most commands that are sent to read a file: 32 KiB, which READ BINARY reaches.
const MAX_ROUNDS: usize = 256;

/// The content of the current file while one READ BINARY follows the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    content: Vec<u8>,
}

impl Reading {
    /// Whether this is READ BINARY of the current file.
    pub fn is_of_file(command: &[u8]) -> bool {
        matches!(command, [_, instruction::READ_BINARY, 0..=0x7F, ..])
    }

    /// Reads the current file; nothing if the card refuses that.
    ///
    /// # Errors
    /// The channel's.
    pub fn begin(card: &mut dyn Channel, command: &[u8]) -> Result<Option<Self>, ChannelError> {
        let Ok(command) = Command::parse_tpdu(command) else {
            return Ok(None);
        };
        let mut content = Vec::new();
        for round in 0..MAX_ROUNDS {
            let Ok([high @ 0..=0x7F, low]) = u16::try_from(content.len()).map(u16::to_be_bytes)
            else {
                break;
            };
            let read = Command::new(instruction::READ_BINARY, high, low)
                .with_class(command.class())
                .expecting(256);
            let response = match Exchange::new().run(card, &read) {
                Ok(outcome) => outcome.response,
                Err(exchange::ExchangeError::Channel(error)) => return Err(error),
                Err(_) => break,
            };
            let read = matches!(
                response.status().kind(),
                StatusKind::Success | StatusKind::Warning
            );
            if !read && round == 0 {
                return Ok(None);
            }
            if !read || response.data().is_empty() {
                break;
            }
            content.extend_from_slice(response.data());
            if !response.is_success() {
                break;
            }
        }
        Ok(Some(Self { content }))
    }

    /// The content, to be spoilt.
    pub const fn content(&mut self) -> &mut Vec<u8> {
        &mut self.content
    }

    /// What a command gets of it (ISO/IEC 7816-4 §7.2.3).
    pub fn piece(&self, command: &[u8]) -> Vec<u8> {
        let offset = parsed(command).map_or(0, |command| usize::from(command.p1_p2()));
        let asked = asked(command);
        let rest = self.content.get(offset..).unwrap_or_default();
        if rest.is_empty() {
            return StatusWord::from(0x6B00).bytes().to_vec();
        }
        let piece = &rest[..rest.len().min(asked)];
        let short = piece.len() < asked && asked != 256 && asked != 65_536;
        Answer {
            data: piece.to_vec(),
            status: StatusWord::from(if short { 0x6282 } else { 0x9000 }),
        }
        .bytes()
    }
}
