//! What becomes of a card when a handle to it ends, told to (SCardDisconnect) or not.

use crate::reader::{Event, Reader};
use crate::service::Service;
use crate::terms::{Disposition, state};

/// Ends a handle at its reader, with its transactions.
pub(crate) fn let_go(reader: &Reader, handle: u32, disposition: Disposition) {
    let resets = disposition.resets().is_some();
    let holds = reader.sharing().holder() == Some(handle);
    if resets || holds {
        let mut slot = reader.slot();
        if holds && let Some(card) = &mut slot.card {
            let _ = card.end_exclusive();
        }
        if resets && !reader.sharing().is_empty() {
            reader.sharing().happened(Event::Reset);
        }
        match disposition {
            Disposition::Reset => {
                let _ = slot.reset(reader);
            }
            Disposition::Unpower => {
                let present = !reader.sharing().is_empty();
                if slot.power_off(reader).is_ok() && present {
                    reader.sharing().public.state = state::PRESENT;
                }
            }
            _ => {}
        }
    }
    // Only now is the card free for those who wait for it: before, they would hear of the reset in the
    // middle of a transaction, and who wants the card for himself would still find it shared.
    reader.sharing().remove(handle);
}

/// What becomes of a handle whose client is gone: a card that it held is reset, unless somebody
/// has done that already.
pub(crate) fn at_the_end(service: &Service, reader: &Reader, handle: u32) {
    let disposition = {
        let sharing = reader.sharing();
        let held = sharing.holder() == Some(handle);
        match held && sharing.check_event_of(handle).is_ok() {
            true => Disposition::Reset,
            false => Disposition::Leave,
        }
    };
    let_go(reader, handle, disposition);
    service.registry().forget_handle(handle);
    service.changed();
}
