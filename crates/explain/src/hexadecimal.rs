//! Bytes as hexadecimal digits.

use core::fmt::{self, Display};

/// Bytes as upper-case hexadecimal, as the standards print them.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

/// Bytes as hexadecimal in pairs: `3B 7D 96`.
#[derive(Clone, Copy, Debug)]
pub struct SpacedHex<'a>(pub &'a [u8]);

impl Display for SpacedHex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}
