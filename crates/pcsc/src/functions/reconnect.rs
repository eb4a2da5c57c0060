//! SCardReconnect.

use super::connect::choose;
use crate::terms::state;
use crate::{Client, Code, Disposition, Protocols, Refusal, ShareMode};

impl Client {
    /// Connects a handle anew: in another share mode, with another protocol, after a reset, or to
    /// hear no more that somebody else reset the card. Gives the protocol.
    ///
    /// # Errors
    /// As for [`Client::connect`]; the card does not answer the reset.
    pub fn reconnect(
        &mut self,
        handle: u32,
        share: ShareMode,
        preferred: Protocols,
        initialization: Disposition,
    ) -> Result<Protocols, Refusal> {
        if initialization == Disposition::Eject {
            return Err(Code::INVALID_VALUE.into());
        }
        if share != ShareMode::Direct && !preferred.names_any() {
            return Err(Code::PROTO_MISMATCH.into());
        }
        let reader = self.reader(handle)?;
        reader.sharing().check_reader()?;
        self.check_free(&reader, handle)?;
        let mut slot = reader.slot();
        if reader.sharing().is_empty() {
            return Err(Code::NO_SMARTCARD.into());
        }
        if let Some(kind) = initialization.resets() {
            slot.renew(&reader, kind)?;
        } else {
            let seen = reader.sharing().public.state;
            if seen & state::SWALLOWED != 0 {
                return Err(Code::UNRESPONSIVE_CARD.into());
            }
            if share != ShareMode::Direct && !slot.is_powered() {
                slot.power_on(&reader)?;
            }
        }
        let protocol = choose(&reader, &slot, share, preferred)?;
        {
            // The card is still held: what happens to it from now on is heard of the next time.
            let mut sharing = reader.sharing();
            sharing.set_exclusive(handle, share == ShareMode::Exclusive)?;
            sharing.heard(handle);
        }
        drop(slot);
        self.service.changed();
        Ok(protocol)
    }
}
