//! SELECT (ISO/IEC 7816-4 §11.2.2), with what cards need that do not know all its forms.

use kortlab_apdu::{Channel, Command, Fid, FilePath, StatusWord, instruction};

use super::{FileInfo, Files, Shelf};
use crate::error::{CardError, ErrorKind};

/// The longest path that is sent.
const MAX_PATH: usize = 16;

/// The head of a path that begins in the DF of the application that was selected by its AID, where
/// nobody knows how that is reached from the MF. The standard reserves the identifier for the
/// current DF (ISO/IEC 7816-4 §7.3.2).
pub(crate) const APPLICATION: FilePath = FilePath::CURRENT_DF;

const BY_FILE_ID: u8 = 0x00;
const BY_DF_ID_BELOW: u8 = 0x01;
const BY_FILE_ID_BELOW: u8 = 0x02;
const BY_NAME: u8 = 0x04;
const BY_PATH: u8 = 0x08;
const NEXT: u8 = 0x02;
const WITH_FCI: u8 = 0x00;
const WITHOUT_FCI: u8 = 0x0C;

impl<C: Channel + ?Sized> Files<'_, C> {
    /// Selects the file at `path` and says what the card says of it. `path` is absolute,
    /// with or without 3F00 in front.
    ///
    /// The path goes out without 3F00, as ISO/IEC 7816-4 §7.3.2 wants it; a card that refuses
    /// this form gets the path file by file. A path that begins with 3FFF begins in the DF of the
    /// application that this session has selected by its AID.
    ///
    /// # Errors
    /// No such file ([`ErrorKind::NotFound`]), a path that cannot be, or another refusal.
    pub fn select(&mut self, path: &FilePath) -> Result<FileInfo, CardError> {
        self.select_with(path, WITH_FCI)
    }

    /// The same, without asking for a description: one exchange less under T=0.
    ///
    /// # Errors
    /// As for [`Files::select`].
    pub fn select_silently(&mut self, path: &FilePath) -> Result<(), CardError> {
        self.select_with(path, WITHOUT_FCI).map(drop)
    }

    /// The same, with the warning that the card gives, if it does.
    ///
    /// # Errors
    /// As for [`Files::select`].
    pub(crate) fn select_undescribed(&mut self, path: &FilePath) -> Result<FileInfo, CardError> {
        self.select_with(path, WITHOUT_FCI)
    }

    /// Selects the DF at `path`, unless the session knows that it is selected.
    ///
    /// # Errors
    /// As for [`Files::select`].
    pub(crate) fn select_df(&mut self, path: &FilePath) -> Result<(), CardError> {
        let there = |shelf: &&mut Shelf| shelf.selected.as_ref() == Some(path);
        if self.shelf.as_ref().is_some_and(there) {
            return Ok(());
        }
        self.select_silently(path)?;
        if let Some(shelf) = &mut self.shelf {
            shelf.selected = Some(path.clone());
        }
        Ok(())
    }

    /// Selects an application by its identifier (AID).
    ///
    /// # Errors
    /// The card has no such application ([`ErrorKind::NotFound`]), or another refusal.
    pub fn select_application(&mut self, aid: &[u8]) -> Result<FileInfo, CardError> {
        let doing = format!("select the application {}", hex::encode_upper(aid));
        let command = Command::new(instruction::SELECT, BY_NAME, WITH_FCI)
            .with_data(aid)
            .expecting_any();
        self.leave_home();
        self.select_by(&doing, command, WITH_FCI)
    }

    /// Selects the next application, behind the one that is selected now, whose identifier begins so
    /// (ISO/IEC 7816-4 §11.2.2, P2: next occurrence).
    ///
    /// # Errors
    /// As for [`Files::select_application`].
    pub(crate) fn select_next_application(&mut self, aid: &[u8]) -> Result<FileInfo, CardError> {
        let doing = format!("select the next application {}", hex::encode_upper(aid));
        let command = Command::new(instruction::SELECT, BY_NAME, WITH_FCI | NEXT)
            .with_data(aid)
            .expecting_any();
        self.leave_home();
        let response = self.send(&doing, &command)?;
        match response.status() {
            StatusWord::SUCCESS => Ok(FileInfo::parse(response.data())),
            status if status.is_warning() => Ok(FileInfo {
                warning: Some(status),
                ..FileInfo::parse(response.data())
            }),
            status => Err(CardError::refused(&doing, &command, status)),
        }
    }

    /// Selects the file at the path `below` the DF of the application with this AID, which is
    /// selected first; an empty path is that DF.
    ///
    /// # Errors
    /// As for [`Files::select_application`] and [`Files::select`].
    pub fn select_in_application_of(
        &mut self,
        aid: &[u8],
        below: &FilePath,
    ) -> Result<FileInfo, CardError> {
        let mut info = self.select_application(aid)?;
        for fid in below.fids() {
            let doing = format!(
                "select {below} in the application {}",
                hex::encode_upper(aid)
            );
            info = self.select_exactly(&doing, fid)?;
        }
        Ok(info)
    }

    /// Selects the file with this identifier in the current DF, and none beside or around it, which
    /// a SELECT by identifier alone may find. A card that does not know the forms for that gets this.
    fn select_exactly(&mut self, doing: &str, fid: Fid) -> Result<FileInfo, CardError> {
        let by = |p1| command(p1, &fid.bytes(), WITH_FCI);
        match self.select_by(doing, by(BY_FILE_ID_BELOW), WITH_FCI) {
            Err(error) if error.status().is_some_and(says_other_form) => {
                self.select_by(doing, by(BY_FILE_ID), WITH_FCI)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match self.select_by(doing, by(BY_DF_ID_BELOW), WITH_FCI) {
                    Err(other) if other.status().is_some_and(says_other_form) => Err(error),
                    other => other,
                }
            }
            other => other,
        }
    }

    /// Selects the file with this identifier in the current DF.
    fn select_child(&mut self, doing: &str, fid: Fid, answer: u8) -> Result<FileInfo, CardError> {
        let by_id = command(BY_FILE_ID, &fid.bytes(), answer);
        match self.select_by(doing, by_id, answer) {
            Err(error) if error.status().is_some_and(says_other_form) => {
                let command = command(BY_FILE_ID_BELOW, &fid.bytes(), answer);
                self.select_by(doing, command, answer)
            }
            other => other,
        }
    }

    /// Selects the application of this session anew, if it has one: after a reset, and when another
    /// program may have selected another one.
    ///
    /// # Errors
    /// As for [`Files::select_application`].
    pub(crate) fn return_to_application(&mut self) -> Result<(), CardError> {
        let aid = self
            .shelf
            .as_ref()
            .and_then(|shelf| shelf.application.clone());
        let Some(aid) = aid else { return Ok(()) };
        self.select_application(&aid)?;
        if let Some(shelf) = &mut self.shelf {
            shelf.at_home = true;
        }
        Ok(())
    }

    fn leave_home(&mut self) {
        if let Some(shelf) = &mut self.shelf {
            shelf.at_home = false;
        }
    }

    /// Selects the file at the path `below` the DF of the application, file by file. The application
    /// itself is selected anew only where its DF is not the current one: that may make a card forget
    /// which PINs are verified.
    fn select_in_application(
        &mut self,
        doing: &str,
        below: &FilePath,
        answer: u8,
    ) -> Result<FileInfo, CardError> {
        let shelf = self.shelf.as_ref();
        if shelf.is_none_or(|shelf| shelf.application.is_none()) {
            return Err(CardError::new(
                ErrorKind::Invalid,
                format!("cannot {doing}: no application is selected"),
            ));
        }
        if !shelf.is_some_and(|shelf| shelf.at_home) {
            self.return_to_application()?;
        }
        let mut info = FileInfo::default();
        for fid in below.fids() {
            self.leave_home();
            info = self.select_child(doing, fid, answer)?;
        }
        // The current DF stays what it was when an EF in it is selected.
        if let Some(shelf) = &mut self.shelf {
            shelf.at_home = below.is_empty() || (below.fids().count() == 1 && info.is_ef());
        }
        Ok(info)
    }

    /// Whether there is a file at `path`.
    ///
    /// # Errors
    /// The card answered neither "selected" nor "not found".
    pub fn exists(&mut self, path: &FilePath) -> Result<bool, CardError> {
        match self.select_silently(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn select_with(&mut self, path: &FilePath, answer: u8) -> Result<FileInfo, CardError> {
        let below = path.below_master_file();
        let doing = format!("select {}", path);
        let length = path.as_bytes().len();
        if path.is_empty() || length > MAX_PATH || !path.is_whole() {
            return Err(CardError::new(
                ErrorKind::Invalid,
                format!(
                    "cannot {doing}: the path has {length} bytes; it must have two for each file, \
                     and at most {MAX_PATH}"
                ),
            ));
        }
        if let Some(below) = path.strip_prefix(&APPLICATION) {
            return self.select_in_application(&doing, &below, answer);
        }
        self.leave_home();
        if below.is_empty() {
            return self.select_by(&doing, master_file(answer), answer);
        }
        let result = self.select_by(&doing, command(BY_PATH, below, answer), answer);
        match result {
            Err(error) if error.status().is_some_and(says_other_form) => {
                self.select_step_by_step(&doing, path, answer)
            }
            other => other,
        }
    }

    /// The MF first, then each file on the way by its identifier.
    fn select_step_by_step(
        &mut self,
        doing: &str,
        path: &FilePath,
        answer: u8,
    ) -> Result<FileInfo, CardError> {
        let mut info = self.select_by(doing, master_file(answer), answer)?;
        let below = path.fids().skip(usize::from(path.is_absolute()));
        for fid in below {
            let command = command(BY_FILE_ID, &fid.bytes(), answer);
            info = self.select_by(doing, command, answer)?;
        }
        Ok(info)
    }

    /// Sends one SELECT. A card that refuses "no description" (P2 = 0C) is asked for one, and a
    /// card that refuses to give one is asked for none.
    fn select_by(
        &mut self,
        doing: &str,
        command: Command,
        answer: u8,
    ) -> Result<FileInfo, CardError> {
        let mut sent = command;
        let mut response = self.send(doing, &sent)?;
        if matches!(
            response.status(),
            StatusWord::INCORRECT_P1_P2 | StatusWord::WRONG_P1_P2
        ) {
            let other = answer ^ WITH_FCI ^ WITHOUT_FCI;
            sent = self::command(sent.p1(), sent.data(), other);
            response = self.send(doing, &sent)?;
        }
        let status = response.status();
        match status {
            StatusWord::SUCCESS => Ok(FileInfo::parse(response.data())),
            // A warning is given after the command was carried out (ISO/IEC 7816-4 §5.6).
            _ if status.is_warning() => Ok(FileInfo {
                warning: Some(status),
                ..FileInfo::parse(response.data())
            }),
            StatusWord::FILE_NOT_FOUND => {
                Err(CardError::refused(doing, &sent, status).with_kind(ErrorKind::NotFound))
            }
            _ => Err(CardError::refused(doing, &sent, status)),
        }
    }
}

fn master_file(answer: u8) -> Command {
    command(BY_FILE_ID, &Fid::MASTER_FILE.bytes(), answer)
}

fn command(by: u8, data: &[u8], answer: u8) -> Command {
    let command = Command::new(instruction::SELECT, by, answer).with_data(data);
    if answer == WITH_FCI {
        command.expecting_any()
    } else {
        command
    }
}

/// Whether a refusal is about the form of the command, not about the file.
fn says_other_form(status: StatusWord) -> bool {
    matches!(
        status,
        StatusWord::INCORRECT_P1_P2
            | StatusWord::WRONG_P1_P2
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::NC_INCONSISTENT_P1_P2
    )
}
