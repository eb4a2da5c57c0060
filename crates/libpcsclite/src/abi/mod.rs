//! C's side: the types of `winscard.h` on Linux, and the functions with their pointers.
//!
//! Every function keeps to the same contract, which is `winscard.h`'s: a pointer is null, or points to
//! what its type says, as long and as many as the length beside it says, and nobody else changes that
//! during the call. What is null where it must not be is refused. No panic gets out ([`guarded`]).
#![allow(unsafe_code)]
// Where `long` has 64 bits some of C's numbers are ours already.
#![allow(clippy::useless_conversion)]

mod attributes;
mod card;
mod context;
mod error;
mod fork_server;
mod memory;
mod mutator;
mod start;
mod transfer;

use std::ffi::{c_char, c_long, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kortlab_pcsc::Code;

use crate::door;

/// `DWORD`: on Linux as long as a pointer.
pub type Dword = c_ulong;
/// `LONG`, and so `SCARDCONTEXT` and `SCARDHANDLE`.
pub type Long = c_long;

/// `SCARD_AUTOALLOCATE`: the caller wants memory that SCardFreeMemory takes back.
const AUTOALLOCATE: Dword = Dword::MAX;
/// `SCARD_F_INTERNAL_ERROR`.
const INTERNAL_ERROR: Code = Code(0x8010_0001);

/// `SCARD_IO_REQUEST`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct IoRequest {
    protocol: c_ulong,
    length: c_ulong,
}

impl IoRequest {
    const fn of(protocol: c_ulong) -> Self {
        Self {
            protocol,
            length: size_of::<Self>() as c_ulong,
        }
    }
}

/// `SCARD_READERSTATE`.
#[repr(C)]
pub struct ReaderStateOfC {
    reader: *const c_char,
    _user_data: *mut c_void,
    current: Dword,
    event: Dword,
    atr_length: Dword,
    atr: [u8; 33],
}

// SAFETY: the name is none of the C library's, and the loader expects it of a PC/SC library.
#[unsafe(export_name = "g_rgSCardT0Pci")]
/// `SCARD_PCI_T0`.
pub static T0_PCI: IoRequest = IoRequest::of(1);

// SAFETY: as for T=0.
#[unsafe(export_name = "g_rgSCardT1Pci")]
/// `SCARD_PCI_T1`.
pub static T1_PCI: IoRequest = IoRequest::of(2);

// SAFETY: as for T=0.
#[unsafe(export_name = "g_rgSCardRawPci")]
/// `SCARD_PCI_RAW`.
pub static RAW_PCI: IoRequest = IoRequest::of(4);

/// The return code of what is done, a panic included.
fn guarded(call: impl FnOnce() -> Result<(), Code>) -> Long {
    let code = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => Code::SUCCESS,
        Ok(Err(code)) => code,
        Err(_) => INTERNAL_ERROR,
    };
    long(code.0)
}

/// A number as C has it. Where `long` has 32 bits the codes are negative, as the header's are.
const fn long(number: u32) -> Long {
    number as Long
}

/// A context or a handle.
fn number(long: Long) -> Result<u32, Code> {
    u32::try_from(long).map_err(|_| Code::INVALID_HANDLE)
}

/// A number that is a handle of this process.
fn handle(card: Long) -> Result<u32, Code> {
    let handle = number(card)?;
    match door::has_handle(handle) {
        true => Ok(handle),
        false => Err(Code::INVALID_HANDLE),
    }
}

/// A number of the service's, of the C caller's; what is too large for one is so for the other.
fn word(number: Dword) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn dword(length: usize) -> Dword {
    Dword::try_from(length).unwrap_or(Dword::MAX)
}
