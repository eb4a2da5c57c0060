//! Reading transparent EFs (READ BINARY, ISO/IEC 7816-4 §11.3.3).

use kortlab_apdu::{Channel, Command, Protocol, StatusWord, instruction};

use super::{FileInfo, Files, MAX_FILE, path_text};
use crate::error::{CardError, ErrorKind};

/// The most bytes one short READ BINARY brings.
const SHORT_READ: usize = 256;

/// The last offset that P1-P2 can say; with P1's high bit set it would mean a short file
/// identifier.
const MAX_OFFSET: usize = 0x7FFF;

/// What was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What the card said of the file when it was selected.
    pub info: FileInfo,
    /// Its bytes.
    pub data: Vec<u8>,
    /// What was odd on the way, in words: the file ended before the size that the card gives, or
    /// went on after it, or the card warned of damage.
    pub remarks: Vec<String>,
}

impl<C: Channel + ?Sized> Files<'_, C> {
    /// Selects the transparent EF at `path` and reads all of it.
    ///
    /// It is read to the size that the card gives, or to its end where the card gives none; never
    /// more than [`MAX_FILE`] bytes.
    ///
    /// # Errors
    /// It cannot be selected or read, or the card's answers bring no progress.
    pub fn read(&mut self, path: &[u8]) -> Result<Content, CardError> {
        let info = self.select(path)?;
        let (data, remarks) = self.read_selected(&path_text(path), info.size())?;
        Ok(Content {
            info,
            data,
            remarks,
        })
    }

    /// Reads the selected EF, which is called `name` in errors: `size` bytes if that is known, else
    /// to its end.
    ///
    /// # Errors
    /// As for [`Files::read`].
    pub fn read_selected(
        &mut self,
        name: &str,
        size: Option<usize>,
    ) -> Result<(Vec<u8>, Vec<String>), CardError> {
        let mut data = Vec::new();
        let mut remarks = Vec::new();
        let goal = size.unwrap_or(MAX_FILE).min(MAX_FILE);
        if let Some(size) = size.filter(|&size| size > MAX_FILE) {
            remarks.push(format!(
                "the card says {name} has {size} bytes; only {MAX_FILE} can be read"
            ));
        }
        let step = self.read_step();
        while data.len() < goal && data.len() <= MAX_OFFSET {
            let wanted = (goal - data.len()).min(step);
            match self.read_block(name, data.len(), wanted)? {
                Block::Data(block) => data.extend_from_slice(&block),
                Block::Damaged(block) => {
                    remarks.push(format!(
                        "the card warns that {name} may be corrupted from byte {} on (6281)",
                        data.len()
                    ));
                    data.extend_from_slice(&block);
                }
                Block::Last(block) => {
                    data.extend_from_slice(&block);
                    break;
                }
            }
        }
        if let Some(size) = size.filter(|&size| data.len() < size.min(MAX_FILE)) {
            remarks.push(format!(
                "{name} ends after {} bytes; the card says it has {size}",
                data.len()
            ));
        }
        Ok((data, remarks))
    }

    /// How many bytes to ask for at once: more than 256 only where extended length is carried.
    fn read_step(&self) -> usize {
        match (self.channel.protocol(), self.channel.max_command_data()) {
            (Protocol::T1, more) if more > 255 => more.clamp(SHORT_READ, 2048),
            _ => SHORT_READ,
        }
    }

    fn read_block(&mut self, name: &str, offset: usize, wanted: usize) -> Result<Block, CardError> {
        let doing = format!("read {name} at byte {offset}");
        let [p1, p2] = u16::try_from(offset).unwrap_or(u16::MAX).to_be_bytes();
        let ne = u32::try_from(wanted).unwrap_or(u32::MAX);
        let mut command = Command::new(instruction::READ_BINARY, p1, p2).expecting(ne);
        let mut response = self.send(&doing, &command)?;
        if response.status() == StatusWord::WRONG_LENGTH && wanted != SHORT_READ {
            // Some cards take only Le = 00, others no extended length whatever the reader carries.
            command = command.expecting_any();
            response = self.send(&doing, &command)?;
        }
        let status = response.status();
        let mut block = response.into_data();
        if block.len() > wanted {
            block.truncate(wanted);
        }
        match status {
            StatusWord::SUCCESS if block.is_empty() => {
                Err(
                    CardError::nonsense(&doing, &command, "success, and not one byte of data")
                        .hint("read it again; if it stays so, the file or the card is damaged"),
                )
            }
            StatusWord::SUCCESS => Ok(Block::Data(block)),
            StatusWord::CORRUPTED_DATA if !block.is_empty() => Ok(Block::Damaged(block)),
            StatusWord::END_OF_FILE => Ok(Block::Last(block)),
            // The offset is at, or behind, the end of the file; of an empty one, already 0 is.
            StatusWord::WRONG_P1_P2 => Ok(Block::Last(Vec::new())),
            StatusWord::NO_CURRENT_EF | StatusWord::INCOMPATIBLE_FILE => {
                Err(CardError::refused(&doing, &command, status)
                    .with_kind(ErrorKind::Unsupported)
                    .hint("it is no transparent file; read its records, or list it"))
            }
            _ => Err(CardError::refused(&doing, &command, status)),
        }
    }
}

enum Block {
    Data(Vec<u8>),
    Damaged(Vec<u8>),
    Last(Vec<u8>),
}
