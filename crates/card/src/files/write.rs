//! Changing files: UPDATE BINARY (ISO/IEC 7816-4 §11.3.5), CREATE and DELETE FILE (7816-9).

use kortlab_apdu::{Channel, Command, FilePath, StatusWord, instruction};

use super::{Files, carried_out};
use crate::error::{CardError, ErrorKind};

/// The most bytes one UPDATE BINARY writes. Short blocks only: cards program them atomically,
/// and every reader carries them.
pub const UPDATE_BLOCK: usize = 255;

/// The last offset that P1-P2 can say.
const MAX_OFFSET: usize = 0x7FFF;

impl<C: Channel + ?Sized> Files<'_, C> {
    /// Selects the transparent EF at `path` and writes `data` from byte `offset` on, in blocks of
    /// [`UPDATE_BLOCK`] bytes. Gives the warnings with which the card answers, each once: it gives them
    /// after a block was written (63Cx: after it had to try again), which reading it back shows.
    ///
    /// # Errors
    /// It cannot be selected, the card refuses, or the offset is out of reach. What was written
    /// before a refusal stays written.
    pub fn update(
        &mut self,
        path: &FilePath,
        offset: usize,
        data: &[u8],
    ) -> Result<Vec<StatusWord>, CardError> {
        if let Some(shelf) = &mut self.shelf {
            shelf.forget(path);
        }
        self.select_silently(path)?;
        self.write_blocks(&path.to_string(), offset, data)
    }

    /// The same in the selected EF, which is called `name` in errors.
    ///
    /// # Errors
    /// As for [`Files::update`].
    pub fn update_selected(
        &mut self,
        name: &str,
        offset: usize,
        data: &[u8],
    ) -> Result<Vec<StatusWord>, CardError> {
        if let Some(shelf) = &mut self.shelf {
            shelf.before(&Command::new(instruction::UPDATE_BINARY, 0, 0));
        }
        self.write_blocks(name, offset, data)
    }

    fn write_blocks(
        &mut self,
        name: &str,
        offset: usize,
        data: &[u8],
    ) -> Result<Vec<StatusWord>, CardError> {
        let end = offset.saturating_add(data.len());
        if end > MAX_OFFSET + 1 {
            return Err(CardError::new(
                ErrorKind::Invalid,
                format!("cannot write {name}: byte {end} is beyond what UPDATE BINARY reaches"),
            ));
        }
        let mut warnings = Vec::new();
        let mut at = offset;
        for block in data.chunks(UPDATE_BLOCK) {
            let [p1, p2] = u16::try_from(at).unwrap_or(u16::MAX).to_be_bytes();
            let command = Command::new(instruction::UPDATE_BINARY, p1, p2).with_data(block);
            let doing = format!("write {name} at byte {at}");
            let response = self.exchange(&doing, &command)?;
            let warning = carried_out(&doing, &command, &response)?;
            warnings.extend(warning.filter(|warning| !warnings.contains(warning)));
            at += block.len();
        }
        Ok(warnings)
    }
}
