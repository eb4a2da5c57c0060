//! Why something could not be done with the card, and what to do next.

use core::fmt;

use kortlab_apdu::exchange::ExchangeError;
use kortlab_apdu::{ChannelError, Command, StatusWord, instruction};

use crate::role::PinRole;

/// What kind of failure a [`CardError`] is; programs decide by it, people read the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such reader, or no PC/SC service.
    NoReader,
    /// No card in the reader, or it was pulled out.
    NoCard,
    /// The PIN or PUK was wrong.
    PinWrong {
        /// How many tries the card says are left, if it says so.
        tries: Option<u8>,
    },
    /// The PIN or PUK is blocked.
    PinBlocked,
    /// The card wants a PIN verified first.
    PinRequired {
        /// Which one, if that is known.
        role: Option<PinRole>,
    },
    /// The card refused a command with a status word.
    Refused,
    /// The card's answer makes no sense.
    Nonsense,
    /// There is no room on the card, or in one of its directories.
    Full,
    /// The card has no PKCS#15 application.
    NotPkcs15,
    /// What was asked for is not on the card.
    NotFound,
    /// What was given cannot be used: a wrong length, a broken certificate, a key that does not
    /// match. The card was not changed.
    Invalid,
    /// The card's rules for a PIN contradict each other, so that sending it might cost a try for
    /// nothing. It was not sent.
    DoubtfulPin,
    /// This card or this key cannot do it.
    Unsupported,
    /// What was to be read as a file is a directory (DF), as the card says.
    Directory,
    /// Another program holds or has reset the card; trying again may work.
    Interrupted,
    /// More was to be read than a card can hold: reading was stopped
    /// ([`Budget`](crate::files::Budget)).
    Budget,
    /// The link to the card failed.
    Link,
    /// What a command changed on a virtual card could not be saved by its host: the file system is
    /// at fault, not the card. The change was undone.
    Storage,
    /// A change of the card was interrupted and is not finished; what it takes to complete or to
    /// undo it is in the journal.
    Unfinished,
    /// The journal on the host could not be read or written.
    Journal,
}

impl ErrorKind {
    /// Whether what could not be read in one piece may be a file of records all the same, whatever
    /// the card says that it is.
    pub const fn may_be_of_records(self) -> bool {
        matches!(self, Self::Unsupported | Self::Directory)
    }

    /// A stable name, such as `pin-wrong`, for programs that do not see this type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoReader => "no-reader",
            Self::NoCard => "no-card",
            Self::PinWrong { .. } => "pin-wrong",
            Self::PinBlocked => "pin-blocked",
            Self::PinRequired { .. } => "pin-required",
            Self::Refused => "refused",
            Self::Nonsense => "nonsense",
            Self::Full => "card-full",
            Self::NotPkcs15 => "not-pkcs15",
            Self::NotFound => "not-found",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Directory => "is-directory",
            Self::Interrupted => "interrupted",
            Self::Budget => "budget",
            Self::Link => "link",
            Self::Storage => "storage",
            Self::Unfinished => "unfinished",
            Self::Journal => "journal",
            Self::DoubtfulPin => "doubtful-pin",
        }
    }
}

/// Why something could not be done with the card.
///
/// Its text is one line: what failed, with the command's name and the status word and its meaning
/// where the card refused; [`CardError::next_step`] says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardError {
    kind: ErrorKind,
    message: String,
    command: Option<String>,
    status: Option<StatusWord>,
    next_step: Option<String>,
    reset: bool,
}

impl CardError {
    /// An error of `kind`; the message starts in lower case and has no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            command: None,
            status: None,
            next_step: None,
            reset: false,
        }
    }

    /// The same error with a next step.
    #[must_use]
    pub fn hint(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = Some(next_step.into());
        self
    }

    /// The card refused `command`, sent while `doing` something, with a status word.
    pub fn refused(doing: &str, command: &Command, status: StatusWord) -> Self {
        let name = command_name(command);
        let kind = match status {
            StatusWord::NOT_ENOUGH_MEMORY => ErrorKind::Full,
            StatusWord::SECURITY_STATUS => ErrorKind::PinRequired { role: None },
            _ => ErrorKind::Refused,
        };
        let mut error = Self::new(
            kind,
            format!(
                "cannot {doing}: the card refused {name} with {status} ({})",
                status.meaning_after(command.ins())
            ),
        );
        error.command = Some(name);
        error.status = Some(status);
        if kind == ErrorKind::Full {
            error.next_step = Some("remove a certificate that is no longer needed".to_owned());
        }
        error
    }

    /// The card's answer to `command` makes no sense.
    pub fn nonsense(doing: &str, command: &Command, problem: impl fmt::Display) -> Self {
        let name = command_name(command);
        let mut error = Self::new(
            ErrorKind::Nonsense,
            format!("cannot {doing}: the card answered {name} with nonsense: {problem}"),
        );
        error.command = Some(name);
        error
    }

    /// The layer between commands and the channel failed while `doing` something.
    pub fn exchange(doing: &str, command: &Command, error: ExchangeError) -> Self {
        match error {
            ExchangeError::Channel(error) => Self::channel(doing, error),
            ExchangeError::Command(error) => Self::new(
                ErrorKind::Invalid,
                format!(
                    "cannot {doing}: {} cannot be sent: {error}",
                    command_name(command)
                ),
            ),
            other => Self::nonsense(doing, command, other),
        }
    }

    /// The channel failed while `doing` something.
    pub fn channel(doing: &str, error: ChannelError) -> Self {
        let mut failure = Self::from(error);
        failure.message = format!("cannot {doing}: {}", failure.message);
        failure
    }

    /// What kind of failure this is.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The command that failed, by its name and header, if it was one: `READ BINARY (00 B0 00 00)`.
    pub fn command(&self) -> Option<&str> {
        self.command.as_deref()
    }

    /// The status word with which the card refused.
    pub const fn status(&self) -> Option<StatusWord> {
        self.status
    }

    /// How many tries are left, if this is about a PIN and that is known; 0 when it is blocked.
    pub const fn tries_left(&self) -> Option<u8> {
        match self.kind {
            ErrorKind::PinWrong { tries } => tries,
            ErrorKind::PinBlocked => Some(0),
            _ => None,
        }
    }

    /// What to do next.
    pub fn next_step(&self) -> Option<&str> {
        self.next_step.as_deref()
    }

    /// Whether another program reset the card; then what was selected and verified is lost, and
    /// what needs neither can be done again at once.
    pub const fn is_reset(&self) -> bool {
        self.reset
    }

    /// The same error, seen as one of another kind.
    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same error with this message in front of what it says.
    #[must_use]
    pub(crate) fn context(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The same error as the answer to `command` with `status`.
    #[must_use]
    pub(crate) fn answered(mut self, command: &Command, status: StatusWord) -> Self {
        self.command = Some(command_name(command));
        self.status = Some(status);
        self
    }
}

impl From<ChannelError> for CardError {
    fn from(error: ChannelError) -> Self {
        let kind = match &error {
            ChannelError::NoCard => ErrorKind::NoCard,
            ChannelError::NoReader(_) => ErrorKind::NoReader,
            ChannelError::WasReset | ChannelError::Busy | ChannelError::Held(_) => {
                ErrorKind::Interrupted
            }
            ChannelError::NotCarried(_) => ErrorKind::Invalid,
            ChannelError::Storage(_) => ErrorKind::Storage,
            _ => ErrorKind::Link,
        };
        let mut failure = Self::new(kind, error.to_string());
        failure.reset = error == ChannelError::WasReset;
        match kind {
            ErrorKind::Storage => failure.hint(
                "make room, or allow writing, where the card's image is kept; if it is mounted by itself, \
                 mount its directory instead; with --ephemeral nothing is saved there",
            ),
            _ => failure,
        }
    }
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CardError {}

/// A command by its name and header, never its data: `READ BINARY (00 B0 00 00)`.
fn command_name(command: &Command) -> String {
    let header = format!(
        "{:02X} {:02X} {:02X} {:02X}",
        command.class().byte(),
        command.ins(),
        command.p1(),
        command.p2()
    );
    match instruction::name(command.ins()) {
        Some(name) => format!("{name} ({header})"),
        None => format!("the command {header}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_command_the_status_word_and_its_meaning() {
        let command = Command::new(instruction::READ_BINARY, 0, 0).expecting_any();
        let error = CardError::refused("read 5031", &command, StatusWord::FILE_NOT_FOUND);
        assert_eq!(
            error.to_string(),
            "cannot read 5031: the card refused READ BINARY (00 B0 00 00) with 6A82 (file or \
             application not found)"
        );
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.status(), Some(StatusWord::FILE_NOT_FOUND));
    }

    #[test]
    fn no_message_repeats_the_data_of_a_command() {
        let command = Command::new(instruction::VERIFY, 0, 0x81).with_data(*b"123456");
        for error in [
            CardError::refused("verify", &command, StatusWord::WRONG_LENGTH),
            CardError::nonsense("verify", &command, "no status word"),
        ] {
            let text = format!("{error} {error:?}");
            assert!(
                !text.contains("123456") && !text.contains("313233"),
                "{text}"
            );
        }
    }

    #[test]
    fn channel_errors_are_sorted_by_what_a_user_can_do() {
        for (error, kind) in [
            (ChannelError::NoCard, ErrorKind::NoCard),
            (ChannelError::NoReader("none".into()), ErrorKind::NoReader),
            (ChannelError::Busy, ErrorKind::Interrupted),
            (
                ChannelError::Storage("disk full".into()),
                ErrorKind::Storage,
            ),
        ] {
            assert_eq!(CardError::channel("read", error).kind(), kind);
        }
    }
}
