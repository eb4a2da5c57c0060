//! SCardSetAttrib.

use crate::{Client, Code, Refusal};

impl Client {
    /// Sets an attribute of the reader. It has none that can be set.
    ///
    /// # Errors
    /// Always: [`Code::UNSUPPORTED_FEATURE`] if nothing else is in the way.
    pub fn set_attrib(&self, handle: u32, _attribute: u32, _value: &[u8]) -> Result<(), Refusal> {
        let reader = self.reader(handle)?;
        self.check_free(&reader, handle)?;
        let sharing = reader.sharing();
        sharing.check_reader()?;
        sharing.check_event_of(handle)?;
        Err(Code::UNSUPPORTED_FEATURE.into())
    }
}
