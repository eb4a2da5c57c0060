//! Reading EFs of records (READ RECORD, ISO/IEC 7816-4 §11.4.3).

use kortlab_apdu::{Channel, Command, FilePath, StatusWord, instruction};

use super::{FileInfo, Files, MAX_FILE, MAX_RECORDS};
use crate::error::CardError;

/// P2: the record with the number in P1, of the current EF.
const BY_NUMBER: u8 = 0x04;

impl<C: Channel + ?Sized> Files<'_, C> {
    /// Selects the EF at `path` and reads the record with this number.
    ///
    /// # Errors
    /// It cannot be selected, or has no such record, or an empty one.
    pub(crate) fn read_record(
        &mut self,
        path: &FilePath,
        number: u8,
    ) -> Result<Vec<u8>, CardError> {
        self.select(path)?;
        let doing = format!("read record {number} of {path}");
        let command = Command::new(instruction::READ_RECORD, number, BY_NUMBER).expecting_any();
        let response = self.send(&doing, &command)?;
        match response.status() {
            StatusWord::SUCCESS | StatusWord::END_OF_FILE if !response.data().is_empty() => {
                Ok(response.into_data())
            }
            StatusWord::SUCCESS | StatusWord::END_OF_FILE => {
                let what = "success, and not one byte of data";
                Err(CardError::nonsense(&doing, &command, what))
            }
            status => Err(CardError::refused(&doing, &command, status)),
        }
    }

    /// Selects the EF at `path` and reads its records, the first one first.
    ///
    /// # Errors
    /// It cannot be selected, or it has no records.
    pub fn read_records(&mut self, path: &FilePath) -> Result<(FileInfo, Vec<Vec<u8>>), CardError> {
        let info = self.select(path)?;
        let mut records = Vec::new();
        let mut total = 0;
        for number in 1..=MAX_RECORDS {
            let doing = format!("read record {number} of {}", path);
            let command = Command::new(instruction::READ_RECORD, number, BY_NUMBER).expecting_any();
            let response = self.send(&doing, &command)?;
            match response.status() {
                StatusWord::SUCCESS | StatusWord::END_OF_FILE | StatusWord::CORRUPTED_DATA => {
                    total += response.data().len();
                    if total > MAX_FILE {
                        break;
                    }
                    records.push(response.into_data());
                }
                StatusWord::RECORD_NOT_FOUND => break,
                _ if number > 1 => break,
                status => return Err(CardError::refused(&doing, &command, status)),
            }
        }
        Ok((info, records))
    }
}
