//! Text in UTF-16, as Windows and its PowerShell write what programs print.

use zeroize::Zeroizing;

/// How many characters tell text in UTF-16 that has no byte order mark, and how many of them must be ASCII or
/// blank.
const BEGINNING: usize = 8;
const PRINTABLE: usize = 6;

/// One of so many characters may be one that no text has: programs write names of tokens as they are.
const ODD: usize = 8;

/// What begins the colours of a log.
const ESCAPE: char = '\u{1b}';

/// The text of bytes that begin with the byte order mark of UTF-16, or with characters of ASCII in it, without
/// the mark. Few control characters do not make it none. What is no character becomes U+FFFD, as does the half of
/// one that ends a file which was cut, unless nothing else is there; without a mark, there are few of those.
pub fn text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let little: fn([u8; 2]) -> u16 = u16::from_le_bytes;
    let big: fn([u8; 2]) -> u16 = u16::from_be_bytes;
    let (units, odd) = bytes.as_chunks::<2>();
    let (number, units, is_marked) = match units {
        [[0xFF, 0xFE], behind @ ..] => (little, behind, true),
        [[0xFE, 0xFF], behind @ ..] => (big, behind, true),
        _ => match (begins(units, little), begins(units, big)) {
            (true, _) => (little, units, false),
            (_, true) => (big, units, false),
            _ => return None,
        },
    };
    // Room at once, so that no copy is left behind by growth: a unit takes three bytes at most.
    let room = units.len().saturating_add(odd.len()).saturating_mul(3);
    let mut text = Zeroizing::new(String::with_capacity(room));
    let mut is_text = room == 0;
    let (mut controls, mut broken) = (0_usize, 0_usize);
    for character in char::decode_utf16(units.iter().copied().map(number)) {
        let character = match character {
            Ok(character) => {
                is_text = true;
                character
            }
            Err(_) => {
                broken += usize::from(!is_marked);
                char::REPLACEMENT_CHARACTER
            }
        };
        controls += usize::from(is_odd(character));
        text.push(character);
    }
    text.extend(odd.iter().map(|_| char::REPLACEMENT_CHARACTER));
    let few = controls.saturating_add(broken).saturating_mul(ODD) <= units.len();
    (is_text && few).then_some(text)
}

/// Whether units are the beginning of a text, by this order of their bytes.
fn begins(units: &[[u8; 2]], number: fn([u8; 2]) -> u16) -> bool {
    let beginning = units.get(..BEGINNING).unwrap_or_default();
    let numbers = beginning.iter().copied().map(number);
    let letters = numbers.filter_map(|number| u8::try_from(number).ok());
    let (mut all, mut printable) = (0, 0);
    for letter in letters {
        all += 1;
        printable += usize::from(letter.is_ascii() && !is_odd(char::from(letter)));
    }
    all == BEGINNING && printable >= PRINTABLE
}

/// Whether a character is a control character that is no blank and begins no colour.
fn is_odd(character: char) -> bool {
    character.is_control() && !character.is_whitespace() && character != ESCAPE
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
        // Behind a mark, what is no character hides none of the others.
        for (bytes, expected) in [
            (&b"\xFF\xFE\x1B\0[\x001\0m\x000\0"[..], "\u{1b}[1m0"),
            (b"\xFF\xFE0\x001", "0\u{fffd}"),
            (b"\xFE\xFF\x000\x00", "0\u{fffd}"),
            (b"\xFF\xFE\x00\xD80\0\x00\xDC1\0", "\u{fffd}0\u{fffd}1"),
            (b"\xFE\xFF\xD8\x3D\xDE\x00\xD8\x3D", "\u{1f600}\u{fffd}"),
        ] {
            let read = text(bytes).map(|text| text.to_string());
            assert_eq!(read.as_deref(), Some(expected), "{bytes:02X?}");
        }
        // Nor does a control character, wherever it stands, or half a character without a mark.
        for (bytes, expected) in [
            (
                &b"0\x001\x002\x003\x004\x005\x006\x007\x00\x04\0"[..],
                "01234567\u{4}",
            ),
            (b"\x04\0\n\x002\x003\x004\x005\x006\x007\0", "\u{4}\n234567"),
            (
                b"\xFF\xFE\x04\x001\x002\x003\x004\x005\x006\x007\0",
                "\u{4}1234567",
            ),
            (
                b"0\x001\x002\x003\x004\x005\x006\x007\x008",
                "01234567\u{fffd}",
            ),
            (
                b"0\x001\x002\x003\x004\x005\x006\x007\x00\x00\xD8",
                "01234567\u{fffd}",
            ),
        ] {
            let read = text(bytes).map(|text| text.to_string());
            assert_eq!(read.as_deref(), Some(expected), "{bytes:02X?}");
        }
        for bytes in [
            &b""[..],
            b"\xFF",
            b"\xFF\xFE0",
            b"\xFF\xFE\x00\xD8",
            b"\xFF\xFE\x01\x00",
            b"\xFF\xFE\x01\x000",
            b"0\0",
            b"0\x001\x002\x003\x004\x005\x006\x00",
            b"0\x001\x002\x003\x004\x005\x006\x007\x00\x01\0\x01\0",
            b"\x01\0\x01\0\x01\0\x003\x004\x005\x006\x007\0",
            &[0; 64],
            b"01234567890123456789",
        ] {
            assert_eq!(text(bytes), None, "{bytes:02X?}");
        }
    }
}
