//! The functions of a handle that carry no data: from SCardConnect to SCardStatus.

use std::ffi::c_char;

use kortlab_pcsc::{Code, Disposition, Protocols, Refusal, ShareMode};

use super::memory::{Room, get, put, text};
use super::{Dword, Long, dword, fork_server, guarded, long, number, word};
use crate::door::{self, Waits};

/// `MAX_READERNAME`: a longer name makes no sense.
const MAX_NAME: usize = 128;

/// SCardConnect.
///
/// # Safety
/// As the [module](super) says; `reader` ends with a zero.
#[unsafe(export_name = "SCardConnect")]
pub unsafe extern "C" fn connect(
    context: Long,
    reader: *const c_char,
    share: Dword,
    preferred: Dword,
    card: *mut Long,
    active: *mut Dword,
) -> Long {
    guarded(|| {
        if card.is_null() || active.is_null() {
            return Err(Code::INVALID_PARAMETER);
        }
        // SAFETY: the caller's contract.
        unsafe { put(card, 0) };
        if reader.is_null() {
            return Err(Code::UNKNOWN_READER);
        }
        // SAFETY: the caller's contract.
        let reader = unsafe { text(reader, MAX_NAME) };
        if reader.len() > MAX_NAME {
            return Err(Code::INVALID_VALUE);
        }
        let context = number(context)?;
        if !door::is_valid(context) {
            return Err(Code::INVALID_HANDLE);
        }
        // SAFETY: the caller's contract.
        unsafe { put(active, 0) };
        fork_server::reached()?;
        let name = std::str::from_utf8(&reader).unwrap_or_default();
        let (share, preferred) = (word(share), Protocols(word(preferred)));
        let (handle, protocol) = door::for_context(context, Waits::ForOthers, |client| {
            let share = ShareMode::for_connecting(share, preferred).map_err(Refusal::from)?;
            client.connect(name, share, preferred)
        })?;
        // SAFETY: the caller's contract.
        unsafe { put(card, long(handle)) };
        // SAFETY: the caller's contract.
        unsafe { put(active, protocol.0.into()) };
        Ok(())
    })
}

/// SCardReconnect.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardReconnect")]
pub unsafe extern "C" fn reconnect(
    card: Long,
    share: Dword,
    preferred: Dword,
    initialization: Dword,
    active: *mut Dword,
) -> Long {
    guarded(|| {
        if active.is_null() {
            return Err(Code::INVALID_PARAMETER);
        }
        let (share, preferred) = (word(share), Protocols(word(preferred)));
        let handle = super::handle(card)?;
        let done = door::for_handle(handle, Waits::AsksAgain, |client| {
            let initialization = Disposition::from_number(word(initialization))?;
            let share = ShareMode::from_number(share)?;
            client.reconnect(handle, share, preferred, initialization)
        });
        // SAFETY: the caller's contract.
        unsafe { put(active, done.unwrap_or_default().0.into()) };
        done.map(drop)
    })
}

/// SCardDisconnect.
///
/// # Safety
/// Any number may be given.
#[unsafe(export_name = "SCardDisconnect")]
pub unsafe extern "C" fn disconnect(card: Long, disposition: Dword) -> Long {
    guarded(|| {
        let handle = number(card)?;
        door::for_handle(handle, Waits::ForOthers, |client| {
            let disposition = Disposition::from_number(word(disposition))?;
            client.disconnect(handle, disposition)
        })
    })
}

/// SCardBeginTransaction.
///
/// # Safety
/// Any number may be given.
#[unsafe(export_name = "SCardBeginTransaction")]
pub unsafe extern "C" fn begin_transaction(card: Long) -> Long {
    guarded(|| {
        let handle = number(card)?;
        door::for_handle(handle, Waits::Always, |client| {
            client.begin_transaction(handle)
        })
    })
}

/// SCardEndTransaction.
///
/// # Safety
/// Any number may be given.
#[unsafe(export_name = "SCardEndTransaction")]
pub unsafe extern "C" fn end_transaction(card: Long, disposition: Dword) -> Long {
    guarded(|| {
        let handle = number(card)?;
        door::for_handle(handle, Waits::AWhile, |client| {
            let disposition = Disposition::from_number(word(disposition))?;
            client.end_transaction(handle, disposition)
        })
    })
}

/// SCardStatus.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardStatus")]
pub unsafe extern "C" fn status(
    card: Long,
    reader: *mut c_char,
    reader_length: *mut Dword,
    state: *mut Dword,
    protocol: *mut Dword,
    atr: *mut u8,
    atr_length: *mut Dword,
) -> Long {
    guarded(|| {
        // SAFETY: the caller's contract.
        unsafe { put(state, 0) };
        // SAFETY: the caller's contract.
        unsafe { put(protocol, 0) };
        let reader_room = Room {
            to: reader.cast(),
            // SAFETY: the caller's contract.
            length: unsafe { get(reader_length) }.unwrap_or(0),
        };
        let atr_room = Room {
            to: atr,
            // SAFETY: the caller's contract.
            length: unsafe { get(atr_length) }.unwrap_or(0),
        };
        // SAFETY: the caller's contract.
        unsafe { put(reader_length, 0) };
        // SAFETY: the caller's contract.
        unsafe { put(atr_length, 0) };
        let handle = number(card)?;
        let seen = door::for_handle(handle, Waits::AsksAgain, |client| {
            let name = client.reader_of(handle);
            let readers = client.service().reader_states();
            let mut readers = readers.into_iter();
            let seen = readers.find(|reader| name == Some(&reader.name));
            let seen = seen.ok_or(Code::READER_UNAVAILABLE)?;
            client.status(handle)?;
            Ok(seen)
        })?;
        let name = [seen.name.as_bytes(), &[0]].concat();
        // SAFETY: the caller's contract.
        unsafe { put(reader_length, dword(name.len())) };
        // SAFETY: the caller's contract.
        unsafe { put(atr_length, dword(seen.atr.len())) };
        let counted = (seen.event_counter << 16).wrapping_add(seen.state);
        // SAFETY: the caller's contract.
        unsafe { put(state, counted.into()) };
        // SAFETY: the caller's contract.
        unsafe { put(protocol, seen.protocol.0.into()) };
        // SAFETY: the caller's contract.
        let named = unsafe { reader_room.give_what_fits(&name) };
        if named.is_err_and(|code| code != Code::INSUFFICIENT_BUFFER) {
            return named;
        }
        // SAFETY: the caller's contract.
        let given = unsafe { atr_room.give_what_fits(&seen.atr) };
        given.and(named)
    })
}
