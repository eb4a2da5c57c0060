//! SCardDisconnect.

use crate::letting_go::let_go;
use crate::{Client, Disposition, Refusal};

impl Client {
    /// Ends a handle, with its transactions.
    ///
    /// # Errors
    /// No such handle; another handle is in a transaction, and the card is to be reset.
    pub fn disconnect(&mut self, handle: u32, disposition: Disposition) -> Result<(), Refusal> {
        let reader = self.reader(handle)?;
        if disposition.resets().is_some() {
            self.check_free(&reader, handle)?;
        }
        let_go(&reader, handle, disposition);
        self.handles.remove(&handle);
        self.service.registry().forget_handle(handle);
        self.service.changed();
        Ok(())
    }
}
