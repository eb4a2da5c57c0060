//! Numbers as they are written, compared whatever they are padded with.

/// The content of an INTEGER in its shortest form (X.690 §8.3.2).
pub(crate) fn shortest(mut number: &[u8]) -> &[u8] {
    while let [0x00, 0x00..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..] = number {
        number = number.get(1..).unwrap_or_default();
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_a_number_does_not_need_go_and_its_sign_stays() {
        assert_eq!(shortest(&[0, 0, 0x7F]), [0x7F]);
        assert_eq!(shortest(&[0, 0x80]), [0, 0x80]);
        assert_eq!(shortest(&[0xFF, 0xFF, 0x80]), [0x80]);
        assert_eq!(shortest(&[0]), [0]);
        assert_eq!(shortest(&[]), [0; 0]);
    }
}
