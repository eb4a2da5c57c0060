//! Exit codes, and what a command says when it ends with another one than 0.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use kortlab_apdu::ChannelError;
use kortlab_apdu::exchange::ExchangeError;
use kortlab_card::{CardError, ErrorKind};
use kortlab_emulator::ImageError;

/// The exit codes of `kortlab`; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: the arguments make no sense, or something that must be given is not.
    Usage,
    /// 3: no reader or no card.
    NoCard,
    /// 4: a PIN is wrong or blocked.
    Pin,
    /// 5: the card refused, or answered nonsense.
    Refused,
    /// 6: the command did its work and found something wrong.
    Findings,
    /// 7: a change of the card was interrupted, and can be recovered.
    Unfinished,
}

impl Exit {
    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoCard => 3,
            Self::Pin => 4,
            Self::Refused => 5,
            Self::Findings => 6,
            Self::Unfinished => 7,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked to: one line, an exit code, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure with this exit code; the message starts in lower case and has no full stop.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    /// Exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Exit code 1: something about a file failed.
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::failed(format!("cannot {doing} {}: {error}", path.display()))
    }

    /// The same failure with a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<CardError> for Failure {
    fn from(error: CardError) -> Self {
        let exit = match error.kind() {
            ErrorKind::NoReader | ErrorKind::NoCard => Exit::NoCard,
            ErrorKind::PinWrong { .. } | ErrorKind::PinBlocked => Exit::Pin,
            ErrorKind::Unfinished => Exit::Unfinished,
            ErrorKind::PinRequired { .. }
            | ErrorKind::Refused
            | ErrorKind::Nonsense
            | ErrorKind::NotPkcs15 => Exit::Refused,
            _ => Exit::Failed,
        };
        Self {
            exit,
            message: error.to_string(),
            hint: error.next_step().map(str::to_owned),
        }
    }
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Self {
        CardError::from(error).into()
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Channel(error) => error.into(),
            ExchangeError::Command(error) => {
                Self::usage(format!("the command cannot be sent: {error}"))
            }
            other => Self::new(Exit::Refused, other.to_string()),
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_change_has_an_exit_code_of_its_own_and_says_what_to_do() {
        let error = CardError::new(ErrorKind::Unfinished, "the change is not finished")
            .hint("insert the card and run `kortlab recover`");
        let failure = Failure::from(error);
        assert_eq!(failure.exit().code(), 7);
        assert!(
            failure
                .next_step()
                .is_some_and(|next| next.contains("recover"))
        );
    }
}
