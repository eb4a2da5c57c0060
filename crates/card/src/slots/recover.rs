//! Completing or undoing a change that was interrupted.
//!
//! What is on the card decides: first whether the transaction is about this card at all and has
//! begun on it (see [`Fit`]), then which way to go. The directory is the old one, the new one, or
//! torn; each new file is there as it should be, or not.
//!
//! | directory | new files | then |
//! |---|---|---|
//! | old | all as they should be | complete (without new files: roll back, nothing was done) |
//! | old | not all | roll back |
//! | new or torn | all as they should be | complete |
//! | new or torn | not all, the old files are | roll back |
//! | new or torn | neither | complete, with the new files from the journal |
//! | another one | | refuse: another program has changed the card since |
//!
//! What a card with other keys has begun is refused before any of this, `--force` or not.
//!
//! To complete is: the new files, the directory, read back, then the old files are deleted. To
//! roll back is: the directory, read back, then the new files are deleted. Each step leads to a
//! state from which the same table leads to the same end, so recovery can itself be cut and begun
//! again as often as it takes. The journal is needed for all of it, and forgets last.

use core::fmt;

use kortlab_apdu::{Channel, FilePath};
use kortlab_pkcs15::Severity;

use super::execute::{no_journal, unfinished};
use super::fit::{Fit, Version};
use super::guard::{Found, Look};
use super::journal::{CardKey, DirectoryChange, Journal, NewContent, Note, PinUse, Transaction};
use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::pin::Pin;
use crate::pins::{PinObject, PinPurpose};
use crate::problem::{Problem, code};
use crate::role::PinRole;

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

    /// What a directory holds at the end of it.
    pub(super) fn target(self, change: &DirectoryChange) -> &[u8] {
        match self {
            Self::Completed => &change.after,
            Self::RolledBack => &change.before,
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

/// What a recovery does where another program has changed the card's directories since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfChanged {
    /// The card is left as it is.
    #[default]
    LeaveIt,
    /// The directories are overwritten with what the journal has; what that program did is lost.
    Overwrite,
}

impl IfChanged {
    /// Both.
    pub const ALL: [Self; 2] = [Self::LeaveIt, Self::Overwrite];
}

/// How old what is known of the card's files may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// As this session has read them: to tell of them.
    Opened,
    /// As they are: the card is changed next.
    Now,
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

impl<C: Channel> Card<C> {
    /// Under which name the journal keeps this card's transaction.
    pub fn card_key(&self) -> CardKey {
        CardKey::new(self.serial_number(), &self.identity().atr)
    }

    /// The change of this card that is not finished, if there is one. Nothing is asked of the card
    /// unless the journal knows cards of its serial number.
    ///
    /// # Errors
    /// The journal cannot be read ([`ErrorKind::Journal`]), or the card is gone; or the journal is
    /// this card's alone, and has a change of a card with other keys ([`ErrorKind::Interrupted`]).
    pub fn pending(&mut self, journal: &mut dyn Journal) -> Result<Option<Transaction>, CardError> {
        Ok(self
            .newest_unfinished(journal)?
            .map(|(note, _)| note.transaction))
    }

    /// Whether the change that [`Card::pending`] gives can be recovered with
    /// [`IfChanged::LeaveIt`]: no other program has changed the card's directories since.
    ///
    /// # Errors
    /// Those of [`Card::pending`].
    pub fn pending_is_as_it_was_left(
        &mut self,
        journal: &mut dyn Journal,
    ) -> Result<bool, CardError> {
        let pending = self.newest_unfinished(journal)?;
        Ok(pending.is_none_or(|(_, fit)| fit != Fit::Changed))
    }

    /// Everything that the journal has about cards with this card's serial number, and how each of
    /// it fits this card, the oldest first.
    ///
    /// # Errors
    /// The journal cannot be read ([`ErrorKind::Journal`]), or the card is gone.
    pub fn notes(&mut self, journal: &mut dyn Journal) -> Result<Vec<(Note, Fit)>, CardError> {
        self.notes_of(journal, Since::Opened)
    }

    fn notes_of(
        &mut self,
        journal: &mut dyn Journal,
        since: Since,
    ) -> Result<Vec<(Note, Fit)>, CardError> {
        let mut notes = journal.notes(&self.card_key()).map_err(no_journal)?;
        if notes.is_empty() {
            return Ok(Vec::new());
        }
        self.exclusively(|card| {
            card.read_everything()?;
            let application = card.contents().application.clone();
            for note in &mut notes {
                note.transaction.enter_application(&application);
                if since == Since::Now {
                    card.forget_files_of(&note.transaction);
                }
            }
            let witness = card.witness();
            let fits = notes.into_iter().map(|note| {
                let fit = card.fit(&note, witness.as_ref())?;
                Ok((note, fit))
            });
            fits.collect()
        })
    }

    /// The files of a transaction are read from the card when they are next wanted.
    fn forget_files_of(&mut self, transaction: &Transaction) {
        for change in &transaction.directories {
            self.forget_file(&change.path);
        }
        for file in &transaction.create {
            self.forget_file(&file.path());
        }
        for file in &transaction.delete {
            self.forget_file(&file.path());
        }
    }

    /// Whether a transaction is of a card with the keys of this one: this card, or a copy of it. `false`
    /// where that is not known.
    pub fn has_keys_of(&self, transaction: &Transaction) -> bool {
        let own = self.witness();
        own.is_some() && own == transaction.witness
    }

    /// What is to be said of changes that the journal has: one that waits to be recovered on this
    /// card, one that has not begun here, or a journal that cannot be read.
    ///
    /// # Errors
    /// The card is gone.
    pub fn unfinished_changes(
        &mut self,
        journal: &mut dyn Journal,
    ) -> Result<Vec<Problem>, CardError> {
        let notes = match self.notes(journal) {
            Ok(notes) => notes,
            Err(error) if error.kind() == ErrorKind::Journal => {
                let severity = Severity::Warning;
                let code = code::JOURNAL_UNUSABLE;
                let problem =
                    Problem::new(severity, code, JOURNAL, &FilePath::EMPTY, error.to_string());
                let hint = error.next_step().unwrap_or("look at the file").to_owned();
                return Ok(vec![problem.hint(hint)]);
            }
            Err(error) if error.kind() == ErrorKind::Budget => {
                let error = error.context(
                    "changes are noted down for cards of this serial number, and whether one of them \
                     waits on this card was not looked at",
                );
                return Ok(vec![Problem::unreadable(JOURNAL, &FilePath::EMPTY, &error)]);
            }
            Err(error) => return Err(error),
        };
        Ok(notes
            .iter()
            .filter_map(|(note, fit)| said_of(note, *fit))
            .collect())
    }

    /// What is to be recovered on this card, the newest first. What only another card can be
    /// recovered with is an error: it keeps the journal of this card from any other change.
    fn newest_unfinished(
        &mut self,
        journal: &mut dyn Journal,
    ) -> Result<Option<(Note, Fit)>, CardError> {
        let mut notes = self.notes_of(journal, Since::Now)?;
        notes.retain(|(note, fit)| needs_recovery(note, *fit));
        let Some(newest) = notes.iter().rposition(|(_, fit)| *fit != Fit::Foreign) else {
            return match notes.pop() {
                Some((note, _)) => Err(of_another_card(&note.transaction)),
                None => Ok(None),
            };
        };
        Ok(Some(notes.swap_remove(newest)))
    }

    /// Completes or undoes the change of this card that is not finished; `None` if there is none.
    /// `pin` is the PIN for authentication. The card's directories need not be readable.
    ///
    /// `if_changed` says what becomes of a directory that another program has changed since. Another
    /// card of the same serial number is left alone in any case, and what the journal has about it
    /// stays there.
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
        if_changed: IfChanged,
    ) -> Result<Option<Recovery>, CardError> {
        let recovered = self.exclusively(|card| {
            let Some((note, fit)) = card.newest_unfinished(journal)? else {
                return Ok(None);
            };
            if fit == Fit::Changed && if_changed == IfChanged::LeaveIt {
                return Err(changed_since(&note));
            }
            match card.recover_with(&note.transaction, pin) {
                Ok((way, warnings)) => Ok(Some((note, way, warnings))),
                Err(error) if is_final(&error) && error.kind() != ErrorKind::Interrupted => {
                    Err(unfinished(error))
                }
                Err(error) => Err(error),
            }
        })?;
        let Some((note, way, mut warnings)) = recovered else {
            return Ok(None);
        };
        let transaction = &note.transaction;
        // What was read back counts, also for a session that cannot look at the card again.
        self.take_over(transaction, way);
        if let Err(error) = journal.finish(&note.id) {
            warnings.push(error.to_string());
        }
        warnings.extend(self.look_again());
        Ok(Some(Recovery {
            way,
            purpose: note.transaction.purpose,
            warnings,
        }))
    }

    fn recover_with(
        &mut self,
        transaction: &Transaction,
        pin: &Pin,
    ) -> Result<(Way, Vec<String>), CardError> {
        let way = self.decide(transaction)?;
        let role = PinRole::Authentication;
        if let Some(used) = &transaction.pin {
            self.verify_object(&pin_object(used), "PIN for authentication", pin)?;
        } else if self.pin(role).is_ok() {
            // Whoever wrote the journal saw none, or could not see it.
            self.verify(role, pin)?;
        }
        self.told.clear();
        let settled = self.settle(transaction, way);
        let mut told = core::mem::take(&mut self.told);
        let mut warnings = match settled {
            Err(error) if !is_final(&error) => match self.way_gone(transaction)? {
                Some(gone) if gone == way => vec![error.to_string()],
                _ => return Err(error),
            },
            settled => settled?,
        };
        warnings.append(&mut told);
        Ok((way, warnings))
    }

    /// Which way to go: see the module's table.
    fn decide(&mut self, transaction: &Transaction) -> Result<Way, CardError> {
        if transaction.trial {
            return Ok(Way::RolledBack);
        }
        let mut begun = false;
        for change in &transaction.directories {
            begun |= self.directory_now(change, Look::Anew)?.0 != Version::Before;
        }
        if transaction.create.is_empty() {
            return Ok(if begun {
                Way::Completed
            } else {
                Way::RolledBack
            });
        }
        for file in &transaction.create {
            if self.find_new(file, Look::Anew)? != Found::Whole {
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
            let target = way.target(change);
            let (_, current) = self.directory_now(change, Look::Anew)?;
            if current.as_deref() != Some(target) {
                self.switch(change, current.as_deref(), target)?;
            }
        }
        if way == Way::Completed {
            return self.release_found(transaction);
        }
        self.delete_new(transaction)
    }

    /// Makes sure that a new file is there with its content.
    fn provide(&mut self, file: &NewContent) -> Result<(), CardError> {
        match self.find_new(file, Look::Anew)? {
            Found::Whole => Ok(()),
            Found::Begun => self.fill_new(file),
            Found::Absent => {
                self.create(file)?;
                self.fill_new(file)
            }
            Found::Other(why) => Err(CardError::new(
                ErrorKind::Interrupted,
                format!(
                    "the file {} is not the one that the change has written: {why}; it was left \
                     as it is",
                    file.path()
                ),
            )),
        }
    }

    fn old_files_are_there(&mut self, transaction: &Transaction) -> Result<bool, CardError> {
        for file in &transaction.delete {
            if self.find_old(file, Look::Anew)? != Found::Whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the directories anew after a change that is done. That this cannot be done by now is
    /// only worth a warning: the change was read back before.
    fn look_again(&mut self) -> Option<String> {
        self.refresh().err().map(|error| unseen_since(&error))
    }
}

/// What a problem about the journal is said of.
const JOURNAL: &str = "the journal of changes";

fn said_of(note: &Note, fit: Fit) -> Option<Problem> {
    let purpose = &note.transaction.purpose;
    let directories = &note.transaction.directories;
    let path = directories
        .first()
        .map_or(&FilePath::EMPTY, |change| &change.path);
    if note.of_this_card && fit == Fit::Foreign {
        let (severity, code) = (Severity::Warning, code::CHANGE_ELSEWHERE);
        let text = text_of_another_card(&note.transaction);
        return Some(Problem::new(severity, code, JOURNAL, path, text).hint(TAKE_OUT));
    }
    if needs_recovery(note, fit) {
        let text = format!(
            "a change of this card ({purpose}) was interrupted and waits to be completed or undone"
        );
        return Some(
            Problem::new(
                Severity::Error,
                code::CHANGE_UNFINISHED,
                JOURNAL,
                path,
                text,
            )
            .hint("run `kortlab recover`"),
        );
    }
    if note.set_aside || fit == Fit::Foreign {
        return None;
    }
    let text = match fit {
        Fit::Finished => format!(
            "a change ({purpose}) of a card of this serial number was interrupted; on this card it \
             is whole"
        ),
        _ => format!(
            "a change ({purpose}) of a card of this serial number was interrupted; on this card it \
             has not begun"
        ),
    };
    Some(
        Problem::new(Severity::Note, code::CHANGE_ELSEWHERE, JOURNAL, path, text)
            .hint("run `kortlab recover`, which says where it is noted down"),
    )
}

/// Whether nothing else may be changed on this card before it was recovered.
fn needs_recovery(note: &Note, fit: Fit) -> bool {
    note.of_this_card || matches!(fit, Fit::Begun | Fit::Changed)
}

/// What is said where the card went away, or cannot be read, after all of a change was read back.
fn unseen_since(error: &CardError) -> String {
    format!("the change is done; after it the card could not be looked at again: {error}")
}

fn changed_since(note: &Note) -> CardError {
    let paths: Vec<_> = note
        .transaction
        .directories
        .iter()
        .map(|change| change.path.to_string())
        .collect();
    CardError::new(
        ErrorKind::Interrupted,
        format!(
            "another program has changed the directory {} since; the card was left as it is",
            paths.join(", ")
        ),
    )
    .hint(match &note.place {
        Some(place) => format!(
            "check the certificates on the card; `kortlab recover --force` overwrites that change; to \
             keep it, move {} away, where the interrupted one is noted down",
            place.display()
        ),
        None => "check the certificates on the card; `kortlab recover --force` overwrites that \
                 change; to keep it, remove `pending_change` from the image, where the interrupted one \
                 is noted down"
            .to_owned(),
    })
}

/// What to do about a change that was put into the image of another card.
const TAKE_OUT: &str = "nothing recovers it here, not even `--force`: recover the card whose change it is, and remove \
     `pending_change` from this image; until then this card's certificates are not changed";

fn text_of_another_card(transaction: &Transaction) -> String {
    format!(
        "the interrupted change that is noted down for this card ({}) is another card's: its keys \
         are others",
        transaction.purpose
    )
}

fn of_another_card(transaction: &Transaction) -> CardError {
    let text = text_of_another_card(transaction);
    CardError::new(
        ErrorKind::Interrupted,
        format!("{text}; the card was left as it is"),
    )
    .hint(TAKE_OUT)
}

fn pin_object(used: &PinUse) -> PinObject {
    PinObject {
        label: None,
        auth_id: Vec::new().into(),
        purpose: PinPurpose::User,
        reference: used.reference.into(),
        format: used.format(),
        contradictions: Vec::new(),
        flags: kortlab_pkcs15::PinFlags::default(),
        directory: used.directory.clone(),
        unblocked_by: None,
    }
}
