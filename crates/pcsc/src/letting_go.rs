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
        {
            // Without a moment between the two: whoever waits for the card would begin a
            // transaction in it, and hear of the reset in its middle.
            let mut sharing = reader.sharing();
            if resets && !sharing.is_empty() {
                sharing.happened(Event::Reset);
            }
            sharing.unhold_all(handle);
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
