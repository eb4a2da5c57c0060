//! SCardStatus.

use crate::{Client, Refusal};

impl Client {
    /// Whether a handle is still of use; what the reader looks like is in
    /// [`Service::reader_states`](crate::Service::reader_states).
    ///
    /// # Errors
    /// No such handle, somebody reset the card or pulled it out, or another handle is in a
    /// transaction ([`Refusal::Held`]).
    pub fn status(&self, handle: u32) -> Result<(), Refusal> {
        let reader = self.reader(handle)?;
        self.check_free(&reader, handle)?;
        let sharing = reader.sharing();
        sharing.check_event_of(handle)?;
        sharing.check_reader()?;
        Ok(())
    }
}
