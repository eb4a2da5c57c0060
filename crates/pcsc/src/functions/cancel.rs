//! SCardCancel.

use crate::{Client, Code};

impl Client {
    /// Ends the wait of a context, which may be, and usually is, another client's.
    ///
    /// # Errors
    /// There is no such context, or it does not wait.
    pub fn cancel(&self, context: u32) -> Result<(), Code> {
        let client = self.service.registry().contexts.get(&context).copied();
        let waiting = client.and_then(|client| self.service.stop_waiting(client));
        waiting.ok_or(Code::INVALID_HANDLE)?.wake(Code::CANCELLED);
        Ok(())
    }
}
