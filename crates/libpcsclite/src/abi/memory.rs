//! What is read from and written to the memory of C callers. Nothing has to be aligned.

use std::ffi::{c_char, c_void};

use kortlab_pcsc::Code;

use super::{AUTOALLOCATE, Dword, dword};

// SAFETY: these are the C library's, with its types.
unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// What a pointer points to; nothing if it is null.
///
/// # Safety
/// `from` is null, or a `T` can be read there.
pub unsafe fn get<T: Copy>(from: *const T) -> Option<T> {
    // SAFETY: not null, so the caller says that a T is there; it need not be aligned.
    (!from.is_null()).then(|| unsafe { from.read_unaligned() })
}

/// Puts a value where a pointer points to; nowhere if it is null.
///
/// # Safety
/// `to` is null, or a `T` can be written there.
pub unsafe fn put<T: Copy>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not null, so the caller says that there is room for a T; it need not be aligned.
        unsafe { to.write_unaligned(value) }
    }
}

/// So many bytes; none if there are none to be read.
///
/// # Safety
/// `from` is null, or `length` bytes can be read there, which nobody changes for as long as the
/// slice is used.
pub unsafe fn bytes<'a>(from: *const u8, length: Dword) -> Option<&'a [u8]> {
    let length = usize::try_from(length).ok();
    let length = length.filter(|length| isize::try_from(*length).is_ok())?;
    match (from.is_null(), length) {
        (_, 0) => Some(&[]),
        (true, _) => None,
        // SAFETY: not null, so the caller says that so many bytes can be read; bytes are always
        // aligned, and the length fits an isize.
        (false, length) => Some(unsafe { std::slice::from_raw_parts(from, length) }),
    }
}

/// A text of at most `most` bytes, without the zero that ends it; of a longer one, `most + 1` bytes.
///
/// # Safety
/// `from` is not null, and a text that ends with a zero can be read there.
pub unsafe fn text(from: *const c_char, most: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for place in 0..=most {
        // SAFETY: no zero has come before this byte, so it is the text's, or the zero.
        let byte = unsafe { from.add(place) };
        // SAFETY: as above.
        let byte = unsafe { byte.read() };
        if byte == 0 {
            break;
        }
        text.push(byte.to_ne_bytes()[0]);
    }
    text
}

/// Writes bytes.
///
/// # Safety
/// So many bytes can be written to `to`, which is not null.
pub unsafe fn fill(to: *mut u8, bytes: &[u8]) {
    // SAFETY: the caller says that there is room; memory of the caller's cannot be memory of ours.
    unsafe { to.copy_from(bytes.as_ptr(), bytes.len()) }
}

/// Where an answer goes: a buffer with so much room, or, where that is [`AUTOALLOCATE`], a pointer
/// that is to be set.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub to: *mut u8,
    pub length: Dword,
}

impl Room {
    /// Gives all of these bytes: into the buffer if they fit, or in new memory. Who has no buffer
    /// wants the length alone.
    ///
    /// # Safety
    /// `to` is null, or `length` bytes can be written there; with [`AUTOALLOCATE`], a pointer.
    pub unsafe fn give(self, bytes: &[u8]) -> Result<(), Code> {
        match (self.to.is_null(), self.length) {
            (true, AUTOALLOCATE) => Err(Code::INVALID_PARAMETER),
            (true, _) => Ok(()),
            (false, AUTOALLOCATE) => {
                let memory = allocated(bytes)?;
                // SAFETY: the caller says that a pointer can be written there.
                unsafe { put(self.to.cast::<*mut u8>(), memory) };
                Ok(())
            }
            (false, room) if dword(bytes.len()) <= room => {
                // SAFETY: the caller says that there is this room, and the bytes fit.
                unsafe { fill(self.to, bytes) };
                Ok(())
            }
            (false, _) => Err(Code::INSUFFICIENT_BUFFER),
        }
    }

    /// The same; of what does not fit, as much as does.
    ///
    /// # Safety
    /// As for [`Room::give`].
    pub unsafe fn give_what_fits(self, bytes: &[u8]) -> Result<(), Code> {
        // SAFETY: the caller's contract is the same.
        let given = unsafe { self.give(bytes) };
        if given == Err(Code::INSUFFICIENT_BUFFER) {
            let room = usize::try_from(self.length).unwrap_or(usize::MAX);
            let fitting = bytes.get(..room).unwrap_or(bytes);
            // SAFETY: `give` has found a buffer, and these bytes are as many as it has room for.
            unsafe { fill(self.to, fitting) };
        }
        given
    }
}

/// New memory of the C library's, with these bytes in it.
fn allocated(bytes: &[u8]) -> Result<*mut u8, Code> {
    // SAFETY: any size may be asked for; of none, an implementation may give none.
    let memory = unsafe { malloc(bytes.len().max(1)) }.cast::<u8>();
    if memory.is_null() {
        return Err(Code::NO_MEMORY);
    }
    // SAFETY: it is new, and has room for these bytes.
    unsafe { fill(memory, bytes) };
    Ok(memory)
}

/// Gives memory back.
///
/// # Safety
/// It is null, or [`allocated`] has given it, and nobody uses it any more.
pub unsafe fn released(memory: *mut c_void) {
    // SAFETY: the caller says so.
    unsafe { free(memory) }
}
