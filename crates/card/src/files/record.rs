//! Reading EFs of records (READ RECORD, ISO/IEC 7816-4 §11.4.3).

use kortlab_apdu::{Channel, Command, FilePath, StatusWord, instruction};

use super::{FileInfo, Files, MAX_FILE, MAX_RECORDS, Remark};
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};

/// P2: the record with the number in P1, of the current EF.
const BY_NUMBER: u8 = 0x04;

/// What is wrong with an answer without data.
const NOTHING: &str = "success, and not one byte of data";

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
                Err(CardError::nonsense(&doing, &command, NOTHING))
            }
            status => Err(CardError::refused(&doing, &command, status)),
        }
    }

    /// Selects the EF at `path` and reads its records, the first one first, up to that which is not
    /// there.
    ///
    /// # Errors
    /// It cannot be selected, its first record cannot be read, or the card is gone.
    pub fn read_records(&mut self, path: &FilePath) -> Result<Records, CardError> {
        let info = self.select(path)?;
        let mut read = Records {
            info,
            records: Vec::new(),
            remarks: Vec::new(),
            ended: None,
        };
        if let Some(warning) = read.info.warning {
            read.remarks.push(Remark::of_selecting(path, warning));
        }
        let mut total = 0;
        for number in 1..=MAX_RECORDS {
            let doing = format!("read record {number} of {path}");
            let command = Command::new(instruction::READ_RECORD, number, BY_NUMBER).expecting_any();
            let response = match self.send(&doing, &command) {
                Ok(response) => response,
                Err(error) if number == 1 || is_final(&error) => return Err(error),
                Err(error) => {
                    read.ended = Some(error);
                    break;
                }
            };
            let status = response.status();
            match status {
                StatusWord::SUCCESS | StatusWord::END_OF_FILE if !response.data().is_empty() => {}
                // A warning is given after the command was carried out (ISO/IEC 7816-4 §5.6).
                _ if status.is_warning() && !response.data().is_empty() => {
                    read.remarks.push(Remark::of_record(path, status, number));
                }
                StatusWord::RECORD_NOT_FOUND => break,
                // As cards say, too, that no record has this number.
                StatusWord::INCORRECT_P1_P2 | StatusWord::WRONG_P1_P2 if number > 1 => break,
                _ => {
                    let error = match status {
                        StatusWord::SUCCESS | StatusWord::END_OF_FILE => {
                            CardError::nonsense(&doing, &command, NOTHING)
                        }
                        _ => CardError::refused(&doing, &command, status),
                    };
                    if number == 1 {
                        return Err(error);
                    }
                    read.ended = Some(error);
                    break;
                }
            }
            total += response.data().len();
            if total > MAX_FILE {
                let message = format!(
                    "the records of {path} are longer than {MAX_FILE} bytes together; those from \
                     {number} on are not read"
                );
                read.ended = Some(CardError::new(ErrorKind::Nonsense, message));
                break;
            }
            read.records.push(response.into_data());
        }
        Ok(read)
    }
}

/// What was read from a file of records.
#[derive(Clone, Debug)]
pub struct Records {
    /// What the card said of the file when it was selected.
    pub info: FileInfo,
    /// The records, the first one first.
    pub records: Vec<Vec<u8>>,
    /// What was odd on the way: the card warned of damage.
    pub remarks: Vec<Remark>,
    /// What ended the reading before the last record, if something did.
    pub ended: Option<CardError>,
}
