//! Carrying out a plan as a transaction.
//!
//! The order, and why a cut between any two bytes of it can be recovered:
//!
//! 1. The transaction goes to the journal on the host. From here on [`Card::recover`] knows all.
//! 2. The new files are created, all of them before anything else: a full card refuses here.
//! 3. They are written where nothing old lives, read back and compared.
//! 4. The directory is switched over (see `switch`), read back and compared.
//! 5. Only now the old files are deleted.
//! 6. The journal forgets.

use kortlab_apdu::{Channel, StatusWord};

use super::journal::{Journal, JournalError, NewContent, Transaction};
use super::plan::{Plan, creation};
use super::recover::Way;
use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::files::path_text;
use crate::role::PinRole;

/// The size above which a trial of the room takes more than one file.
const LARGEST_TRIAL: usize = 0x7FFF;

/// A plan that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Executed {
    /// What was overridden or left undone, in words.
    pub warnings: Vec<String>,
    /// What could not be checked, in words.
    pub notes: Vec<String>,
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing that was there before has been touched.
    NewFiles,
    /// The directories may be changed.
    SwitchOver,
}

/// An error that can be put into the slot writer, so that a harness can show that it finds one.
#[cfg(feature = "planted-bug")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// The old files are deleted before the directory is switched over.
    OldReleasedFirst,
    /// The journal is written only when the card has the whole change.
    JournalTooLate,
}

impl<C: Channel> Card<C> {
    /// Carries out a plan as one transaction, then reads the directories anew. The PIN for
    /// authentication must be verified before.
    ///
    /// If the card refuses a step, everything is put back at once. If the card is gone, the
    /// transaction stays in the journal: [`Card::recover`] completes or undoes it.
    ///
    /// # Errors
    /// The card refuses a step (no room: [`ErrorKind::Full`]; the PIN is not verified:
    /// [`ErrorKind::PinRequired`]) or what is read back differs, and nothing was changed; the card
    /// was changed since the plan was made; the journal cannot be written
    /// ([`ErrorKind::Journal`]), or an earlier change is not finished, or this one was interrupted
    /// ([`ErrorKind::Unfinished`]).
    pub fn execute(
        &mut self,
        plan: &Plan,
        journal: &mut dyn Journal,
    ) -> Result<Executed, CardError> {
        self.exclusively(|card| {
            let transaction = &plan.transaction;
            card.check_unchanged(transaction)?;
            let mut executed = Executed {
                warnings: plan.warnings.clone(),
                notes: plan.notes.clone(),
            };
            let left = card.in_journal(transaction, journal, Self::carry_out)?;
            executed.warnings.extend(left);
            card.refresh()?;
            Ok(executed)
        })
    }

    /// Finds out whether files with so many bytes in all can still be created, by creating and
    /// deleting them: no command tells how much is free. This, too, is a transaction.
    ///
    /// # Errors
    /// As for [`Card::execute`], except that a full card is `false`.
    pub fn has_room(&mut self, bytes: usize, journal: &mut dyn Journal) -> Result<bool, CardError> {
        self.exclusively(|card| {
            let Some(transaction) = card.trial(bytes)? else {
                // A card with files of fixed sizes: writing tells whether they suffice.
                return Ok(true);
            };
            let room = |card: &mut Self, transaction: &Transaction, _: &mut Progress| {
                for file in &transaction.create {
                    card.create(file)?;
                }
                card.delete_new(transaction)
            };
            match card.in_journal(&transaction, journal, room) {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == ErrorKind::Full => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// The last file identifiers in the range for certificates, which cards reach only when they
    /// have 200 of them.
    fn trial(&mut self, bytes: usize) -> Result<Option<Transaction>, CardError> {
        let mut transaction = self.empty_transaction("try the room".to_owned());
        transaction.trial = true;
        let application = self.contents().application.clone();
        let mut left = bytes;
        for file_id in self.dialect().certificate_files().rev() {
            if left == 0 {
                break;
            }
            let size = left.min(LARGEST_TRIAL);
            let file = NewContent {
                directory: application.clone().into(),
                file_id,
                size: u16::try_from(size).unwrap_or(u16::MAX),
                pin_reference: transaction.pin.as_ref().map(|pin| pin.reference),
                content: Vec::new().into(),
            };
            if self.dialect().create_file(creation(&file)).is_none()
                || self.dialect().delete_file(file_id).is_none()
            {
                return Ok(None);
            }
            if !self.files().exists(&file.path())? {
                transaction.create.push(file);
                left -= size;
            }
        }
        Ok(Some(transaction))
    }

    /// Does `work` with its transaction in the journal. If the card refuses, everything is put
    /// back; if the card is gone, the transaction stays in the journal.
    fn in_journal(
        &mut self,
        transaction: &Transaction,
        journal: &mut dyn Journal,
        work: impl FnOnce(&mut Self, &Transaction, &mut Progress) -> Result<Vec<String>, CardError>,
    ) -> Result<Vec<String>, CardError> {
        if self.writes_journal_first() {
            journal.begin(transaction).map_err(no_journal)?;
        }
        let mut progress = Progress::NewFiles;
        let (left, refusal) = match work(self, transaction, &mut progress) {
            Ok(left) => (left, None),
            Err(error) if is_final(&error) => return Err(unfinished(error)),
            Err(error) => match self.put_back(transaction, progress) {
                Ok(left) => (left, Some(error)),
                Err(worse) => {
                    let text = format!("{error}; and it could not be put back");
                    return Err(unfinished(worse.context(&text)));
                }
            },
        };
        let mut left = left;
        if !self.writes_journal_first() {
            journal.begin(transaction).map_err(no_journal)?;
        }
        if let Err(error) = journal.finish(&transaction.card) {
            left.push(error.to_string());
        }
        match refusal {
            None => Ok(left),
            Some(error) if left.is_empty() => Err(error.context("nothing was changed")),
            Some(error) => Err(error.context(&left.join("; "))),
        }
    }

    fn put_back(
        &mut self,
        transaction: &Transaction,
        progress: Progress,
    ) -> Result<Vec<String>, CardError> {
        match progress {
            // The directories were not touched, so what is read of them decides nothing.
            Progress::NewFiles => self.delete_new(transaction),
            Progress::SwitchOver => self.settle(transaction, Way::RolledBack),
        }
    }

    /// Before the first write: the directories must be what the plan was made for.
    fn check_unchanged(&mut self, transaction: &Transaction) -> Result<(), CardError> {
        for change in &transaction.directories {
            if self.files().read(&change.path)?.data != *change.before {
                return Err(CardError::new(
                    ErrorKind::Interrupted,
                    format!(
                        "the directory {} was changed meanwhile; it was left as it is",
                        path_text(&change.path)
                    ),
                )
                .hint("try again; if it happens again, another program writes to the card"));
            }
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        transaction: &Transaction,
        progress: &mut Progress,
    ) -> Result<Vec<String>, CardError> {
        for file in &transaction.create {
            self.create(file)?;
        }
        for file in &transaction.create {
            self.fill_new(file)?;
        }
        if self.releases_old_first() {
            let _ = self.release(transaction)?;
        }
        *progress = Progress::SwitchOver;
        for change in &transaction.directories {
            self.switch(change, Some(&change.before), &change.after)
                .map_err(needs_pin)?;
        }
        self.release(transaction)
    }

    /// Creates a new file.
    pub(super) fn create(&mut self, file: &NewContent) -> Result<(), CardError> {
        let doing = format!("create a file of {} bytes", file.size);
        let command = self.dialect().create_file(creation(file));
        let command = command.ok_or_else(unsupported)?;
        self.files().select_silently(&file.directory)?;
        let created = self.files().demand(&doing, &command);
        created.map(drop).map_err(|error| match error.kind() {
            ErrorKind::Full => error.hint(self.what_to_remove()),
            _ => needs_pin(error),
        })
    }

    /// Writes a new file, reads it back and compares.
    pub(super) fn fill_new(&mut self, file: &NewContent) -> Result<(), CardError> {
        let path = file.path();
        self.files()
            .update(&path, 0, &file.content)
            .map_err(needs_pin)?;
        self.compare(&path, &file.content)
    }

    /// Deletes the old files, and gives what could not be deleted, in words.
    pub(super) fn release(&mut self, transaction: &Transaction) -> Result<Vec<String>, CardError> {
        let mut left = Vec::new();
        for file in &transaction.delete {
            left.extend(self.delete(&file.directory, file.file_id)?);
        }
        Ok(left)
    }

    /// Deletes the new files, and gives what could not be deleted, in words.
    pub(super) fn delete_new(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Vec<String>, CardError> {
        let mut left = Vec::new();
        for file in &transaction.create {
            left.extend(self.delete(&file.directory, file.file_id)?);
        }
        Ok(left)
    }

    /// Deletes a file. One that is not there is no error; a refusal is given in words.
    pub(super) fn delete(
        &mut self,
        directory: &[u8],
        file_id: u16,
    ) -> Result<Option<String>, CardError> {
        let path = [directory, &file_id.to_be_bytes()].concat();
        if !self.files().exists(&path)? {
            return Ok(None);
        }
        let doing = format!("delete the file {file_id:04X}");
        let command = self.dialect().delete_file(file_id);
        let command = command.ok_or_else(unsupported)?;
        self.files().select_silently(directory)?;
        match self.files().demand(&doing, &command) {
            Ok(_) => Ok(None),
            Err(error) if is_final(&error) => Err(error),
            Err(error) if error.status() == Some(StatusWord::FILE_NOT_FOUND) => Ok(None),
            Err(error) => Ok(Some(format!(
                "the file {}, which nothing names, is left on the card: {}",
                path_text(&path),
                needs_pin(error)
            ))),
        }
    }

    #[cfg(feature = "planted-bug")]
    fn writes_journal_first(&self) -> bool {
        self.planted_bug != Some(PlantedBug::JournalTooLate)
    }

    #[cfg(not(feature = "planted-bug"))]
    #[allow(clippy::unused_self)]
    const fn writes_journal_first(&self) -> bool {
        true
    }

    #[cfg(feature = "planted-bug")]
    fn releases_old_first(&self) -> bool {
        self.planted_bug == Some(PlantedBug::OldReleasedFirst)
    }

    #[cfg(not(feature = "planted-bug"))]
    #[allow(clippy::unused_self)]
    const fn releases_old_first(&self) -> bool {
        false
    }
}

pub(super) fn needs_pin(error: CardError) -> CardError {
    if error.status() != Some(StatusWord::SECURITY_STATUS) {
        return error;
    }
    let role = PinRole::Authentication;
    error
        .with_kind(ErrorKind::PinRequired { role: Some(role) })
        .hint(format!("verify the PIN for {role} first"))
}

/// The card is gone in the middle of a change.
pub(super) fn unfinished(error: CardError) -> CardError {
    error
        .context("the change of the card is not finished")
        .with_kind(ErrorKind::Unfinished)
        .hint(
            "insert the card and run `kortlab recover`: the change is then completed or undone, \
             and no certificate is lost",
        )
}

pub(super) fn no_journal(error: JournalError) -> CardError {
    match error {
        JournalError::Pending => CardError::new(ErrorKind::Unfinished, error.to_string())
            .hint("run `kortlab recover` first"),
        JournalError::Unusable { .. } => CardError::new(ErrorKind::Journal, error.to_string())
            .hint(
                "nothing was written to the card; look at the file, and move it away if it is of \
                 no use",
            ),
        _ => CardError::new(ErrorKind::Journal, error.to_string())
            .hint("nothing was written to the card"),
    }
}

fn unsupported() -> CardError {
    CardError::new(
        ErrorKind::Unsupported,
        "this card OS neither creates nor deletes files",
    )
}
