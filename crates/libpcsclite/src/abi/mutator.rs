//! AFL++'s custom mutator: this library once more, loaded by `afl-fuzz` in the place of what it
//! would do to bytes (AFL_CUSTOM_MUTATOR_LIBRARY). Test cases are lists of faults, and stay so.
//!
//! AFL++'s contract, which every function here keeps to: what `afl_custom_init` gave is handed to
//! all others, from one thread, until `afl_custom_deinit`; a buffer is null, or as long as the length
//! beside it says; what is handed out stays until the next call. No panic gets out.

use std::env;
use std::ffi::{c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kortlab_campaign::{Mutator, TURNS};
use kortlab_pcsc::in_process::TYPICAL_COMMANDS;

use super::dword;
use super::memory::{bytes, put};

/// What is given where the caller asks for a count and something went wrong.
const FAILED: c_int = -1;

/// A mutator, as AFL++ holds it.
///
/// # Safety
/// `mutator` is what [`init`] gave, and nobody else uses it during the call.
unsafe fn with<T>(mutator: *mut c_void, failed: T, call: impl FnOnce(&mut Mutator) -> T) -> T {
    let mutator = mutator.cast::<Mutator>();
    // SAFETY: the caller says that it is what `init` gave, which is null or a mutator of its own.
    let Some(mutator) = (unsafe { mutator.as_mut() }) else {
        return failed;
    };
    catch_unwind(AssertUnwindSafe(|| call(mutator))).unwrap_or(failed)
}

/// A mutator whose chance follows from the seed; null if there is no memory.
///
/// # Safety
/// Any seed may be given; the pointer is not used.
#[unsafe(export_name = "afl_custom_init")]
pub unsafe extern "C" fn init(_afl: *mut c_void, seed: c_uint) -> *mut c_void {
    let made = catch_unwind(|| {
        let commands = env::var(TYPICAL_COMMANDS).ok();
        let commands = commands.and_then(|text| text.parse().ok());
        Box::into_raw(Box::new(Mutator::new(seed.into(), commands.unwrap_or(64))))
    });
    made.map_or(std::ptr::null_mut(), |mutator| mutator.cast())
}

/// How many others are made of a test case before it is another one's turn.
///
/// # Safety
/// Anything may be given; nothing is used.
#[unsafe(export_name = "afl_custom_fuzz_count")]
pub unsafe extern "C" fn fuzz_count(_: *mut c_void, _: *const u8, _: usize) -> c_uint {
    TURNS
}

/// Another test case, made of one, and sometimes of one more.
///
/// # Safety
/// As the [module](self) says; `out` is null, or a pointer can be written there.
#[unsafe(export_name = "afl_custom_fuzz")]
pub unsafe extern "C" fn fuzz(
    mutator: *mut c_void,
    case: *const u8,
    length: usize,
    out: *mut *const u8,
    other: *const u8,
    other_length: usize,
    most: usize,
) -> usize {
    // SAFETY: the caller's contract.
    let case = unsafe { bytes(case, dword(length)) }.unwrap_or_default();
    // SAFETY: the caller's contract.
    let other = unsafe { bytes(other, dword(other_length)) }.unwrap_or_default();
    let make = |mutator: &mut Mutator| {
        let made = mutator.mutate(case, other, most);
        (made.as_ptr(), made.len())
    };
    // SAFETY: the caller's contract.
    let (made, length) = unsafe { with(mutator, (std::ptr::null(), 0), make) };
    // SAFETY: the caller's contract.
    unsafe { put(out, made) };
    length
}

/// Begins to make a test case shorter; gives the most steps that it takes.
///
/// # Safety
/// As the [module](self) says.
#[unsafe(export_name = "afl_custom_init_trim")]
pub unsafe extern "C" fn init_trim(mutator: *mut c_void, case: *const u8, length: usize) -> c_int {
    // SAFETY: the caller's contract.
    let case = unsafe { bytes(case, dword(length)) }.unwrap_or_default();
    let begin = |mutator: &mut Mutator| count(mutator.begin_trim(case));
    // SAFETY: the caller's contract.
    unsafe { with(mutator, FAILED, begin) }
}

/// The next shorter test case.
///
/// # Safety
/// As the [module](self) says; `out` is null, or a pointer can be written there.
#[unsafe(export_name = "afl_custom_trim")]
pub unsafe extern "C" fn trim(mutator: *mut c_void, out: *mut *const u8) -> usize {
    let shorten = |mutator: &mut Mutator| {
        let made = mutator.trimmed();
        (made.as_ptr(), made.len())
    };
    // SAFETY: the caller's contract.
    let (made, length) = unsafe { with(mutator, (std::ptr::null(), 0), shorten) };
    // SAFETY: the caller's contract.
    unsafe { put(out, made) };
    length
}

/// Hears whether the shorter one did the same; gives the number of the next step.
///
/// # Safety
/// As the [module](self) says.
#[unsafe(export_name = "afl_custom_post_trim")]
pub unsafe extern "C" fn post_trim(mutator: *mut c_void, success: u8) -> c_int {
    let hear = |mutator: &mut Mutator| count(mutator.after_trim(success != 0));
    // SAFETY: the caller's contract.
    unsafe { with(mutator, FAILED, hear) }
}

/// Ends a mutator.
///
/// # Safety
/// `mutator` is null or what [`init`] gave, and nobody uses it any more.
#[unsafe(export_name = "afl_custom_deinit")]
pub unsafe extern "C" fn deinit(mutator: *mut c_void) {
    let mutator = mutator.cast::<Mutator>();
    if mutator.is_null() {
        return;
    }
    // SAFETY: the caller says that `init` gave it, which made it of a box, and that this is the end.
    let mutator = unsafe { Box::from_raw(mutator) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(mutator)));
}

fn count(steps: usize) -> c_int {
    c_int::try_from(steps).unwrap_or(c_int::MAX)
}
