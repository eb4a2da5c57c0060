//! Deleting files: those of removed certificates, and new ones of a change that is undone.
//!
//! An entry in a directory can name any file: by mistake, by damage, or to have it deleted. So a
//! file of a removed certificate is deleted only if it holds exactly that certificate (`00` or
//! `FF` behind it), is a plain transparent EF, and nothing else on the card names it. In every
//! other case the entry goes, the file stays, and that is said. Directories that cannot be read
//! whole may name anything; then it stays, too.

use kortlab_apdu::{Channel, Fid, FilePath, StatusWord, instruction};

use super::Slot;
use super::execute::{needs_pin, unsupported};
use super::guard::{Found, Look, not_plain, uncertain};
use super::journal::{OldContent, Transaction};
use super::names::Names;
use super::plan::{Change, Plan};
use crate::card::Card;
use crate::certificate::{self, CertificateInfo};
use crate::contents::{Contents, is_filler, is_final};
use crate::error::{CardError, ErrorKind};

impl<C: Channel> Card<C> {
    /// Plans what becomes of the files of removed certificates.
    pub(super) fn plan_release(
        &mut self,
        change: &Change,
        plan: &mut Plan,
    ) -> Result<(), CardError> {
        let mut names = Names::after(self.contents(), &plan.transaction.directories);
        // Only where a file may be deleted is it worth the commands.
        if change.remove.iter().any(|slot| slot.path.is_some()) {
            names.doubt_beside(&self.not_read_beside()?);
        }
        for slot in &change.remove {
            let Some(path) = slot.path.as_ref() else {
                continue;
            };
            let done = plan.transaction.delete.iter();
            if done.clone().any(|old| old.path() == *path) {
                continue;
            }
            match self.plan_file(slot, path, &names)? {
                Release::Nothing => {}
                Release::Delete(old) => plan.transaction.delete.push(old),
                Release::Keep(why) => {
                    let warning = stays(path, &why);
                    if !plan.warnings.contains(&warning) {
                        plan.warnings.push(warning);
                    }
                }
            }
        }
        Ok(())
    }

    fn plan_file(
        &mut self,
        slot: &Slot,
        path: &FilePath,
        names: &Names,
    ) -> Result<Release, CardError> {
        let keep = |why: String| Ok(Release::Keep(why));
        if let Some(by) = names.namer(path) {
            let by = match by == path {
                true => "it is one of the card's own files".to_owned(),
                false => format!("{} names it too", by),
            };
            return keep(by);
        }
        let Some((directory, file_id)) = path.split_last() else {
            return keep("its path names no file".to_owned());
        };
        let content = match self.files().read(path) {
            Ok(content) => content,
            Err(error) if is_final(&error) => return Err(error),
            // Nothing names a file that is not there.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Release::Nothing),
            Err(error) => return keep(format!("it cannot be read: {error}")),
        };
        // On a card that deletes no files, nothing would name it ever again.
        if directory.is_empty() || self.dialect().delete_file(file_id).is_none() {
            return Err(CardError::new(
                ErrorKind::Unsupported,
                format!(
                    "cannot remove the certificate: how files are deleted on this card is not \
                     known here ({}), and its file {path} would be left without an entry; nothing was \
                     changed",
                    self.dialect().name()
                ),
            )
            .hint(super::OTHER_PROGRAM));
        }
        if let Some(warning) = content.remarks.iter().find(|remark| remark.is_of_reading()) {
            return keep(uncertain(&warning.message).to_string());
        }
        if let Some(why) = not_plain(&content.info) {
            return keep(why.to_owned());
        }
        let shown = match &*slot.der {
            [] => certificate::at_start(&content.data).unwrap_or_default(),
            shown => shown,
        };
        let rest = content.data.strip_prefix(shown);
        if CertificateInfo::parse(shown).is_none() || !rest.is_some_and(is_filler) {
            return keep("it does not hold this certificate and nothing else".to_owned());
        }
        if let Some(why) = names.unknown() {
            return keep(format!(
                "it cannot be told whether something else on the card names it: {why}"
            ));
        }
        Ok(Release::Delete(OldContent {
            directory,
            file_id,
            content: content.data.into(),
        }))
    }

    /// Deletes the old files, and gives what could not be deleted, in words. What they hold, and
    /// that nothing names them, was looked at before.
    pub(super) fn release(&mut self, transaction: &Transaction) -> Result<Vec<String>, CardError> {
        let mut left = Vec::new();
        for file in &transaction.delete {
            left.extend(self.delete(&file.directory, file.file_id)?);
        }
        Ok(left)
    }

    /// Deletes the old files that are still what the journal says, and that nothing names any
    /// more; gives what could not be deleted, in words.
    pub(super) fn release_found(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Vec<String>, CardError> {
        let mut left = Vec::new();
        let mut names = None;
        for file in &transaction.delete {
            match self.find_old(file, Look::Anew)? {
                Found::Absent => {}
                Found::Whole | Found::Begun => {
                    let path = file.path();
                    match self.why_needed(&path, &mut names)? {
                        Some(why) => left.push(stays(&path, &why)),
                        None => left.extend(self.delete(&file.directory, file.file_id)?),
                    }
                }
                Found::Other(why) => left.push(stays(&file.path(), &why)),
            }
        }
        Ok(left)
    }

    /// Deletes the new files, as far as they are what this change has made of them and nothing
    /// names them; gives what could not be deleted, in words.
    pub(super) fn delete_new(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Vec<String>, CardError> {
        let mut left = Vec::new();
        let mut names = None;
        for file in &transaction.create {
            match self.find_new(file, Look::Anew)? {
                Found::Absent => {}
                Found::Whole | Found::Begun => {
                    let path = file.path();
                    match self.why_named(&path, &mut names)? {
                        Some(why) => left.push(stays(&path, &why)),
                        None => left.extend(self.delete(&file.directory, file.file_id)?),
                    }
                }
                Found::Other(why) => left.push(stays(&file.path(), &why)),
            }
        }
        Ok(left)
    }

    /// Why a file must stay that held a certificate: it is named, or it cannot be told.
    fn why_needed(
        &mut self,
        path: &FilePath,
        names: &mut Option<Names>,
    ) -> Result<Option<String>, CardError> {
        let named = self.why_named(path, names)?;
        let unknown = || {
            let why = names.as_ref().and_then(|names| names.unknown())?;
            Some(format!(
                "it cannot be told whether something else on the card names it: {why}"
            ))
        };
        Ok(named.or_else(unknown))
    }

    /// What names a file, on the card as it is now; `names` is filled when it is first needed.
    fn why_named(
        &mut self,
        path: &FilePath,
        names: &mut Option<Names>,
    ) -> Result<Option<String>, CardError> {
        if names.is_none() {
            *names = match Contents::read(self.channel_mut()) {
                Ok(contents) => Some(Names::of(&contents)),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => Some(Names::unreadable(error.to_string())),
            };
        }
        let by = names.as_ref().and_then(|names| names.namer(path));
        Ok(by.map(|by| format!("{} names it", by)))
    }

    /// Deletes a file, and looks whether it is gone, whatever the card answers. One that is not there is
    /// no error; that one is left is given in words.
    pub(super) fn delete(
        &mut self,
        directory: &FilePath,
        file_id: Fid,
    ) -> Result<Option<String>, CardError> {
        let path = directory.child(file_id);
        let doing = format!("delete the file {file_id}");
        let command = self.dialect().delete_file(file_id);
        let command = command.ok_or_else(unsupported)?;
        self.files().select_silently(directory)?;
        let answer = match self.files().carry_out(&doing, &command) {
            Err(error) if is_final(&error) => return Err(error),
            answer => answer.map_err(needs_pin),
        };
        let there = self.files().exists(&path);
        let left = |why: String| {
            let text = format!("the file {path}, which nothing names, is left on the card: {why}");
            Ok(Some(text))
        };
        match (answer, there) {
            (Ok(warning), Ok(false)) => {
                if let Some(warning) = warning {
                    self.tell_warning(&path, "deleted", warning, instruction::DELETE_FILE);
                }
                Ok(None)
            }
            (Ok(warning), Ok(true)) => {
                let status = warning.unwrap_or(StatusWord::SUCCESS);
                left(format!(
                    "the card answered DELETE FILE with {status}, and has it still"
                ))
            }
            (Err(refusal), Ok(false)) => {
                if refusal.status() != Some(StatusWord::FILE_NOT_FOUND) {
                    self.tell(format!("{refusal}; the file {path} is gone all the same"));
                }
                Ok(None)
            }
            (Err(refusal), Ok(true)) => left(refusal.to_string()),
            // Deleting it was the last that was to be done with it.
            (Ok(_), Err(error)) => {
                self.tell(format!(
                    "whether the file {path} is gone, as the card answered, was not seen: {error}"
                ));
                Ok(None)
            }
            (Err(_), Err(error)) if is_final(&error) => Err(error),
            (Err(refusal), Err(error)) => Ok(Some(format!(
                "whether the file {path}, which nothing names, is left on the card, was not seen \
                 ({error}): {refusal}"
            ))),
        }
    }
}

/// What becomes of the file of a removed certificate.
enum Release {
    /// It is not there.
    Nothing,
    /// It is deleted.
    Delete(OldContent),
    /// It stays; why, in words.
    Keep(String),
}

fn stays(path: &FilePath, why: &str) -> String {
    format!("the file {} stays: {why}", path)
}
