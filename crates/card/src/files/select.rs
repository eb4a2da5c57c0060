//! SELECT (ISO/IEC 7816-4 §11.2.2), with what cards need that do not know all its forms.

use kortlab_apdu::{Channel, Command, StatusWord, instruction};

use super::{FileInfo, Files, path_text};
use crate::error::{CardError, ErrorKind};

/// The master file.
const MF: [u8; 2] = [0x3F, 0x00];

/// The longest path that is sent.
const MAX_PATH: usize = 16;

const BY_FILE_ID: u8 = 0x00;
const BY_NAME: u8 = 0x04;
const BY_PATH: u8 = 0x08;
const WITH_FCI: u8 = 0x00;
const WITHOUT_FCI: u8 = 0x0C;

impl<C: Channel + ?Sized> Files<'_, C> {
    /// Selects the file at `path` and says what the card says of it. `path` is absolute: file
    /// identifiers of two bytes each, with or without 3F00 in front.
    ///
    /// The path goes out without 3F00, as ISO/IEC 7816-4 §7.3.2 wants it; a card that refuses
    /// this form gets the path file by file.
    ///
    /// # Errors
    /// No such file ([`ErrorKind::NotFound`]), a path that cannot be, or another refusal.
    pub fn select(&mut self, path: &[u8]) -> Result<FileInfo, CardError> {
        self.select_with(path, WITH_FCI)
    }

    /// The same, without asking for a description: one exchange less under T=0.
    ///
    /// # Errors
    /// As for [`Files::select`].
    pub fn select_silently(&mut self, path: &[u8]) -> Result<(), CardError> {
        self.select_with(path, WITHOUT_FCI).map(drop)
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
        self.select_by(&doing, command, WITH_FCI)
    }

    /// Whether there is a file at `path`.
    ///
    /// # Errors
    /// The card answered neither "selected" nor "not found".
    pub fn exists(&mut self, path: &[u8]) -> Result<bool, CardError> {
        match self.select_silently(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn select_with(&mut self, path: &[u8], answer: u8) -> Result<FileInfo, CardError> {
        let below = path.strip_prefix(&MF).unwrap_or(path);
        let doing = format!("select {}", path_text(path));
        if path.is_empty() || path.len() > MAX_PATH || !path.len().is_multiple_of(2) {
            return Err(CardError::new(
                ErrorKind::Invalid,
                format!(
                    "cannot {doing}: the path has {} bytes; it must have two for each file, and \
                     at most {MAX_PATH}",
                    path.len()
                ),
            ));
        }
        if below.is_empty() {
            return self.select_by(&doing, command(BY_FILE_ID, &MF, answer), answer);
        }
        let result = self.select_by(&doing, command(BY_PATH, below, answer), answer);
        match result {
            Err(error) if error.status().is_some_and(says_other_form) => {
                self.select_step_by_step(&doing, below, answer)
            }
            other => other,
        }
    }

    /// The MF first, then each file on the way by its identifier.
    fn select_step_by_step(
        &mut self,
        doing: &str,
        below: &[u8],
        answer: u8,
    ) -> Result<FileInfo, CardError> {
        let mut info = self.select_by(doing, command(BY_FILE_ID, &MF, answer), answer)?;
        for file_id in below.chunks(2) {
            info = self.select_by(doing, command(BY_FILE_ID, file_id, answer), answer)?;
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
            StatusWord::SUCCESS
            | StatusWord::FILE_DEACTIVATED_WARNING
            | StatusWord::FILE_TERMINATED => Ok(FileInfo::parse(response.data())),
            StatusWord::FILE_NOT_FOUND => {
                Err(CardError::refused(doing, &sent, status).with_kind(ErrorKind::NotFound))
            }
            _ => Err(CardError::refused(doing, &sent, status)),
        }
    }
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
