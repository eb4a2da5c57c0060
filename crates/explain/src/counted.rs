//! Numbers of bytes in words.

use core::fmt::Display;

/// `1 byte`, `2 bytes`.
pub(crate) fn bytes<N: Display + PartialEq + From<u8>>(count: N) -> String {
    match count == N::from(1) {
        true => "1 byte".to_owned(),
        false => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0_usize, 1, 2].map(bytes), ["0 bytes", "1 byte", "2 bytes"]);
    }
}
