//! Fuzz targets as plain functions, and libFuzzer's way into them.
//!
//! Each target is one file in `targets/` with one function `fn name(data: &[u8])`. It feeds the
//! bytes to one parser and asserts what must hold of the result: round trips, offsets inside the
//! input, bounds. A broken promise is a panic, and so a find.
//!
//! The same functions run in three ways: under libFuzzer (`cargo fuzz`, feature `libfuzzer`), on
//! the seeds and regressions kept in this directory, and on proptest's bytes. The last two are
//! ordinary tests, so what fuzzing found once can never come back unnoticed. `README.md` says how
//! to run and how to add a target.

mod answers;
mod pkcs15;
#[cfg(test)]
mod replay;
pub mod targets;

use std::ffi::OsString;
use std::path::Path;

pub use targets::TARGETS;

/// The environment variable that names the target for libFuzzer's binary.
pub const TARGET_VARIABLE: &str = "KORTLAB_FUZZ_TARGET";

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its file, and of its directories of seeds and regressions.
    pub name: &'static str,
    /// The function; it panics if the bytes break a promise.
    pub run: fn(&[u8]),
}

impl Target {
    /// The target of this name.
    ///
    /// # Errors
    /// There is none; the text lists those that there are.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let found = TARGETS.iter().find(|target| target.name == name);
        found.ok_or_else(|| {
            let all: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            let all = all.join(" ");
            format!("{TARGET_VARIABLE} names no target: {name:?}; there are: {all}")
        })
    }

    /// The target that [`TARGET_VARIABLE`] names; if it is not set, the one that the program is called
    /// by, as where each target has to be a program of its own.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn from_environment() -> Result<&'static Self, String> {
        let called = || {
            Path::new(&std::env::args_os().next()?)
                .file_stem()
                .map(OsString::from)
        };
        let name = std::env::var_os(TARGET_VARIABLE).or_else(called);
        Self::named(&name.unwrap_or_default().to_string_lossy())
    }
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
