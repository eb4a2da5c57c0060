//! What a card has made of a command that changes it, whatever it answered.
//!
//! A warning (SW1 62 or 63) is given after the command was carried out (ISO/IEC 7816-4 §5.6; 63Cx
//! after UPDATE BINARY: after the card had to try again): it is told, and is no refusal. Where the
//! card says that carrying out failed (SW1 64 to 66), or says nothing (6Fxx), the command may have
//! been carried out. And a card may answer 9000 to what it has not done. So the card is looked at,
//! and what it holds decides.

use kortlab_apdu::{Channel, FilePath, StatusWord, instruction};

use super::guard::{Found, Look};
use super::journal::{NewContent, Transaction};
use super::recover::Way;
use crate::card::Card;
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::files::UPDATE_BLOCK;

impl<C: Channel> Card<C> {
    /// Writes to the selected file at `path` from byte `offset` on. What the card refuses so that it
    /// may have been written all the same is read back; if it was, that is told.
    pub(super) fn write_selected(
        &mut self,
        path: &FilePath,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), CardError> {
        let name = path.to_string();
        let mut at = offset;
        for block in bytes.chunks(UPDATE_BLOCK) {
            match self.files().update_selected(&name, at, block) {
                Ok(warnings) => {
                    for warning in warnings {
                        self.tell_warning(path, "written", warning, instruction::UPDATE_BINARY);
                    }
                }
                Err(refusal) if leaves_open(&refusal) => {
                    match self.compare_selected(path, at, block) {
                        Ok(()) => self.tell(format!("{refusal}; it was written all the same")),
                        Err(error) if is_final(&error) => return Err(error),
                        Err(_) => return Err(refusal),
                    }
                }
                Err(error) => return Err(error),
            }
            at += block.len();
        }
        Ok(())
    }

    /// Whether a new file is there that the card has refused to create. It was not there before.
    pub(super) fn is_created(&mut self, file: &NewContent) -> Result<bool, CardError> {
        let found = self.find_new(file, Look::Anew)?;
        Ok(matches!(found, Found::Whole | Found::Begun))
    }

    /// What became of a file whose creation was refused: it is deleted if it is there. Gives what was
    /// left, in words.
    pub(super) fn delete_refused(
        &mut self,
        file: &NewContent,
        refusal: &CardError,
    ) -> Result<Option<String>, CardError> {
        let path = file.path();
        let why = match self.find_new(file, Look::Anew)? {
            Found::Absent => return Ok(None),
            Found::Whole | Found::Begun if refusal.status() != Some(StatusWord::FILE_EXISTS) => {
                return self.delete(&file.directory, file.file_id);
            }
            Found::Whole | Found::Begun => "the card says that it was there before".to_owned(),
            Found::Other(why) => why,
        };
        Ok(Some(format!(
            "the file {path}, which was not there before, stays: {why}"
        )))
    }

    /// Which way a change was gone to its end, by what is on the card; `None` if neither.
    pub(super) fn way_gone(&mut self, transaction: &Transaction) -> Result<Option<Way>, CardError> {
        let mut found = Vec::new();
        for file in &transaction.create {
            found.push(self.find_new(file, Look::Anew)?);
        }
        let mut directories = Vec::new();
        for change in &transaction.directories {
            directories.push(self.directory_now(change, Look::Anew)?.1);
        }
        let are = |way: Way| {
            let pairs = transaction.directories.iter().zip(&directories);
            pairs
                .clone()
                .all(|(change, now)| now.as_deref() == Some(way.target(change)))
        };
        if are(Way::RolledBack) && found.iter().all(|found| *found == Found::Absent) {
            return Ok(Some(Way::RolledBack));
        }
        let whole = found.iter().all(|found| *found == Found::Whole);
        if transaction.trial || !whole || !are(Way::Completed) {
            return Ok(None);
        }
        for file in &transaction.delete {
            if self.find_old(file, Look::Anew)? != Found::Absent {
                return Ok(None);
            }
        }
        Ok(Some(Way::Completed))
    }

    /// Notes the warning that the card gave after a command was carried out.
    pub(super) fn tell_warning(
        &mut self,
        path: &FilePath,
        was: &str,
        warning: StatusWord,
        ins: u8,
    ) {
        let meaning = warning.meaning_after(ins);
        self.tell(format!(
            "the card warned when {path} was {was}: {warning} ({meaning})"
        ));
    }

    /// Notes what is to be told of a change that goes on.
    pub(super) fn tell(&mut self, text: String) {
        if !self.told.contains(&text) {
            self.told.push(text);
        }
    }
}

/// Whether the card may have carried out what it has refused so: it says that carrying out failed
/// (SW1 64 to 66, ISO/IEC 7816-4 §5.6), and not what was wrong with the command, or says nothing at
/// all (6Fxx).
pub(super) fn leaves_open(refusal: &CardError) -> bool {
    refusal.kind() == ErrorKind::Refused
        && refusal
            .status()
            .is_some_and(|status| matches!(status.sw1(), 0x64..=0x66 | 0x6F))
}
