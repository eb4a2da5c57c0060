//! What a command works with, and the checks that many commands share.

use kortlab_apdu::{Command, StatusWord};

use crate::fs::{File, FileId, FileSystem};
use crate::image::LifeCycle;
use crate::memory::Memory;
use crate::random::CardRng;
use crate::security::{Access, Operation};
use crate::session::{Selection, Session};

/// What a command works with.
pub(crate) struct Context<'a> {
    /// Persistent state: read it, and change it by [`crate::memory::Write`]s.
    pub memory: &'a mut Memory,
    /// Volatile state.
    pub session: &'a mut Session,
    /// Randomness.
    pub rng: &'a mut CardRng,
}

impl Context<'_> {
    /// The files.
    pub fn files(&self) -> &FileSystem {
        &self.memory.state().files
    }

    /// A file that is known to be there.
    ///
    /// # Errors
    /// `6A82` if it is not.
    pub fn file(&self, id: FileId) -> Result<&File, StatusWord> {
        self.files().get(id).ok_or(StatusWord::FILE_NOT_FOUND)
    }

    /// The current EF.
    ///
    /// # Errors
    /// `6986`: no EF is selected.
    pub fn current_ef(&self) -> Result<FileId, StatusWord> {
        self.session.selection.ef.ok_or(StatusWord::NO_CURRENT_EF)
    }

    /// The EF with this short identifier in the current DF (ISO/IEC 7816-4 §7.2.2).
    ///
    /// # Errors
    /// `6A82`: there is none.
    pub fn by_sfi(&self, sfi: u8) -> Result<FileId, StatusWord> {
        let files = self.files();
        let found = files.children(self.session.selection.df).iter().copied();
        found
            .filter(|_| (1..=30).contains(&sfi))
            .find(|&id| files.get(id).is_some_and(|file| file.has_sfi(sfi)))
            .ok_or(StatusWord::FILE_NOT_FOUND)
    }

    /// Makes an EF of the current DF the current EF, as a command that addresses it by SFI does.
    /// If it is that already, the current record stays.
    pub fn make_current(&mut self, ef: FileId) {
        let selection = &mut self.session.selection;
        if selection.ef != Some(ef) {
            *selection = Selection::ef(selection.df, ef);
        }
    }

    /// Checks that a file is in use and that the security status allows this operation on it.
    ///
    /// # Errors
    /// `6985`: the file or a DF around it is deactivated or terminated. `6982`: the access
    /// conditions are not satisfied.
    pub fn authorise(&self, id: FileId, operation: Operation) -> Result<(), StatusWord> {
        self.usable(id)?;
        self.authorise_status(id, operation)
    }

    /// Checks that neither this file nor a DF around it is deactivated or terminated.
    ///
    /// # Errors
    /// `6985`.
    pub fn usable(&self, id: FileId) -> Result<(), StatusWord> {
        let files = self.files();
        let out_of_use = files
            .with_ancestors(id)
            .filter_map(|id| files.get(id))
            .any(|file| {
                matches!(
                    file.life_cycle,
                    LifeCycle::Deactivated | LifeCycle::Terminated
                )
            });
        if out_of_use {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        Ok(())
    }

    /// Checks that the security status allows this operation on a file, whatever its life cycle
    /// status.
    ///
    /// A file whose tag 86 is missing or says nothing can be read by all; it is terminated by
    /// nobody; whatever else is done to it takes what creating an EF in its DF takes, and so on
    /// up to an MF that says nothing, where everything else is free.
    ///
    /// # Errors
    /// `6982`: the access conditions are not satisfied.
    pub fn authorise_status(&self, id: FileId, operation: Operation) -> Result<(), StatusWord> {
        let file = self.file(id)?;
        if !file.access.says_nothing() {
            return self.check(&file.access, operation);
        }
        match operation {
            Operation::Read => return Ok(()),
            Operation::Terminate => return Err(StatusWord::SECURITY_STATUS),
            _ => {}
        }
        let files = self.files();
        let speaking = files
            .with_ancestors(id)
            .filter_map(|id| files.get(id))
            .find(|file| !file.access.says_nothing());
        speaking.map_or(Ok(()), |df| self.check(&df.access, Operation::CreateEf))
    }

    /// Checks one set of access conditions against the security status.
    ///
    /// # Errors
    /// `6982`: they are not satisfied.
    pub fn check(&self, access: &Access, operation: Operation) -> Result<(), StatusWord> {
        if access.allows(operation, |pin| self.session.verified.contains(pin)) {
            Ok(())
        } else {
            Err(StatusWord::SECURITY_STATUS)
        }
    }
}

/// Checks P1-P2.
///
/// # Errors
/// `6A86`: they have another value.
pub(crate) fn expect_p1_p2(command: &Command, value: u16) -> Result<(), StatusWord> {
    if command.p1_p2() == value {
        Ok(())
    } else {
        Err(StatusWord::INCORRECT_P1_P2)
    }
}

/// Checks that there is no command data.
///
/// # Errors
/// `6700`: there is some.
pub(crate) fn expect_no_data(command: &Command) -> Result<(), StatusWord> {
    if command.data().is_empty() {
        Ok(())
    } else {
        Err(StatusWord::WRONG_LENGTH)
    }
}
