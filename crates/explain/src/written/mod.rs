//! Bytes as programs and people write them down: rows with offsets, arrays of programming languages, texts
//! with escapes. Plain hexadecimal and base64 are others' business.
//!
//! A form is taken only where all of a text is in it: what does not fit is told with its line, and nothing is
//! left out.

mod array;
mod escapes;
mod rows;

use core::fmt;

/// What does not fit the form that a text otherwise has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The form, in words.
    pub form: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there; it never repeats what stands there.
    pub what: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} ({})", self.line, self.what, self.form)
    }
}

/// The bytes that a text writes down; `None` if it has none of the forms.
///
/// # Errors
/// It has one of the forms, but for a line.
pub fn read(text: &str) -> Option<Result<Vec<u8>, Misfit>> {
    rows::read(text)
        .or_else(|| array::read(text))
        .or_else(|| escapes::read(text))
}
