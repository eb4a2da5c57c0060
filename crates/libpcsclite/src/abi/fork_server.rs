//! A fork server of AFL++'s, if the program has one: it forks here, when the program first asks about
//! a card and has learnt nothing of one yet. So all that the program does before is done once, and
//! each child has a card with faults of its own.

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use kortlab_pcsc::Code;

use crate::{cards, door};

// SAFETY: this is the C library's, with its types.
unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// What AFL++ links into the programs that it instruments: begins to serve forks, unless that was begun
/// before, and comes back in each child; comes back at once if nobody wants forks.
const BEGIN: &CStr = c"__afl_manual_init";

/// What came of it: who has found no test case finds none later either.
static REACHED: OnceLock<Result<(), Code>> = OnceLock::new();

/// The program is about to learn something of a card. Nobody may hold the door's lock here: the
/// fork takes it.
///
/// # Errors
/// The test case cannot be read.
pub fn reached() -> Result<(), Code> {
    *REACHED.get_or_init(|| {
        if cards::test_case().is_none() {
            return Ok(());
        }
        begin();
        door::complete()
    })
}

fn begin() {
    // SAFETY: the name is a text; the null handle means what the program itself has loaded.
    let found = unsafe { dlsym(std::ptr::null_mut(), BEGIN.as_ptr()) };
    if found.is_null() {
        return;
    }
    // SAFETY: AFL++ defines this name as a function without arguments that gives nothing.
    let begin = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(found) };
    // SAFETY: it may be called at any time and as often as one likes; what it forks is a child in
    // which this thread goes on, as with any fork.
    unsafe { begin() }
}
