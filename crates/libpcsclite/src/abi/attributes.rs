//! SCardGetAttrib and SCardSetAttrib.

use kortlab_pcsc::Code;

use super::memory::{Room, bytes, get, put};
use super::{AUTOALLOCATE, Dword, Long, dword, guarded, number, word};
use crate::door::{self, Waits};

/// `MAX_BUFFER_SIZE`: the longest attribute.
const MAX_ATTRIBUTE: Dword = 264;

/// SCardGetAttrib.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardGetAttrib")]
pub unsafe extern "C" fn get_attrib(
    card: Long,
    attribute: Dword,
    value: *mut u8,
    length: *mut Dword,
) -> Long {
    guarded(|| {
        // SAFETY: the caller's contract.
        let room = unsafe { get(length) }.ok_or(Code::INVALID_PARAMETER)?;
        if value.is_null() && room == AUTOALLOCATE {
            return Err(Code::INVALID_PARAMETER);
        }
        if value.is_null() || room == AUTOALLOCATE {
            // What pcsc-lite says that it has room for, and leaves there if something is wrong.
            // SAFETY: the caller's contract.
            unsafe { put(length, MAX_ATTRIBUTE) };
        }
        if room == AUTOALLOCATE {
            // SAFETY: the caller's contract: a pointer can be written there. One that is null can be
            // given back, whatever comes of the call.
            unsafe { put(value.cast::<*mut u8>(), std::ptr::null_mut()) };
        }
        let handle = number(card)?;
        let found = door::for_handle(handle, Waits::AWhile, |client| {
            if !value.is_null() && room != AUTOALLOCATE && room > MAX_ATTRIBUTE {
                return Err(Code::INSUFFICIENT_BUFFER.into());
            }
            client.get_attrib(handle, word(attribute))
        })?;
        // SAFETY: the caller's contract.
        unsafe { put(length, dword(found.len())) };
        let room = Room {
            to: value,
            length: room,
        };
        // SAFETY: the caller's contract.
        unsafe { room.give_what_fits(&found) }
    })
}

/// SCardSetAttrib.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardSetAttrib")]
pub unsafe extern "C" fn set_attrib(
    card: Long,
    attribute: Dword,
    value: *const u8,
    length: Dword,
) -> Long {
    guarded(|| {
        if value.is_null() || length == 0 {
            return Err(Code::INVALID_PARAMETER);
        }
        let handle = number(card)?;
        door::for_handle(handle, Waits::AWhile, |client| {
            if length > MAX_ATTRIBUTE {
                return Err(Code::INSUFFICIENT_BUFFER.into());
            }
            // SAFETY: the caller's contract.
            let value = unsafe { bytes(value, length) }.ok_or(Code::INVALID_PARAMETER)?;
            client.set_attrib(handle, word(attribute), value)
        })
    })
}
