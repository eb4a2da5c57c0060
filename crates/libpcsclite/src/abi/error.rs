//! pcsc_stringify_error.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::catch_unwind;

use super::Long;
use crate::words;

/// The longest text, with its zero.
const LENGTH: usize = 75;

thread_local! {
    /// What was said last in this thread.
    static SAID: RefCell<[u8; LENGTH]> = const { RefCell::new([0; LENGTH]) };
}

/// The words of a return code, which stay until the same thread asks again.
///
/// # Safety
/// Any code may be asked for.
#[unsafe(export_name = "pcsc_stringify_error")]
pub unsafe extern "C" fn stringify_error(code: Long) -> *const c_char {
    let said = catch_unwind(|| {
        let known = u32::try_from(code).ok().and_then(words::of);
        let text = match known {
            Some(words) => words.to_owned(),
            None => words::unknown(code.cast_unsigned().into()),
        };
        let text = CString::new(text).unwrap_or_default();
        SAID.with_borrow_mut(|said| {
            let bytes = text.as_bytes_with_nul();
            if let Some(place) = said.get_mut(..bytes.len()) {
                place.copy_from_slice(bytes);
            }
            said.as_ptr().cast::<c_char>()
        })
    });
    said.unwrap_or(c"".as_ptr())
}
