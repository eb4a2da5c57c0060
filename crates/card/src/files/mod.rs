//! Files on the card (ISO/IEC 7816-4 §7, 7816-9): select, read, update, create, delete.
//!
//! A card is not believed: what it says of a file's size is a hint, every read is bounded by
//! [`MAX_FILE`], and an answer that brings no progress ends the read.

mod budget;
mod info;
mod known;
mod read;
mod record;
mod select;
mod write;

use std::time::Instant;

use kortlab_apdu::exchange::Exchange;
use kortlab_apdu::status::StatusKind;
use kortlab_apdu::{Channel, Command, FilePath, Response, StatusWord};

use crate::error::CardError;

pub use budget::Budget;
pub use info::FileInfo;
pub(crate) use known::{Known, Shelf};
pub use read::{Content, Remark};
pub use record::Records;
pub(crate) use select::APPLICATION;
pub use write::UPDATE_BLOCK;

/// The most bytes that are read from one file: what READ BINARY's 15-bit offset reaches.
pub const MAX_FILE: usize = 0x8000 + 255;

/// The most records that are read from one file; record numbers are one byte.
pub const MAX_RECORDS: u8 = 254;

/// The files of the card at the other end of a channel.
///
/// Each call is one or a few commands; keep other programs out with
/// [`Channel::begin_exclusive`] where several belong together.
///
/// The files of a session ([`Card::files`](crate::Card::files)) share what that session knows of
/// them: what is written or deleted here is read anew, and what is read here is read from the card.
#[derive(Debug)]
pub struct Files<'a, C: Channel + ?Sized> {
    channel: &'a mut C,
    shelf: Option<&'a mut Shelf>,
    /// Whether commands are counted against the budget.
    metered: bool,
}

impl<'a, C: Channel + ?Sized> Files<'a, C> {
    /// The files of the card at the other end of `channel`.
    pub const fn new(channel: &'a mut C) -> Self {
        Self {
            channel,
            shelf: None,
            metered: false,
        }
    }

    /// The same, for a session that keeps what was read on `shelf`.
    pub(crate) const fn of_session(channel: &'a mut C, shelf: &'a mut Shelf) -> Self {
        Self {
            channel,
            shelf: Some(shelf),
            metered: false,
        }
    }

    /// The same, counting every command against the budget.
    pub(crate) const fn metered(channel: &'a mut C, shelf: &'a mut Shelf) -> Self {
        Self {
            channel,
            shelf: Some(shelf),
            metered: true,
        }
    }

    /// The AID of the application in which the files are, if that had to be selected.
    pub(crate) fn application(&self) -> Option<&[u8]> {
        self.shelf.as_ref()?.application.as_deref()
    }

    /// From now on the files are those of this application, which was selected; see
    /// [`Files::select`].
    pub(crate) fn enter(&mut self, application: Option<Vec<u8>>) {
        if let Some(shelf) = &mut self.shelf {
            shelf.enter(application);
        }
    }

    /// Takes so many objects of a directory from the budget: gives how many there may be, and the
    /// reason if that is not all of them.
    pub(crate) fn take_objects(&mut self, count: usize) -> (usize, Option<CardError>) {
        match &mut self.shelf {
            Some(shelf) if self.metered => shelf.meter.objects(count),
            _ => (count, None),
        }
    }

    /// Sends `command`, with chaining, GET RESPONSE and 6Cxx, and returns the answer whatever its
    /// status word. `doing` says in an error what was being done.
    ///
    /// `61xx` after a command that asks for nothing is `9000`: the command is carried out
    /// (ISO/IEC 7816-4 §5.6), and data is offered that nobody asked for, as cards do under T=0.
    ///
    /// # Errors
    /// The channel failed, or the answer makes no sense.
    pub fn send(&mut self, doing: &str, command: &Command) -> Result<Response, CardError> {
        if let Some(shelf) = &mut self.shelf {
            shelf.before(command);
        }
        self.exchange(doing, command)
    }

    /// What the card answers to its own command that lists the files in the DF at `path`, and that
    /// changes nothing.
    ///
    /// # Errors
    /// As for [`Files::demand`].
    pub(crate) fn list(
        &mut self,
        path: &FilePath,
        command: &Command,
    ) -> Result<Response, CardError> {
        self.select_df(path)?;
        let doing = format!("list the files in {path}");
        let response = self.exchange(&doing, command)?;
        success(&doing, command, response)
    }

    /// Sends `command`, which changes nothing that is known, or what was forgotten before.
    fn exchange(&mut self, doing: &str, command: &Command) -> Result<Response, CardError> {
        let meter = self.shelf.as_mut().filter(|_| self.metered);
        let meter = meter.map(|shelf| &mut shelf.meter);
        if let Some(meter) = &meter {
            meter.check()?;
        }
        let before = Instant::now();
        let outcome = Exchange::new()
            .max_response(MAX_FILE)
            .run(self.channel, command);
        if let Some(meter) = meter {
            let sent = outcome.as_ref().map_or(1, |outcome| outcome.sent);
            meter.sent(sent, before.elapsed());
        }
        match outcome {
            Ok(outcome) => Ok(done_without_data(command, outcome.response)),
            Err(error) => Err(CardError::exchange(doing, command, error)),
        }
    }

    /// Sends `command`, which changes the card, and gives the warning with which the card answers, if
    /// it does: it gives one (SW1 62 or 63) after the command was carried out (ISO/IEC 7816-4 §5.6).
    ///
    /// # Errors
    /// As for [`Files::send`], and any other status word.
    pub fn carry_out(
        &mut self,
        doing: &str,
        command: &Command,
    ) -> Result<Option<StatusWord>, CardError> {
        let response = self.send(doing, command)?;
        carried_out(doing, command, &response)
    }

    /// Sends `command` and insists on `9000`.
    ///
    /// # Errors
    /// As for [`Files::send`], and any other status word.
    pub fn demand(&mut self, doing: &str, command: &Command) -> Result<Response, CardError> {
        let response = self.send(doing, command)?;
        success(doing, command, response)
    }
}

fn success(doing: &str, command: &Command, response: Response) -> Result<Response, CardError> {
    if response.is_success() {
        return Ok(response);
    }
    Err(CardError::refused(doing, command, response.status()))
}

/// The warning with which the card answers to a command that it has carried out.
fn carried_out(
    doing: &str,
    command: &Command,
    response: &Response,
) -> Result<Option<StatusWord>, CardError> {
    let status = response.status();
    match status.kind() {
        StatusKind::Success => Ok(None),
        StatusKind::Warning | StatusKind::Counter(_) => Ok(Some(status)),
        _ => Err(CardError::refused(doing, command, status)),
    }
}

/// The response, `61xx` being success where the command asked for no data.
fn done_without_data(command: &Command, response: Response) -> Response {
    match response.status().kind() {
        StatusKind::BytesAvailable(_) if command.ne().is_none() => {
            Response::new(response.into_data(), StatusWord::SUCCESS)
        }
        _ => response,
    }
}
