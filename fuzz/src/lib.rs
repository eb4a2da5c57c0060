//! Fuzz targets as plain functions, and their libFuzzer wrappers.
//!
//! Each target is one module with one function `fn name(data: &[u8])`. It feeds the bytes to one
//! parser and asserts what must hold of the result: round trips, offsets inside the input,
//! bounds. A broken promise is a panic, and so a find.
//!
//! The same functions run in three ways: under libFuzzer (`cargo fuzz`, feature `libfuzzer`), on
//! the seeds and regressions kept in this directory, and on proptest's bytes. The last two are
//! ordinary tests, so what fuzzing found once can never come back unnoticed. `README.md` says how
//! to run and how to add a target.

#[cfg(feature = "libfuzzer")]
#[doc(hidden)]
pub use libfuzzer_sys;

#[macro_use]
mod table;

#[cfg(test)]
mod replay;

pub mod aodf;
pub mod atr;
pub mod card_transmit;
pub mod cdf;
pub mod certificate;
pub mod command;
pub mod csr;
pub mod dodf;
pub mod ef_dir;
pub mod exchange;
pub mod fcp;
pub mod historical;
pub mod image;
pub mod ocsp_request;
pub mod odf;
mod pkcs15;
pub mod prkdf;
pub mod pukdf;
pub mod receipt;
pub mod response;
pub mod script;
pub mod tlv;
pub mod token_info;
pub mod tpdu;
pub mod transaction;
pub mod unused_space;
pub mod vpcd_frame;

targets![
    aodf,
    atr,
    card_transmit,
    cdf,
    certificate,
    command,
    csr,
    dodf,
    ef_dir,
    exchange,
    fcp,
    historical,
    image,
    ocsp_request,
    odf,
    prkdf,
    pukdf,
    receipt,
    response,
    script,
    tlv,
    token_info,
    tpdu,
    transaction,
    unused_space,
    vpcd_frame,
];

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its module, its binary, and its directories of seeds and regressions.
    pub name: &'static str,
    /// The function; it panics if the bytes break a promise.
    pub run: fn(&[u8]),
}

/// The body of a file in `fuzz_targets/`: libFuzzer's way into the target of this name.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! libfuzzer {
    ($name:ident) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$name::$name(data));
    };
}

/// Asserts that an error points into `data`, or just behind it.
pub(crate) fn assert_inside(error: &kortlab_apdu::Error, data: &[u8]) {
    assert!(
        error.offset() <= data.len(),
        "{error}: outside {} bytes",
        data.len()
    );
    assert!(!error.to_string().is_empty());
}
