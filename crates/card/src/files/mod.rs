//! Files on the card (ISO/IEC 7816-4 §7, 7816-9): select, read, update, create, delete.
//!
//! A card is not believed: what it says of a file's size is a hint, every read is bounded by
//! [`MAX_FILE`], and an answer that brings no progress ends the read.

mod info;
mod read;
mod record;
mod select;
mod write;

use kortlab_apdu::exchange::Exchange;
use kortlab_apdu::{Channel, Command, Response};

use crate::error::CardError;

pub use info::FileInfo;
pub use read::Content;
pub use write::UPDATE_BLOCK;

/// The most bytes that are read from one file: what READ BINARY's 15-bit offset reaches.
pub const MAX_FILE: usize = 0x8000 + 255;

/// The most records that are read from one file; record numbers are one byte.
pub const MAX_RECORDS: u8 = 254;

/// The files of the card at the other end of a channel.
///
/// Each call is one or a few commands; keep other programs out with
/// [`Channel::begin_exclusive`] where several belong together.
#[derive(Debug)]
pub struct Files<'a, C: Channel + ?Sized> {
    channel: &'a mut C,
}

impl<'a, C: Channel + ?Sized> Files<'a, C> {
    /// The files of the card at the other end of `channel`.
    pub const fn new(channel: &'a mut C) -> Self {
        Self { channel }
    }

    /// Sends `command`, with chaining, GET RESPONSE and 6Cxx, and returns the answer whatever its
    /// status word. `doing` says in an error what was being done.
    ///
    /// # Errors
    /// The channel failed, or the answer makes no sense.
    pub fn send(&mut self, doing: &str, command: &Command) -> Result<Response, CardError> {
        let outcome = Exchange::new()
            .max_response(MAX_FILE)
            .run(self.channel, command);
        match outcome {
            Ok(outcome) => Ok(outcome.response),
            Err(error) => Err(CardError::exchange(doing, command, error)),
        }
    }

    /// Sends `command` and insists on `9000`.
    ///
    /// # Errors
    /// As for [`Files::send`], and any other status word.
    pub fn demand(&mut self, doing: &str, command: &Command) -> Result<Response, CardError> {
        let response = self.send(doing, command)?;
        if response.is_success() {
            return Ok(response);
        }
        Err(CardError::refused(doing, command, response.status()))
    }
}

/// A path as people write it: `3F00/5015/4401`.
pub(crate) fn path_text(path: &[u8]) -> String {
    let parts: Vec<_> = path.chunks(2).map(hex::encode_upper).collect();
    parts.join("/")
}
