//! Exit codes, and what a command says when it ends with another one than 0.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use kortlab_apdu::exchange::ExchangeError;
use kortlab_apdu::{ChannelError, StatusWord};
use kortlab_card::{CardError, ErrorKind, Problem};
use kortlab_emulator::ImageError;
use serde::Serialize;

use crate::keys::without_keys;

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
    /// 130: ended by Ctrl-C, with what there is until then.
    Interrupted,
    /// What the program that was run ended with, or what shells say of one that cannot be run.
    Program(u8),
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
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }
}

impl Exit {
    /// What ends with this number, and no program does; 1 for one that nothing ends with.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::NoCard,
            4 => Self::Pin,
            5 => Self::Refused,
            6 => Self::Findings,
            7 => Self::Unfinished,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Exit {
    /// What kind of failure this is, where nothing more is known.
    const fn kind(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NoCard => "no-card",
            Self::Pin => "pin",
            Self::Refused => "refused",
            Self::Findings => "findings",
            Self::Unfinished => "unfinished",
            Self::Interrupted => "interrupted",
            Self::Program(_) => "program",
        }
    }
}

/// Why a command did not do what it was asked to: one line, an exit code, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    kind: &'static str,
    message: String,
    hint: Option<String>,
    tries_left: Option<u8>,
    command: Option<String>,
    status_word: Option<StatusWord>,
    problems: Vec<Problem>,
}

/// A failure as `--json` shows it; `docs/json.md` lists the fields and the kinds.
#[derive(Serialize)]
pub struct ErrorEntry<'a> {
    /// A stable name.
    kind: &'static str,
    /// What the process ends with.
    exit_code: u8,
    message: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Cow<'a, str>>,
    /// How many tries a PIN has left; 0 if it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    tries_left: Option<u8>,
    /// The command that the card refused, by name and header.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_word: Option<String>,
    /// What is wrong with what was given or read, where that can be said more closely.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [Problem],
}

impl Failure {
    /// A failure with this exit code; the message starts in lower case and has no full stop.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind: exit.kind(),
            message: message.into(),
            hint: None,
            tries_left: None,
            command: None,
            status_word: None,
            problems: Vec::new(),
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

    /// Exit code 1: something about a file failed. What to do is said where it follows from the error.
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let text = format!("cannot {doing} {}: {error}", path.display());
        let mut failure = Self::failed(text).of_kind("file");
        failure.hint = match error.kind() {
            io::ErrorKind::NotFound if doing.starts_with("read") => {
                Some("check the name".to_owned())
            }
            io::ErrorKind::NotFound => missing_directory(path),
            io::ErrorKind::IsADirectory => Some("name a file in it".to_owned()),
            io::ErrorKind::NotADirectory => {
                Some("check the name: a part before its end is no directory".to_owned())
            }
            io::ErrorKind::PermissionDenied => {
                Some("let this user do that (chmod, chown), or name another place".to_owned())
            }
            kind => room(kind).map(str::to_owned),
        };
        failure
    }

    /// Exit code 1: nothing can be written to standard output.
    pub fn standard_output(error: &io::Error) -> Self {
        let mut failure = Self::failed(format!("cannot write to standard output: {error}"));
        failure.hint = room(error.kind()).map(str::to_owned);
        failure
    }

    /// Exit code 1: the image of a virtual card could not be saved.
    pub fn storage(message: impl Into<String>) -> Self {
        Self::failed(message).of_kind("storage")
    }

    /// The same failure under a stable name of its own.
    #[must_use]
    pub const fn of_kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// The same failure in other words.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The same failure in no more than so many characters.
    #[must_use]
    pub fn cut_to(mut self, most: usize) -> Self {
        if let Some((end, _)) = self.message.char_indices().nth(most) {
            self.message.truncate(end);
            self.message.push('…');
        }
        self
    }

    /// The same failure with a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with what is wrong with the bytes that it is about.
    #[must_use]
    pub fn because(mut self, problems: impl IntoIterator<Item = Problem>) -> Self {
        self.problems.extend(problems);
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

    /// The failure as `--json` shows it.
    pub fn entry(&self) -> ErrorEntry<'_> {
        ErrorEntry {
            kind: self.kind,
            exit_code: self.exit.code(),
            message: without_keys(&self.message),
            hint: self.hint.as_deref().map(without_keys),
            tries_left: self.tries_left,
            command: self.command.as_deref(),
            status_word: self.status_word.map(|status| status.to_string()),
            problems: &self.problems,
        }
    }
}

/// What to do where nothing more can be written.
const fn room(error: io::ErrorKind) -> Option<&'static str> {
    Some(match error {
        io::ErrorKind::StorageFull => "make room there, or name a place on another disk",
        io::ErrorKind::QuotaExceeded => "make room there, or have the quota raised",
        io::ErrorKind::FileTooLarge => "raise the limit for the size of files (ulimit -f)",
        io::ErrorKind::ReadOnlyFilesystem => "name a place that can be written",
        io::ErrorKind::ResourceBusy => {
            "what is mounted by itself cannot be replaced: mount its directory instead, or name another \
             place"
        }
        _ => return None,
    })
}

/// What to do where the directory is missing that a file should be in.
fn missing_directory(path: &Path) -> Option<String> {
    let directory = path.parent().filter(|parent| {
        // A name alone is in the working directory.
        !parent.as_os_str().is_empty() && !parent.exists()
    })?;
    Some(format!(
        "make the directory {} first, or name another place",
        directory.display()
    ))
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
            kind: error.kind().name(),
            message: error.to_string(),
            hint: error.next_step().map(str::to_owned),
            tries_left: error.tries_left(),
            command: error.command().map(str::to_owned),
            status_word: error.status(),
            problems: Vec::new(),
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
            other => Self::new(Exit::Refused, other.to_string()).of_kind("nonsense"),
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let kind = match error {
            ImageError::File { .. } => "file",
            ImageError::InUse { .. } => "image-in-use",
            _ => "image",
        };
        Self::failed(error.to_string()).of_kind(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_has_a_next_step() {
        for (path, kind, step) in [
            ("full/x", io::ErrorKind::StorageFull, "make room there"),
            ("full/x", io::ErrorKind::QuotaExceeded, "quota"),
            ("x", io::ErrorKind::FileTooLarge, "ulimit -f"),
            ("x", io::ErrorKind::ReadOnlyFilesystem, "can be written"),
            ("x", io::ErrorKind::IsADirectory, "name a file in it"),
            ("x/y", io::ErrorKind::NotADirectory, "check the name"),
            ("x", io::ErrorKind::PermissionDenied, "chmod"),
            (
                "/no/such/x",
                io::ErrorKind::NotFound,
                "make the directory /no/such first",
            ),
        ] {
            let failure = Failure::file("write", Path::new(path), &kind.into());
            assert!(
                failure.next_step().is_some_and(|next| next.contains(step)),
                "{failure:?}"
            );
        }
        // What is read is not there, whatever directory is made.
        let read = Failure::file(
            "read",
            Path::new("/no/such/x"),
            &io::ErrorKind::NotFound.into(),
        );
        assert_eq!(read.next_step(), Some("check the name"));
        let full = Failure::standard_output(&io::ErrorKind::StorageFull.into());
        assert!(full.next_step().is_some());
    }

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
