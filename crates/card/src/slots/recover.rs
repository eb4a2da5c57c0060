//! Completing or undoing a change that was interrupted.
//!
//! What is on the card decides. The directory is the old one, the new one, or torn; each new file
//! is there as it should be, or not.
//!
//! | directory | new files | then |
//! |---|---|---|
//! | old | all as they should be | complete (without new files: roll back, nothing was done) |
//! | old | not all | roll back |
//! | new or torn | all as they should be | complete |
//! | new or torn | not all, the old files are | roll back |
//! | new or torn | neither | complete, with the new files from the journal |
//! | another one, readable | | refuse: another program has changed the card since |
//!
//! To complete is: the new files, the directory, read back, then the old files are deleted. To
//! roll back is: the directory, read back, then the new files are deleted. Each step leads to a
//! state from which the same table leads to the same end, so recovery can itself be cut and begun
//! again as often as it takes. The journal is needed for all of it, and forgets last.

use core::fmt;

use kortlab_apdu::Channel;
use kortlab_pkcs15::{Certificate, Directory, Severity};

use super::execute::{no_journal, unfinished};
use super::journal::{CardKey, DirectoryChange, Journal, NewContent, PinUse, Transaction};
use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::files::path_text;
use crate::pin::Pin;
use crate::pins::{PinObject, PinPurpose};

/// Which way a recovery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The change was completed: everything is new.
    Completed,
    /// The change was undone: everything is old.
    RolledBack,
}

impl Way {
    /// A stable name for programs, in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::RolledBack => "rolled-back",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::RolledBack => "undone",
        })
    }
}

/// A recovery that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Recovery {
    /// Which way it went.
    pub way: Way,
    /// What the change was, in words: `write 2`.
    pub purpose: String,
    /// What could not be done, in words.
    pub warnings: Vec<String>,
}

/// What is found of one file.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It is as it is before the change.
    Before,
    /// It is as it is after the change.
    After,
    /// Each byte is the old one, the new one, or erased, or the whole cannot be read as a
    /// directory.
    Torn,
    /// Something else that can be read.
    Other,
}

impl<C: Channel> Card<C> {
    /// Under which name the journal keeps this card's transaction.
    pub fn card_key(&self) -> CardKey {
        CardKey::new(self.serial_number(), &self.identity().atr)
    }

    /// The change of this card that is not finished, if there is one.
    ///
    /// # Errors
    /// The journal cannot be read ([`ErrorKind::Journal`]).
    pub fn pending(&self, journal: &mut dyn Journal) -> Result<Option<Transaction>, CardError> {
        journal.pending(&self.card_key()).map_err(no_journal)
    }

    /// Completes or undoes the change of this card that is not finished; `None` if there is none.
    /// `pin` is the PIN for authentication. The card's directories need not be readable.
    ///
    /// With `force`, a directory that another program has changed since is overwritten with what
    /// the journal has; its changes are lost.
    ///
    /// # Errors
    /// The PIN is wrong or blocked; another program has changed the card since
    /// ([`ErrorKind::Interrupted`]), and it was left as it is; the journal cannot be used
    /// ([`ErrorKind::Journal`]); or recovery was interrupted itself ([`ErrorKind::Unfinished`])
    /// and can be begun again.
    pub fn recover(
        &mut self,
        journal: &mut dyn Journal,
        pin: &Pin,
        force: bool,
    ) -> Result<Option<Recovery>, CardError> {
        let Some(transaction) = self.pending(journal)? else {
            return Ok(None);
        };
        let (way, mut warnings) = self.exclusively(|card| {
            let recovered = card.recover_with(&transaction, pin, force);
            recovered.map_err(|error| match is_final(&error) {
                true if error.kind() != ErrorKind::Interrupted => unfinished(error),
                _ => error,
            })
        })?;
        if let Err(error) = journal.finish(&transaction.card) {
            warnings.push(error.to_string());
        }
        self.refresh()?;
        Ok(Some(Recovery {
            way,
            purpose: transaction.purpose,
            warnings,
        }))
    }

    fn recover_with(
        &mut self,
        transaction: &Transaction,
        pin: &Pin,
        force: bool,
    ) -> Result<(Way, Vec<String>), CardError> {
        let way = self.decide(transaction, force)?;
        if let Some(used) = &transaction.pin {
            self.verify_object(&pin_object(used), "PIN for authentication", pin)?;
        }
        let warnings = self.settle(transaction, way)?;
        Ok((way, warnings))
    }

    /// Which way to go: see the module's table.
    fn decide(&mut self, transaction: &Transaction, force: bool) -> Result<Way, CardError> {
        if transaction.trial {
            return Ok(Way::RolledBack);
        }
        let mut begun = false;
        for change in &transaction.directories {
            let found = self.directory_now(change)?.0;
            if found == Found::Other && !force {
                return Err(CardError::new(
                    ErrorKind::Interrupted,
                    format!(
                        "another program has changed the directory {} since; the card was left as \
                         it is",
                        path_text(&change.path)
                    ),
                )
                .hint(
                    "check the certificates on the card; `kortlab recover --force` overwrites \
                     that change, or move the journal away to keep it",
                ));
            }
            begun |= found != Found::Before;
        }
        if transaction.create.is_empty() {
            return Ok(if begun {
                Way::Completed
            } else {
                Way::RolledBack
            });
        }
        for file in &transaction.create {
            if !self.holds(&file.path(), &file.content)? {
                let back = !begun || self.old_files_are_there(transaction)?;
                return Ok(if back {
                    Way::RolledBack
                } else {
                    Way::Completed
                });
            }
        }
        Ok(Way::Completed)
    }

    /// Goes the whole way, from wherever the card is, and gives what could not be done, in words.
    pub(super) fn settle(
        &mut self,
        transaction: &Transaction,
        way: Way,
    ) -> Result<Vec<String>, CardError> {
        if way == Way::Completed {
            for file in &transaction.create {
                self.provide(file)?;
            }
        }
        for change in &transaction.directories {
            let target = match way {
                Way::Completed => &change.after,
                Way::RolledBack => &change.before,
            };
            let (_, current) = self.directory_now(change)?;
            if current.as_deref() != Some(target) {
                self.switch(change, current.as_deref(), target)?;
            }
        }
        if way == Way::Completed {
            return self.release(transaction);
        }
        self.delete_new(transaction)
    }

    /// Makes sure that a new file is there with its content.
    fn provide(&mut self, file: &NewContent) -> Result<(), CardError> {
        let path = file.path();
        if self.holds(&path, &file.content)? {
            return Ok(());
        }
        if self.files().exists(&path)? {
            match self.fill_new(file) {
                Ok(()) => return Ok(()),
                Err(error) if is_final(&error) => return Err(error),
                // It has another size, say.
                Err(_) => drop(self.delete(&file.directory, file.file_id)?),
            }
        }
        self.create(file)?;
        self.fill_new(file)
    }

    fn old_files_are_there(&mut self, transaction: &Transaction) -> Result<bool, CardError> {
        for file in &transaction.delete {
            if !self.holds(&file.path(), &file.content)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a file is there and begins with this content.
    fn holds(&mut self, path: &[u8], content: &[u8]) -> Result<bool, CardError> {
        match self.files().read(path) {
            Ok(read) => Ok(read.data.starts_with(content)),
            Err(error) if is_final(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }

    fn directory_now(
        &mut self,
        change: &DirectoryChange,
    ) -> Result<(Found, Option<Vec<u8>>), CardError> {
        match self.files().read(&change.path) {
            Ok(read) => Ok((compare(change, &read.data), Some(read.data))),
            Err(error) if is_final(&error) || error.kind() == ErrorKind::NotFound => Err(error),
            Err(_) => Ok((Found::Torn, None)),
        }
    }
}

fn compare(change: &DirectoryChange, now: &[u8]) -> Found {
    if now == &*change.before {
        return Found::Before;
    }
    if now == &*change.after {
        return Found::After;
    }
    let versions = change.before.iter().zip(change.after.iter());
    let torn = now.len() == change.before.len()
        && now
            .iter()
            .zip(versions)
            .all(|(byte, (old, new))| byte == old || byte == new || matches!(byte, 0x00 | 0xFF));
    let broken = || {
        let parsed = Directory::<Certificate>::parse(now);
        parsed
            .findings
            .iter()
            .any(|finding| finding.severity >= Severity::Error)
    };
    if torn || broken() {
        return Found::Torn;
    }
    Found::Other
}

fn pin_object(used: &PinUse) -> PinObject {
    PinObject {
        label: None,
        auth_id: Vec::new().into(),
        purpose: PinPurpose::User,
        reference: used.reference,
        format: used.format(),
        flags: kortlab_pkcs15::PinFlags::default(),
        directory: used.directory.to_vec(),
        unblocked_by: None,
    }
}
