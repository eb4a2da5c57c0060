//! Numbers of bytes in words.

use core::fmt::{self, Display};

/// A number of bytes, which shows itself as `1 byte` or `2 bytes`.
///
/// ```
/// use kortlab_apdu::ByteCount;
///
/// assert_eq!([0, 1, 2].map(|count| ByteCount(count).to_string()), ["0 bytes", "1 byte", "2 bytes"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteCount<N>(pub N);

impl<N: Copy + Display + PartialEq + From<u8>> Display for ByteCount<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 == N::from(1) {
            true => f.write_str("1 byte"),
            false => write!(f, "{} bytes", self.0),
        }
    }
}
