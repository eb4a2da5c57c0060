//! Text in UTF-16, as Windows and its PowerShell write what programs print.

use zeroize::Zeroizing;

/// How many characters of ASCII tell text in UTF-16 that has no byte order mark.
const BEGINNING: usize = 8;

/// The text of bytes that begin with the byte order mark of UTF-16, or with characters of ASCII in it, and are
/// such text throughout, without the mark: no lone surrogate, no control character but blanks.
pub fn text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let little: fn([u8; 2]) -> u16 = u16::from_le_bytes;
    let big: fn([u8; 2]) -> u16 = u16::from_be_bytes;
    let (units, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let (number, units) = match units {
        [[0xFF, 0xFE], behind @ ..] => (little, behind),
        [[0xFE, 0xFF], behind @ ..] => (big, behind),
        _ => {
            let begins = |number: fn([u8; 2]) -> u16| {
                let beginning = units.get(..BEGINNING).unwrap_or_default();
                let mut numbers = beginning.iter().copied().map(number);
                !beginning.is_empty() && numbers.all(|number| (0x20..0x7F).contains(&number))
            };
            match (begins(little), begins(big)) {
                (true, _) => (little, units),
                (_, true) => (big, units),
                _ => return None,
            }
        }
    };
    // Room at once, so that no copy is left behind by growth: a unit takes three bytes at most.
    let mut text = Zeroizing::new(String::with_capacity(units.len().saturating_mul(3)));
    for character in char::decode_utf16(units.iter().copied().map(number)) {
        let character = character.ok()?;
        if character.is_control() && !character.is_whitespace() {
            return None;
        }
        text.push(character);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_utf16_is_read_and_other_bytes_are_none() {
        for bytes in [&b"\xFF\xFE0\0\xE5\0\n\0"[..], b"\xFE\xFF\x000\x00\xE5\0\n"] {
            let read = text(bytes).map(|text| text.to_string());
            assert_eq!(read.as_deref(), Some("0å\n"));
        }
        for bytes in [
            &b"0\x001\x002\x003\x004\x005\x006\x007\x00\xE5\0"[..],
            b"\x000\x001\x002\x003\x004\x005\x006\x007\x00\xE5",
        ] {
            let read = text(bytes).map(|text| text.to_string());
            assert_eq!(read.as_deref(), Some("01234567å"));
        }
        for bytes in [
            &b""[..],
            b"\xFF",
            b"\xFF\xFE0",
            b"\xFF\xFE\x00\xD8",
            b"\xFF\xFE\x01\x00",
            b"0\0",
            b"0\x001\x002\x003\x004\x005\x006\x00",
            b"0\x001\x002\x003\x004\x005\x006\x007\x00\x01\0",
            b"01234567890123456789",
        ] {
            assert_eq!(text(bytes), None, "{bytes:02X?}");
        }
    }
}
