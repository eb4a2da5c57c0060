//! One line: which request it is.

use super::press::{Press, is_press};
use super::refusal::NoRequest;
use super::request::Request;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Something about readers and cards.
    Request(Request),
    /// Keys of a PIN pad.
    Press(Press),
}

impl Line {
    /// Reads one line.
    ///
    /// # Errors
    /// It is no JSON object with a request in it.
    pub fn parse(line: &[u8]) -> Result<Self, NoRequest> {
        match is_press(line) {
            true => Press::parse(line).map(Self::Press),
            false => Request::parse(line).map(Self::Request),
        }
    }
}
