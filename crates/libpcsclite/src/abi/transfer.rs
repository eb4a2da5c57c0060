//! SCardTransmit and SCardControl: bytes there and back.

use std::ffi::c_void;

use kortlab_pcsc::functions::MAX_MESSAGE;
use kortlab_pcsc::{Code, Protocols};

use super::memory::{bytes, fill, get, put};
use super::{Dword, IoRequest, Long, dword, guarded, handle, word};
use crate::door::{self, Waits};

/// SCardTransmit.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardTransmit")]
pub unsafe extern "C" fn transmit(
    card: Long,
    send_pci: *const IoRequest,
    send: *const u8,
    send_length: Dword,
    _receive_pci: *mut IoRequest,
    receive: *mut u8,
    receive_length: *mut Dword,
) -> Long {
    guarded(|| {
        // SAFETY: the caller's contract.
        let pci = unsafe { get(send_pci) };
        // SAFETY: the caller's contract.
        let room = unsafe { get(receive_length) };
        let (Some(pci), Some(room), false, false) = (pci, room, send.is_null(), receive.is_null())
        else {
            return Err(Code::INVALID_PARAMETER);
        };
        let card = handle(card).inspect_err(|_| {
            // SAFETY: the caller's contract.
            unsafe { put(receive_length, 0) };
        })?;
        if send_length > dword(MAX_MESSAGE) {
            return Err(Code::INSUFFICIENT_BUFFER);
        }
        // SAFETY: the caller's contract.
        let command = unsafe { bytes(send, send_length) }.ok_or(Code::INVALID_PARAMETER)?;
        let protocol = Protocols(word(pci.protocol));
        let done = door::for_handle(card, Waits::AsksAgain, |client| {
            client.transmit(card, protocol, command)
        });
        // SAFETY: the caller's contract: there is this room.
        unsafe { give(done, receive, room, receive_length) }
    })
}

/// SCardControl.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardControl")]
pub unsafe extern "C" fn control(
    card: Long,
    code: Dword,
    send: *const c_void,
    send_length: Dword,
    receive: *mut c_void,
    room: Dword,
    returned: *mut Dword,
) -> Long {
    guarded(|| {
        // SAFETY: the caller's contract.
        unsafe { put(returned, 0) };
        let card = handle(card)?;
        if send_length > dword(MAX_MESSAGE) {
            return Err(Code::INSUFFICIENT_BUFFER);
        }
        // SAFETY: the caller's contract.
        let input = unsafe { bytes(send.cast(), send_length) }.ok_or(Code::INVALID_PARAMETER)?;
        let done = door::for_handle(card, Waits::AWhile, |client| {
            client.control(card, word(code), input)
        });
        // SAFETY: the caller's contract: there is this room.
        unsafe { give(done, receive.cast(), room, returned) }
    })
}

/// Gives an answer, or of one that does not fit the length alone.
///
/// # Safety
/// `to` is null, or `room` bytes can be written there; `length` is null, or can be written.
unsafe fn give(
    done: Result<Vec<u8>, Code>,
    to: *mut u8,
    room: Dword,
    length: *mut Dword,
) -> Result<(), Code> {
    let count = done.as_ref().map_or(0, Vec::len);
    // SAFETY: the caller's contract.
    unsafe { put(length, dword(count)) };
    let answer = done?;
    if dword(answer.len()) > room {
        return Err(Code::INSUFFICIENT_BUFFER);
    }
    if answer.is_empty() {
        return Ok(());
    }
    if to.is_null() {
        return Err(Code::INVALID_PARAMETER);
    }
    // SAFETY: not null, so the caller says that there is this room, and the answer fits.
    unsafe { fill(to, &answer) };
    Ok(())
}
