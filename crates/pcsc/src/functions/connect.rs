//! SCardConnect.

use crate::reader::{Reader, Slot};
use crate::terms::state;
use crate::{Client, Code, Protocols, Refusal, ShareMode};

/// The most handles of one client.
const MAX_HANDLES: usize = 200;

impl Client {
    /// Connects to the card in a reader, or to the reader alone. Gives the handle and the protocol.
    ///
    /// # Errors
    /// There is no such reader, no card, or no protocol in common; another handle has the card to
    /// itself ([`Code::SHARING_VIOLATION`]) or is in a transaction ([`Refusal::Held`]).
    pub fn connect(
        &mut self,
        reader: &str,
        share: ShareMode,
        preferred: Protocols,
    ) -> Result<(u32, Protocols), Refusal> {
        if share != ShareMode::Direct && !preferred.names_any() {
            return Err(Code::PROTO_MISMATCH.into());
        }
        let reader = self.service.find(reader).ok_or(Code::UNKNOWN_READER)?;
        {
            let sharing = reader.sharing();
            sharing.check_reader()?;
            if sharing.public.sharing == -1 {
                return Err(Code::SHARING_VIOLATION.into());
            }
            let free = sharing.check_free_for(0);
            free.map_err(|held| held.for_client(&self.own_handles()))?;
        }
        if self.context.is_none() {
            return Err(Code::INVALID_HANDLE.into());
        }
        if self.handles.len() >= MAX_HANDLES {
            return Err(Code::NO_MEMORY.into());
        }
        let mut slot = reader.slot();
        let idle = reader.sharing().is_idle_for(self.service.grace());
        if idle {
            // It goes with the power, which pcscd would have taken.
            reader.sharing().forget_protocol();
        }
        if share != ShareMode::Direct {
            if reader.sharing().public.state & state::PRESENT == 0 {
                return Err(Code::NO_SMARTCARD.into());
            }
            if idle || !slot.is_powered() {
                // pcscd says the same of a card that does not answer as of one without power.
                slot.power_on(&reader).map_err(|code| match code {
                    Code::UNRESPONSIVE_CARD => Code::UNPOWERED_CARD,
                    code => code,
                })?;
            }
        }
        let protocol = choose(&reader, &slot, share, preferred)?;
        let handle = self.service.registry().new_handle();
        let added = reader.sharing().add(handle, share == ShareMode::Exclusive);
        if let Err(code) = added {
            self.service.registry().forget_handle(handle);
            return Err(code.into());
        }
        drop(slot);
        self.handles.insert(handle, reader);
        self.service.changed();
        Ok((handle, protocol))
    }
}

/// Chooses a protocol, unless that is done already, and shows it.
pub(super) fn choose(
    reader: &Reader,
    slot: &Slot,
    share: ShareMode,
    preferred: Protocols,
) -> Result<Protocols, Code> {
    let mut sharing = reader.sharing();
    let chosen = &mut sharing.public.protocol;
    if preferred.intersects(Protocols::RAW) {
        *chosen = Protocols::RAW;
    } else if share != ShareMode::Direct {
        if *chosen == Protocols::UNDEFINED {
            let card = slot.card.as_ref().ok_or(Code::NO_SMARTCARD)?;
            let spoken = Protocols::from(card.protocol());
            if !preferred.spelt_out().intersects(spoken) {
                return Err(Code::PROTO_MISMATCH);
            }
            *chosen = spoken;
        } else if !preferred.intersects(*chosen) {
            return Err(Code::PROTO_MISMATCH);
        }
    }
    Ok(*chosen)
}
