//! SCardReleaseContext.

use crate::{Client, Code};

impl Client {
    /// Ends a context, its handles, its transactions, and its wait. A card that was in the middle
    /// of a transaction is reset.
    ///
    /// # Errors
    /// There is no context, or it is another one.
    pub fn release_context(&mut self, context: u32) -> Result<(), Code> {
        match self.context {
            None => Err(Code::INVALID_HANDLE),
            Some(own) if own != context => Err(Code::INVALID_VALUE),
            Some(_) => {
                self.end_all();
                Ok(())
            }
        }
    }
}
