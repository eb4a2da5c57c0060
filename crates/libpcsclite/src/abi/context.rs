//! The functions of a context: from SCardEstablishContext to SCardGetStatusChange.

use std::ffi::{c_char, c_void};
use std::time::{Duration, Instant};

use kortlab_pcsc::Code;

use super::memory::{Room, fill, get, put, released, text};
use super::{
    AUTOALLOCATE, Dword, Long, ReaderStateOfC, dword, fork_server, guarded, long, number, word,
};
use crate::change::{Asked, IGNORE, MAX_READERS, Watch};
use crate::door;

/// `SCARD_E_NO_READERS_AVAILABLE`.
const NO_READERS: Code = Code(0x8010_002E);
/// The one group that there is, as a list.
const GROUPS: &[u8] = b"SCard$DefaultReaders\0\0";
/// `INFINITE`, as a wait.
const INFINITE: Dword = 0xFFFF_FFFF;

/// SCardEstablishContext.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardEstablishContext")]
pub unsafe extern "C" fn establish(
    scope: Dword,
    _: *const c_void,
    _: *const c_void,
    context: *mut Long,
) -> Long {
    guarded(|| {
        if context.is_null() {
            return Err(Code::INVALID_PARAMETER);
        }
        // SAFETY: the caller's contract.
        unsafe { put(context, 0) };
        let established = long(door::establish(word(scope))?);
        // SAFETY: the caller's contract.
        unsafe { put(context, established) };
        Ok(())
    })
}

/// SCardReleaseContext.
///
/// # Safety
/// Any number may be given.
#[unsafe(export_name = "SCardReleaseContext")]
pub unsafe extern "C" fn release(context: Long) -> Long {
    guarded(|| door::release(number(context)?))
}

/// SCardIsValidContext.
///
/// # Safety
/// Any number may be given.
#[unsafe(export_name = "SCardIsValidContext")]
pub unsafe extern "C" fn is_valid(context: Long) -> Long {
    guarded(|| check(context))
}

fn check(context: Long) -> Result<(), Code> {
    match door::is_valid(number(context)?) {
        true => Ok(()),
        false => Err(Code::INVALID_HANDLE),
    }
}

/// SCardCancel.
///
/// # Safety
/// Any number may be given.
#[unsafe(export_name = "SCardCancel")]
pub unsafe extern "C" fn cancel(context: Long) -> Long {
    guarded(|| door::cancel(number(context)?))
}

/// SCardFreeMemory.
///
/// # Safety
/// `memory` is null, or was given out for SCARD_AUTOALLOCATE and is used no more.
#[unsafe(export_name = "SCardFreeMemory")]
pub unsafe extern "C" fn free_memory(context: Long, memory: *const c_void) -> Long {
    guarded(|| {
        check(context)?;
        // SAFETY: the caller's contract.
        unsafe { released(memory.cast_mut()) };
        Ok(())
    })
}

/// SCardListReaders.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardListReaders")]
pub unsafe extern "C" fn list_readers(
    context: Long,
    _groups: *const c_char,
    readers: *mut c_char,
    length: *mut Dword,
) -> Long {
    guarded(|| {
        // SAFETY: the caller's contract.
        let room = unsafe { get(length) }.ok_or(Code::INVALID_PARAMETER)?;
        let mut list = Vec::new();
        for reader in door::readers(number(context)?)? {
            list.extend_from_slice(reader.name.as_bytes());
            list.push(0);
        }
        list.push(0);
        // SAFETY: the caller's contract.
        unsafe { put(length, dword(list.len())) };
        if list.len() == 1 {
            return Err(NO_READERS);
        }
        let room = Room {
            to: readers.cast(),
            length: room,
        };
        // SAFETY: the caller's contract.
        unsafe { room.give(&list) }
    })
}

/// SCardListReaderGroups.
///
/// # Safety
/// As the [module](super) says.
#[unsafe(export_name = "SCardListReaderGroups")]
pub unsafe extern "C" fn list_reader_groups(
    context: Long,
    groups: *mut c_char,
    length: *mut Dword,
) -> Long {
    guarded(|| {
        check(context)?;
        // SAFETY: the caller's contract.
        let room = unsafe { get(length) }.ok_or(Code::INVALID_PARAMETER)?;
        // SAFETY: the caller's contract.
        unsafe { put(length, dword(GROUPS.len())) };
        let room = Room {
            to: groups.cast(),
            length: room,
        };
        // SAFETY: the caller's contract.
        unsafe { room.give(GROUPS) }
    })
}

/// SCardGetStatusChange.
///
/// # Safety
/// As the [module](super) says: `states` are `count` of them, each with a name that ends with a zero.
#[unsafe(export_name = "SCardGetStatusChange")]
pub unsafe extern "C" fn get_status_change(
    context: Long,
    timeout: Dword,
    states: *mut ReaderStateOfC,
    count: Dword,
) -> Long {
    guarded(|| {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if states.is_null() && count > 0 || count > MAX_READERS {
            return Err(Code::INVALID_PARAMETER);
        }
        let mut asked = Vec::new();
        for place in 0..count {
            // SAFETY: so many states are there.
            let state = unsafe { states.add(place) };
            // SAFETY: as above; what it points to is read, not used in place.
            asked.push(unsafe { asked_for(state) }.ok_or(Code::INVALID_VALUE)?);
        }
        if asked.iter().all(|asked| asked.current & IGNORE != 0) {
            return Ok(());
        }
        // A child of a fork server begins here, and its time with it.
        fork_server::reached()?;
        let end = match timeout {
            INFINITE | AUTOALLOCATE => None,
            // A wait that no clock can end is one without an end.
            milliseconds => Instant::now().checked_add(Duration::from_millis(milliseconds.into())),
        };
        let mut watch = Watch::new(asked);
        let done = door::wait_for_change(number(context)?, end, |readers| watch.look(readers));
        if watch.has_looked() {
            for (place, told) in watch.told().iter().enumerate() {
                // SAFETY: so many states are there.
                let state = unsafe { states.add(place) };
                // SAFETY: as above.
                unsafe { tell(state, told) };
            }
        }
        done
    })
}

/// What a state asks for, unless it has no name.
///
/// # Safety
/// A state can be read there.
unsafe fn asked_for(state: *const ReaderStateOfC) -> Option<Asked> {
    // SAFETY: the caller's contract; a place is computed, nothing is read.
    let reader = unsafe { &raw const (*state).reader };
    // SAFETY: as above.
    let reader = unsafe { get(reader) }?;
    // SAFETY: as above.
    let current = unsafe { &raw const (*state).current };
    // SAFETY: as above.
    let current = unsafe { get(current) }?;
    if reader.is_null() {
        return None;
    }
    Some(Asked {
        // SAFETY: it is a name that ends with a zero. None of ours is longer.
        name: unsafe { text(reader, kortlab_pcsc::service::MAX_NAME) },
        current: current.into(),
        event: 0,
        atr: None,
    })
}

/// Writes what a state is told.
///
/// # Safety
/// A state can be written there.
unsafe fn tell(state: *mut ReaderStateOfC, told: &Asked) {
    // SAFETY: the caller's contract; a place is computed, nothing is read.
    let event = unsafe { &raw mut (*state).event };
    // SAFETY: as above.
    unsafe { put(event, Dword::try_from(told.event).unwrap_or(Dword::MAX)) };
    let Some(known) = &told.atr else {
        return;
    };
    // An ATR is 33 bytes at most, and so is the place for it.
    let known = known.get(..33).unwrap_or(known);
    // SAFETY: as above.
    let length = unsafe { &raw mut (*state).atr_length };
    // SAFETY: as above.
    unsafe { put(length, dword(known.len())) };
    // SAFETY: as above.
    let atr = unsafe { &raw mut (*state).atr };
    // SAFETY: as above, and so many bytes fit.
    unsafe { fill(atr.cast(), known) };
}
