//! What a command works with, and the checks that many commands share.

use kortlab_apdu::StatusWord;

use super::application::{Application, Applications};
use super::session::{Selection, Session};
use crate::fs::{Body, Fid, File, FileId, FileSystem, LifeCycle};
use crate::memory::{Memory, Write};
use crate::random::CardRng;
use crate::security::{Access, Operation};

/// What a command works with: the card as it is while the command runs.
pub struct Context<'a> {
    /// Persistent state: read it, and change it by [`crate::memory::Write`]s.
    pub(crate) memory: &'a mut Memory,
    /// Volatile state.
    pub(crate) session: &'a mut Session,
    /// Randomness.
    pub(crate) rng: &'a mut CardRng,
    /// The applications of this card.
    pub(crate) applications: &'a Applications,
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

    /// The current DF.
    pub fn current_df(&self) -> FileId {
        self.session.selection.df
    }

    /// The file with this identifier in the current DF.
    ///
    /// # Errors
    /// `6A82` if there is none.
    pub fn child(&self, fid: Fid) -> Result<FileId, StatusWord> {
        let found = self.files().child(self.current_df(), fid);
        found.ok_or(StatusWord::FILE_NOT_FOUND)
    }

    /// The bytes of a transparent EF.
    ///
    /// # Errors
    /// `6A82`, `6981`: it is not there, or is none.
    pub fn contents(&self, id: FileId) -> Result<&[u8], StatusWord> {
        match &self.file(id)?.body {
            Body::Transparent(bytes) => Ok(bytes),
            _ => Err(StatusWord::INCOMPATIBLE_FILE),
        }
    }

    /// Makes one change of what outlives power. Several of one command are made in their order;
    /// what a cut of the power leaves of them is the memory's affair.
    ///
    /// # Errors
    /// `6A84`, `6700`, `6581`: it does not fit, does not suit, or cannot be made.
    pub fn write(&mut self, write: Write) -> Result<(), StatusWord> {
        Ok(self.memory.apply(write)?)
    }

    /// Replaces bytes of a transparent EF.
    ///
    /// # Errors
    /// As for [`Context::write`].
    pub fn update(&mut self, file: FileId, offset: usize, bytes: &[u8]) -> Result<(), StatusWord> {
        self.write(Write::EfBytes {
            file,
            offset,
            bytes: bytes.to_vec(),
        })
    }

    /// Whether the PIN with this reference is verified.
    pub fn is_verified(&self, reference: u8) -> bool {
        self.session.verified.contains(reference)
    }

    /// Checks that the PIN with this reference is verified.
    ///
    /// # Errors
    /// `6982`: it is not.
    pub fn expect_verified(&self, reference: u8) -> Result<(), StatusWord> {
        self.is_verified(reference)
            .then_some(())
            .ok_or(StatusWord::SECURITY_STATUS)
    }

    /// Fills `bytes` with random bytes.
    pub fn random(&mut self, bytes: &mut [u8]) {
        self.rng.fill(bytes);
    }

    /// The application that answers now: the one of the current DF.
    pub fn application(&self) -> &'static dyn Application {
        self.application_of(self.current_df())
    }

    /// The application that a file belongs to.
    pub fn application_of(&self, id: FileId) -> &'static dyn Application {
        self.applications.of(self.files(), id)
    }

    /// Selects. Where another application answers from now on, the security environment is empty,
    /// and PINs of the old one stay verified only if it wants that.
    pub(crate) fn select(&mut self, selection: Selection) {
        if selection.df == self.session.selection.df {
            // The same DF, so the same application.
            self.session.selection = selection;
            return;
        }
        self.select_after(self.application(), selection);
    }

    /// The same where `old` answered so far, and its DF may be gone.
    pub(crate) fn select_after(&mut self, old: &'static dyn Application, selection: Selection) {
        self.session.selection = selection;
        if old.name() != self.application().name() {
            self.session.environment = Default::default();
            if !old.keeps_security_status() {
                self.session.verified.forget_specific();
            }
        }
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
