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

use kortlab_apdu::{Channel, Fid, FilePath, StatusWord, instruction};

use super::carried_out::leaves_open;
use super::guard::{Found, Look};
use super::journal::{Journal, JournalError, NewContent, Transaction};
use super::names::Names;
use super::plan::{Plan, creation};
use super::recover::Way;
use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
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
    /// Nothing that was there before has been touched; so many new files were created.
    NewFiles(usize),
    /// The directories may be changed.
    SwitchOver,
}

impl<C: Channel> Card<C> {
    /// Carries out a plan as one transaction. The PIN for authentication must be verified before.
    /// What [`Card::contents`] says afterwards of the directories changed is what was read back.
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
            let transaction = plan.transaction();
            card.check_unchanged(transaction)?;
            let mut executed = Executed {
                warnings: plan.warnings().to_vec(),
                notes: plan.notes().to_vec(),
            };
            let left = card.in_journal(transaction, journal, Self::carry_out)?;
            executed.warnings.extend(left);
            card.take_over(transaction, Way::Completed);
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
            let room = |card: &mut Self, transaction: &Transaction, progress: &mut Progress| {
                card.create_all(transaction, progress)?;
                for file in &transaction.create {
                    if !card.files().exists(&file.path())? {
                        return Err(not_created(&file.path(), None));
                    }
                }
                card.delete_created(&transaction.create)
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
        let mut transaction = self.empty_transaction("try the room".to_owned())?;
        transaction.trial = true;
        let application = self.contents().application.clone();
        let mut left = bytes;
        let names = Names::of(self.contents());
        for file_id in Fid::all(&self.profile().certificate_files).rev() {
            if left == 0 {
                break;
            }
            let size = left.min(LARGEST_TRIAL);
            let file = NewContent {
                directory: application.clone(),
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
            if names.namer(&file.path()).is_none() && !self.files().exists(&file.path())? {
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
        if self.pending(journal)?.is_some() {
            return Err(no_journal(JournalError::Pending));
        }
        let mut note = None;
        if self.procedure.journal_first {
            note = Some(journal.begin(transaction).map_err(no_journal)?);
        }
        let mut progress = Progress::NewFiles(0);
        self.told.clear();
        let (left, refusal) = match work(self, transaction, &mut progress) {
            Ok(left) => (left, None),
            Err(error) if is_final(&error) => return Err(unfinished(error)),
            Err(error) => match self.put_back(transaction, progress, &error) {
                Ok(left) => (left, Some(error)),
                Err(worse) => match self.after_refusals(transaction, &worse)? {
                    Some(Way::RolledBack) => (Vec::new(), Some(error)),
                    Some(Way::Completed) => {
                        let text = format!("{error}; and yet the card has all of the change");
                        (vec![text], None)
                    }
                    None => {
                        let text = format!("{error}; and it could not be put back");
                        return Err(unfinished(worse.context(&text)));
                    }
                },
            },
        };
        let mut left = left;
        let told = core::mem::take(&mut self.told);
        let note = match note {
            Some(note) => note,
            None => journal.begin(transaction).map_err(no_journal)?,
        };
        if let Err(error) = journal.finish(&note) {
            left.push(error.to_string());
        }
        let Some(mut error) = refusal else {
            left.extend(told);
            return Ok(left);
        };
        if !told.is_empty() {
            error = error.context(&told.join("; "));
        }
        match left.is_empty() {
            true => Err(error.context("nothing was changed")),
            false => Err(error.context(&left.join("; "))),
        }
    }

    /// Where the card is although it has refused to go on and to go back.
    fn after_refusals(
        &mut self,
        transaction: &Transaction,
        refusal: &CardError,
    ) -> Result<Option<Way>, CardError> {
        match is_final(refusal) {
            true => Ok(None),
            false => self.way_gone(transaction).map_err(unfinished),
        }
    }

    fn put_back(
        &mut self,
        transaction: &Transaction,
        progress: Progress,
        refusal: &CardError,
    ) -> Result<Vec<String>, CardError> {
        match progress {
            Progress::NewFiles(created) => {
                let files = transaction.create.split_at_checked(created);
                let (created, others) = files.unwrap_or_default();
                let mut left = self.delete_created(created)?;
                // The next one may have been created although that was refused.
                if let Some(refused) = others.first() {
                    left.extend(self.delete_refused(refused, refusal)?);
                }
                Ok(left)
            }
            Progress::SwitchOver => self.settle(transaction, Way::RolledBack),
        }
    }

    /// Before the first write: directories and files must be what the plan was made for. If they
    /// are not, the directories are read anew, so that a new plan is made of what is there.
    fn check_unchanged(&mut self, transaction: &Transaction) -> Result<(), CardError> {
        let Some(what) = self.what_changed(transaction)? else {
            return Ok(());
        };
        self.refresh()?;
        Err(CardError::new(
            ErrorKind::Interrupted,
            format!("{what}; the card was left as it is"),
        )
        .hint(
            "try again; if it happens again, another program writes to the card, or the card does not \
             answer alike each time: `kortlab diagnose` reads everything twice",
        ))
    }

    /// The first thing that is not as it was when the plan was made, in words.
    fn what_changed(&mut self, transaction: &Transaction) -> Result<Option<String>, CardError> {
        for change in &transaction.directories {
            let now = self.files().read(&change.path)?;
            if let Some(warning) = now.remarks.iter().find(|remark| remark.is_of_reading()) {
                let what = format!("the directory {}: {}", change.path, warning.message);
                return Ok(Some(what));
            }
            if now.data != *change.before {
                return Ok(Some(format!("the directory {} was changed", change.path)));
            }
        }
        for old in &transaction.delete {
            let why = match self.find_old(old, Look::Anew)? {
                Found::Whole => continue,
                Found::Absent => "it is no longer there".to_owned(),
                Found::Begun => "its content is another one".to_owned(),
                Found::Other(why) => why,
            };
            let path = old.path();
            let what = format!("the file {path} is not as it was read before: {why}");
            return Ok(Some(what));
        }
        for new in &transaction.create {
            if self.files().exists(&new.path())? {
                return Ok(Some(format!("there is a file {} by now", new.path())));
            }
        }
        Ok(None)
    }

    /// The directories are now what was read back after they were written.
    pub(super) fn take_over(&mut self, transaction: &Transaction, way: Way) {
        for change in &transaction.directories {
            self.contents_mut()
                .replace_certificates(&change.path, way.target(change));
        }
        self.public_keys.clear();
    }

    fn carry_out(
        &mut self,
        transaction: &Transaction,
        progress: &mut Progress,
    ) -> Result<Vec<String>, CardError> {
        self.create_all(transaction, progress)?;
        for file in &transaction.create {
            self.fill_new(file)?;
        }
        if self.procedure.old_released_first {
            let _ = self.release(transaction)?;
        }
        *progress = Progress::SwitchOver;
        for change in &transaction.directories {
            self.switch(change, Some(&change.before), &change.after)
                .map_err(needs_pin)?;
        }
        self.release(transaction)
    }

    /// Creates the new files of a change, and notes how many there are.
    fn create_all(
        &mut self,
        transaction: &Transaction,
        progress: &mut Progress,
    ) -> Result<(), CardError> {
        for (index, file) in transaction.create.iter().enumerate() {
            self.create(file)?;
            *progress = Progress::NewFiles(index + 1);
        }
        Ok(())
    }

    /// Deletes files that were created a moment ago, in the same hold on the card: whatever is read
    /// of them, which may be damaged, they are this change's. Gives what was left, in words.
    fn delete_created(&mut self, created: &[NewContent]) -> Result<Vec<String>, CardError> {
        let mut left = Vec::new();
        for file in created {
            left.extend(self.delete(&file.directory, file.file_id)?);
        }
        Ok(left)
    }

    /// Creates a new file.
    pub(super) fn create(&mut self, file: &NewContent) -> Result<(), CardError> {
        let doing = format!("create a file of {} bytes", file.size);
        let command = self.dialect().create_file(creation(file));
        let command = command.ok_or_else(unsupported)?;
        self.files().select_silently(&file.directory)?;
        match self.files().carry_out(&doing, &command) {
            Ok(None) => Ok(()),
            Ok(Some(warning)) => {
                self.tell_warning(&file.path(), "created", warning, instruction::CREATE_FILE);
                Ok(())
            }
            Err(error) if leaves_open(&error) => match self.is_created(file)? {
                true => {
                    self.tell(format!(
                        "{error}; the file {} is there all the same",
                        file.path()
                    ));
                    Ok(())
                }
                false => Err(error),
            },
            Err(error) if error.kind() == ErrorKind::Full => Err(error.hint(self.what_to_remove())),
            Err(error) => Err(needs_pin(error)),
        }
    }

    /// Writes a new file, reads it back and compares.
    pub(super) fn fill_new(&mut self, file: &NewContent) -> Result<(), CardError> {
        let path = file.path();
        let selected = self.files().select_silently(&path);
        selected.map_err(|error| match error.kind() {
            ErrorKind::NotFound => not_created(&path, Some(&error)),
            _ => error,
        })?;
        self.write_selected(&path, 0, &file.content)
            .map_err(needs_pin)?;
        self.compare_selected(&path, 0, &file.content)
    }
}

/// The card has answered that it created a file, and has none.
fn not_created(path: &FilePath, error: Option<&CardError>) -> CardError {
    let mut text = format!("the card answered that the file {path} was created, and there is none");
    if let Some(error) = error {
        text = format!("{text}: {error}");
    }
    CardError::new(ErrorKind::Nonsense, text)
        .hint("the card does not do what it says: do not rely on it")
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
        JournalError::TooMany { .. } => CardError::new(ErrorKind::Journal, error.to_string()).hint(
            "nothing was written to the card; move those away of which there is no card any more: those \
             that end in .kept.json wait for copies of a card, or for other cards",
        ),
        _ => CardError::new(ErrorKind::Journal, error.to_string()).hint(
            "nothing was written to the card; let this user write in that directory, or name another \
             one (kortlab takes it from XDG_STATE_HOME)",
        ),
    }
}

pub(super) fn unsupported() -> CardError {
    CardError::new(
        ErrorKind::Unsupported,
        "this card OS neither creates nor deletes files",
    )
}
