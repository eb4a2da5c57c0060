//! Whether a file on the card is the one that a change means, before it is deleted or overwritten.
//!
//! A change names files by identifiers, and what has an identifier can be another file than it was:
//! on a card that another program has changed, or on another card. So the content decides, and
//! what the card says of the file: nothing but a plain transparent EF is ever deleted.

use kortlab_apdu::fcp::{FileKind, Structure};
use kortlab_apdu::{Channel, FilePath};

use super::journal::{NewContent, OldContent};
use crate::card::Card;
use crate::contents::{ends_all, is_filler};
use crate::error::{CardError, ErrorKind};
use crate::files::{FileInfo, Known};

/// Where what a file holds is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// From the card, now: for whoever changes it next. No budget holds for that.
    Anew,
    /// From this session, which reads it under its budget if it has not: each file once, however many
    /// transactions name it.
    Once,
}

/// What is found where a change wants to delete or to write a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no such file.
    Absent,
    /// It is the file that is meant, whole.
    Whole,
    /// It is a new file of the change that is not written yet, or only in part.
    Begun,
    /// It is another file, or cannot be told from one; why, in words.
    Other(String),
}

impl<C: Channel> Card<C> {
    /// What there is where a change has released, or is to release, this file.
    pub(super) fn find_old(&mut self, old: &OldContent, look: Look) -> Result<Found, CardError> {
        let content = match self.look(&old.path(), look)? {
            Ok(content) => content,
            Err(found) => return Ok(found),
        };
        if old.content.is_empty() {
            return Ok(Found::Other(
                "it is not known what it held, so it could not be restored".to_owned(),
            ));
        }
        if *content.data != *old.content {
            return Ok(Found::Other("its content is another one".to_owned()));
        }
        Ok(Found::Whole)
    }

    /// What there is where a change has created, or is to create, this file.
    pub(super) fn find_new(&mut self, new: &NewContent, look: Look) -> Result<Found, CardError> {
        let content = match self.look(&new.path(), look)? {
            Ok(content) => content,
            Err(found) => return Ok(found),
        };
        if content.data.len() != usize::from(new.size) {
            return Ok(Found::Other("its size is another one".to_owned()));
        }
        let (written, rest) = content
            .data
            .split_at_checked(new.content.len())
            .unwrap_or((&content.data, &[]));
        let mut pairs = written.iter().zip(new.content.iter());
        if written == &*new.content && (!written.is_empty() || is_filler(rest)) {
            return Ok(Found::Whole);
        }
        let begun = pairs.all(|(now, ours)| now == ours || is_filler(&[*now])) && is_filler(rest);
        Ok(match begun {
            true => Found::Begun,
            false => Found::Other("its content is another one".to_owned()),
        })
    }

    /// The content of a plain transparent EF; else what is there.
    fn look(&mut self, path: &FilePath, look: Look) -> Result<Result<Known, Found>, CardError> {
        Ok(match self.whole(path, look) {
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Found::Absent),
            Err(error) => Err(Found::Other(format!("it cannot be read: {error}"))),
            Ok(content) => match not_plain(&content.info) {
                Some(why) => Err(Found::Other(why.to_owned())),
                None => Ok(content),
            },
        })
    }

    /// The file at `path`, read to its end.
    pub(super) fn whole(&mut self, path: &FilePath, look: Look) -> Result<Known, CardError> {
        let known = match look {
            Look::Anew => self.files().read_anew(path)?,
            Look::Once => self.file_once(path)?,
        };
        if let Some(warning) = known.warning() {
            return Err(uncertain(&warning.message));
        }
        match known.ended {
            Some(error) => Err(error),
            None => Ok(known),
        }
    }
}

/// What the card gives with a warning is nothing that a change relies on.
pub(super) fn uncertain(warning: &str) -> CardError {
    CardError::new(
        ErrorKind::Nonsense,
        format!("what it holds is not certain: {warning}"),
    )
    .hint("read it again; if the card goes on to warn, have it replaced")
}

/// Why a file is not a plain one whose bytes are all there is to it; `None` if it is one.
pub(super) fn not_plain(info: &FileInfo) -> Option<&'static str> {
    match info.kind() {
        _ if info.warning.is_some() => Some("the card warns when it is selected"),
        None => Some("the card does not say what kind of file it is"),
        Some(FileKind::WorkingEf(Structure::Transparent)) => None,
        Some(FileKind::Df) => Some("it is a directory of files (DF)"),
        Some(FileKind::InternalEf(_)) => Some("it is a file for the card itself, as of a key"),
        Some(_) => Some("it is no transparent file"),
    }
}
