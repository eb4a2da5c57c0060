//! What was read of a card's files in a session: each file once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kortlab_apdu::{Command, FilePath, instruction};

use super::budget::{Budget, Meter};
use super::{APPLICATION, FileInfo, Remark};
use crate::error::CardError;

/// The content of a file as it was read, shared by all who name the file.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// What the card said of the file when it was selected.
    pub(crate) info: Arc<FileInfo>,
    /// Its bytes; if reading ended with an error, those before it.
    pub(crate) data: Bytes,
    /// What was odd on the way.
    pub(crate) remarks: Arc<[Remark]>,
    /// What ended the reading before the file did.
    pub(crate) ended: Option<CardError>,
}

/// The files that were read, and what reading took of the budget.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    files: BTreeMap<FilePath, Known>,
    /// The application in which the files are, if it had to be selected by its AID.
    pub(crate) application: Option<Vec<u8>>,
    /// Whether the DF of that application is the current one.
    pub(crate) at_home: bool,
    /// The DF that was selected last, if nothing was selected or changed since.
    pub(crate) selected: Option<FilePath>,
    pub(crate) meter: Meter,
}

impl Known {
    /// What the card warns of when it gives what the file holds.
    pub(crate) fn warning(&self) -> Option<&Remark> {
        self.remarks.iter().find(|remark| remark.is_of_reading())
    }
}

impl Shelf {
    /// Nothing is read yet.
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            files: BTreeMap::new(),
            application: None,
            at_home: false,
            selected: None,
            meter: Meter::new(budget),
        }
    }

    /// A new reading begins, with a whole budget.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            application: self.application.take(),
            at_home: self.at_home,
            ..Self::new(self.meter.budget())
        };
    }

    /// From now on the files are those of the application with this AID, or those that are there
    /// without any. What was read before is forgotten: the paths mean other files now.
    pub(crate) fn enter(&mut self, application: Option<Vec<u8>>) {
        self.files.clear();
        self.at_home = application.is_some();
        self.application = application;
    }

    /// The file as it was read.
    pub(crate) fn get(&self, path: &FilePath) -> Option<Known> {
        self.files.get(&key(path)).cloned()
    }

    /// The files that were read with a warning of what they hold, by their paths from the MF on, and the
    /// warning.
    pub(crate) fn read_with_warning(&self) -> impl Iterator<Item = (FilePath, &Remark)> {
        self.files.iter().filter_map(|(path, known)| {
            let remark = known.warning()?;
            let path = match path.is_absolute() || path.starts_with(&APPLICATION) {
                true => path.clone(),
                false => FilePath::MASTER_FILE.join(path),
            };
            Some((path, remark))
        })
    }

    /// What the card says of some file that was read: any shows the form in which it answers.
    pub(crate) fn any_description(&self) -> Option<Arc<FileInfo>> {
        let mut told = self.files.values().rev().map(|known| &known.info);
        told.find(|info| info.fcp.is_some()).cloned()
    }

    /// Whether the card says of a file that could be read that its life cycle is in this state
    /// (tag 8A).
    pub(crate) fn has_read_in_state(&self, state: u8) -> bool {
        let read = |known: &&Known| known.ended.is_none() && !known.data.is_empty();
        let said = |known: &Known| known.info.fcp.as_ref()?.life_cycle;
        let mut states = self.files.values().filter(read).filter_map(said);
        states.any(|said| said == state)
    }

    /// Keeps what was read.
    pub(crate) fn keep(&mut self, path: &FilePath, known: Known) {
        self.files.insert(key(path), known);
    }

    /// A command goes to the card: what it may change is not known any more.
    pub(crate) fn before(&mut self, command: &Command) {
        if command.ins() != instruction::VERIFY {
            self.selected = None;
        }
        match command.ins() {
            instruction::SELECT
            | instruction::READ_BINARY
            | instruction::READ_RECORD
            | instruction::GET_DATA
            | instruction::GET_RESPONSE
            | instruction::GET_CHALLENGE
            | instruction::MANAGE_SECURITY_ENVIRONMENT
            | instruction::PERFORM_SECURITY_OPERATION
            | instruction::INTERNAL_AUTHENTICATE => {}
            // What is known stays as it is, but what could not be read may be readable now.
            instruction::VERIFY | instruction::CREATE_FILE => {
                self.files.retain(|_, known| known.ended.is_none());
            }
            // Wherever that file is.
            instruction::DELETE_FILE if command.data().len() == 2 => {
                let deleted = FilePath::from(command.data());
                self.files.retain(|path, _| !path.ends_with(&deleted));
            }
            _ => self.files.clear(),
        }
    }

    /// The file at this path is written.
    pub(crate) fn forget(&mut self, path: &FilePath) {
        self.files.remove(&key(path));
    }
}

/// A path from the MF on, with or without 3F00 in front.
fn key(path: &FilePath) -> FilePath {
    path.below_master_file().into()
}
