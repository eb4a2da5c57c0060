//! SCardEndTransaction.

use crate::{Client, Code, Disposition, Refusal};

impl Client {
    /// Ends a transaction. After a reset every handle hears of it, this one too.
    ///
    /// # Errors
    /// No such handle, somebody reset the card, another handle is in a transaction, or none is.
    pub fn end_transaction(&self, handle: u32, disposition: Disposition) -> Result<(), Refusal> {
        let reader = self.reader(handle)?;
        reader.sharing().check_event_of(handle)?;
        let resets = disposition.resets();
        let mut done = Ok(());
        if disposition != Disposition::Leave {
            let free = reader.sharing().check_free_for(handle);
            free.map_err(|_| Code::SHARING_VIOLATION)?;
        }
        if let Some(kind) = resets {
            let mut slot = reader.slot();
            let empty = reader.sharing().is_empty();
            done = match empty {
                true => Err(Code::NO_SMARTCARD),
                false => slot.renew(&reader, kind),
            };
        }
        let ended = {
            let mut sharing = reader.sharing();
            sharing.unhold(handle).map(|()| sharing.holder().is_none())
        };
        if ended == Ok(true)
            && let Some(card) = &mut reader.slot().card
        {
            let _ = card.end_exclusive();
        }
        if resets.is_some() {
            self.service.changed();
        }
        done?;
        Ok(ended.map(drop)?)
    }
}
