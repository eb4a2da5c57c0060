//! Where bytes stand: [`Span`].

use serde::Serialize;

/// A stretch of bytes: where it starts, counted from the first byte that was given, and its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Span {
    /// Where it starts.
    pub offset: usize,
    /// How many bytes it has.
    pub length: usize,
}

impl Span {
    /// `length` bytes from `offset` on.
    pub const fn new(offset: usize, length: usize) -> Self {
        Self { offset, length }
    }

    /// The byte behind the last one.
    pub const fn end(self) -> usize {
        self.offset.saturating_add(self.length)
    }

    /// These bytes of `all`; none where it has not all of them.
    pub fn of(self, all: &[u8]) -> &[u8] {
        all.get(self.offset..self.end()).unwrap_or_default()
    }
}
