//! Texts with escapes, as C, Python and shells have bytes: `\x00\xA4`, `b'\x00\xa4\x04o'`.

use super::Misfit;

const FORM: &str = "a text with escapes";

/// The bytes, if a text has `\x` in it and is nothing else.
pub(super) fn read(text: &str) -> Option<Result<Vec<u8>, Misfit>> {
    let text = text.trim();
    if !text.contains("\\x") {
        return None;
    }
    let bare = text
        .strip_prefix('b')
        .or_else(|| text.strip_prefix('$'))
        .filter(|rest| rest.starts_with(['\'', '"']))
        .unwrap_or(text);
    let quote = bare
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"'));
    let inside = match quote {
        Some(quote) => bare.strip_prefix(quote)?.strip_suffix(quote)?,
        // Without quotes only escapes are bytes: anything else is another text with one in it.
        None if bare.starts_with("\\x") => bare,
        None => return None,
    };
    let mut bytes = Vec::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        let byte = match character {
            '\\' => escaped(&mut characters),
            // Literals that follow each other are one.
            sign if Some(sign) == quote => {
                let next = characters.as_str().trim_start();
                if let Some(next) = next.strip_prefix(sign) {
                    characters = next.chars();
                    continue;
                }
                None
            }
            ' '..='~' if quote.is_some() => Some(character as u8),
            _ => None,
        };
        let Some(byte) = byte else {
            let before = inside.len() - characters.as_str().len();
            let line = inside.get(..before)?.matches('\n').count() + 1;
            let what = "an escape or a character of ASCII is expected".to_owned();
            return Some(Err(Misfit {
                form: FORM,
                line,
                what,
            }));
        };
        bytes.push(byte);
    }
    Some(Ok(bytes))
}

/// What stands behind the sign.
fn escaped(characters: &mut core::str::Chars<'_>) -> Option<u8> {
    match characters.next()? {
        'x' => {
            let (digits, rest) = characters.as_str().split_at_checked(2)?;
            let byte = digits
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then(|| u8::from_str_radix(digits, 16).ok())??;
            *characters = rest.chars();
            Some(byte)
        }
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        first @ '0'..='7' => {
            // Up to three digits, octal.
            let mut number = first.to_digit(8)?;
            for _ in 0..2 {
                let Some(digit) = characters.clone().next().and_then(|next| next.to_digit(8))
                else {
                    break;
                };
                characters.next();
                number = 8 * number + digit;
            }
            u8::try_from(number).ok()
        }
        same @ ('\\' | '\'' | '"') => Some(same as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_what_stands_between_them_are_bytes() {
        for (text, expected) in [
            (r"\x00\xA4\x04\x00", &[0x00, 0xA4, 0x04, 0x00][..]),
            (r"b'o\x02\x84\x00\n'", b"o\x02\x84\x00\n"),
            (r#""\x00\xa4""#, &[0x00, 0xA4]),
            (r"$'\x90\x00'", &[0x90, 0x00]),
            (r"'\\\'\x00'", b"\\'\0"),
            (r"'\x00\0\0127\377'", b"\0\0\n7\xFF"),
            (
                "\"\\x00\\xa4\"\n\"\\x04\" \"\\x00\"",
                &[0x00, 0xA4, 0x04, 0x00],
            ),
        ] {
            let written = read(text).and_then(Result::ok);
            assert_eq!(written.as_deref(), Some(expected), "{text}");
        }
        for text in ["", "00A4", "a\\x00", "'\\x00", "x"] {
            assert_eq!(read(text), None, "{text}");
        }
        for text in [
            r"\x0",
            r"\xZZ",
            r"\x+5",
            r"\x00 \x01",
            r"'\x00å'",
            r"'\x00\q'",
            r"'\x00\400'",
            r"'\x00' + '\x01'",
        ] {
            assert!(read(text).is_some_and(|read| read.is_err()), "{text}");
        }
    }
}
