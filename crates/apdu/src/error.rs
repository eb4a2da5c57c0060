//! The error of every parser here: what is wrong, and at which byte.

use crate::ByteCount;
use core::fmt;

/// What is wrong with the bytes. See [`Error`] for where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends before `what` is complete.
    Truncated {
        /// What was being read.
        what: &'static str,
        /// How many bytes it takes.
        needed: usize,
        /// How many bytes are there.
        available: usize,
    },
    /// `what` has a value that the standard does not allow here.
    Invalid {
        /// What was being read.
        what: &'static str,
        /// The value that was found.
        found: u32,
    },
    /// `what` has a length that the standard does not allow here.
    Length {
        /// What was being read.
        what: &'static str,
        /// The length in bytes that was found.
        found: usize,
    },
    /// Bytes are left over after a complete value.
    Trailing {
        /// How many bytes are left over.
        count: usize,
    },
    /// Templates nest deeper than the reader goes.
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// `what` is missing.
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// `what` is there where the standard has none.
    Unexpected {
        /// What is there.
        what: &'static str,
    },
    /// `what` does not have the value that follows from the rest.
    Mismatch {
        /// What was being read.
        what: &'static str,
        /// The value that follows from the rest.
        expected: u32,
        /// The value that was found.
        found: u32,
    },
    /// `what` is there more than once.
    Duplicate {
        /// What is there more than once.
        what: &'static str,
    },
    /// More objects than the reader takes.
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl ErrorKind {
    /// A stable word for programs, in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::Invalid { .. } => "bad-value",
            Self::Length { .. } => "bad-length",
            Self::Trailing { .. } => "garbage",
            Self::TooDeep { .. } => "too-deep",
            Self::Missing { .. } => "missing-element",
            Self::Unexpected { .. } | Self::Duplicate { .. } => "misplaced-element",
            Self::Mismatch { .. } => "mismatch",
            Self::TooMany { .. } => "too-many",
        }
    }

    /// Whether something could not be read because of it, or is not there.
    pub const fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Truncated { .. }
                | Self::TooDeep { .. }
                | Self::Missing { .. }
                | Self::TooMany { .. }
        )
    }
}

/// A parse error: what is wrong, and the offset in bytes at which it was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
}

impl Error {
    /// An error of `kind` noticed at byte `offset`.
    pub const fn new(kind: ErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where it was noticed: an offset in bytes from the start of the outermost input.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The same error seen from an outer value in which the inner one starts at byte `base`.
    #[must_use]
    pub const fn nested(self, base: usize) -> Self {
        Self {
            kind: self.kind,
            offset: self.offset.saturating_add(base),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated {
                what,
                needed,
                available,
            } => write!(
                f,
                "{what} is cut short: {} needed, {available} there",
                ByteCount(needed)
            ),
            Self::Invalid { what, found } => write!(f, "{what} has the invalid value {found:02X}"),
            Self::Length { what, found } => write!(f, "{what} has the invalid length {found}"),
            Self::Trailing { count } => write!(f, "{} left over", ByteCount(count)),
            Self::TooDeep { limit } => write!(f, "nested deeper than {limit} levels"),
            Self::Missing { what } => write!(f, "{what} is missing"),
            Self::Unexpected { what } => write!(f, "{what} should not be there"),
            Self::Mismatch {
                what,
                expected,
                found,
            } => write!(f, "{what} is {found:02X} and should be {expected:02X}"),
            Self::Duplicate { what } => write!(f, "{what} is there more than once"),
            Self::TooMany { limit } => write!(f, "more than {limit} objects"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.kind)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_and_where_and_outer_layers_add_their_offset() {
        let inner = Error::new(
            ErrorKind::Truncated {
                what: "length",
                needed: 2,
                available: 1,
            },
            3,
        );
        assert_eq!(
            inner.nested(10).to_string(),
            "at byte 13: length is cut short: 2 bytes needed, 1 there"
        );
        assert_eq!(inner.nested(usize::MAX).offset(), usize::MAX);
    }
}
