//! SCardEstablishContext.

use crate::{Client, Code};

impl Client {
    /// Establishes a context; a client has one, and a further one takes its place. `scope` is
    /// user, terminal, system or global, which means nothing.
    ///
    /// # Errors
    /// There is no such scope.
    pub fn establish_context(&mut self, scope: u32) -> Result<u32, Code> {
        if scope > 3 {
            return Err(Code::INVALID_VALUE);
        }
        let mut registry = self.service.registry();
        if let Some(context) = self.context.take() {
            registry.contexts.remove(&context);
        }
        let context = registry.new_context(self.id);
        self.context = Some(context);
        Ok(context)
    }
}
