//! SCardBeginTransaction.

use crate::{Client, Refusal};

impl Client {
    /// Begins a transaction: until it ends, no other handle reaches the card. A handle may begin
    /// several, one in the other.
    ///
    /// # Errors
    /// No such handle, somebody reset the card, or another handle is in a transaction
    /// ([`Refusal::Held`]).
    pub fn begin_transaction(&self, handle: u32) -> Result<(), Refusal> {
        let reader = self.reader(handle)?;
        {
            let mut sharing = reader.sharing();
            sharing.check_reader()?;
            sharing.check_event_of(handle)?;
            let free = sharing.check_free_for(handle);
            free.map_err(|held| held.for_client(&self.own_handles()))?;
            sharing.hold(handle);
        }
        let mut slot = reader.slot();
        let begun = slot.card.as_mut().map(|card| card.begin_exclusive());
        if let Some(Err(error)) = begun {
            let _ = reader.sharing().unhold(handle);
            return Err(reader.failed(&error).into());
        }
        Ok(())
    }
}
