//! Arrays of bytes as programs have them: `{0x00, 0xA4}`, `[0, 164]`, `(byte)0xA4`, with or without a
//! declaration before them.

use std::borrow::Cow;

use super::Misfit;

const FORM: &str = "an array";

/// The bytes, if the text has brackets with numbers in them, or is numbers that begin with 0x and no
/// statements: those are of a script.
pub(super) fn read(text: &str) -> Option<Result<Vec<u8>, Misfit>> {
    // What is none of these is not copied: it may have a secret in it.
    if !text.contains(['{', '[']) && !text.contains("0x") {
        return None;
    }
    let (text, unclosed) = without_comments(text);
    let opens = text.find(['{', '[']);
    let inside = match opens {
        // `char x[] = {` and `x[4] = {`: the last bracket that opens is that of the bytes.
        Some(_) => {
            let open = text.rfind(['{', '['])?;
            let close = text.rfind(['}', ']'])?;
            let behind = text.get(close.checked_add(1)?..)?;
            let is_end = behind
                .chars()
                .all(|character| character.is_whitespace() || matches!(character, ';' | ')' | ','));
            let before = text.get(..open)?;
            // Two arrays are two: which one is meant is not guessed.
            if !is_end || before.contains(['}', ';']) {
                return None;
            }
            (open + 1, text.get(open + 1..close)?)
        }
        None if text.trim_start().starts_with("0x") && !text.contains(';') => (0, &*text),
        None => return None,
    };
    let (start, inside) = inside;
    let first_line = text.get(..start)?.matches('\n').count() + 1;
    let misfit = |line: usize, what: &str| {
        Some(Err(Misfit {
            form: FORM,
            line,
            what: what.to_owned(),
        }))
    };
    let mut bytes = Vec::new();
    for (index, line) in inside.split('\n').enumerate() {
        let line = match line.contains('(') {
            true => Cow::Owned(line.replace("(byte)", " ").replace("(uint8_t)", " ")),
            false => Cow::Borrowed(line),
        };
        let tokens = line.split(|character: char| character.is_whitespace() || character == ',');
        for token in tokens.filter(|token| !token.is_empty()) {
            let Some(byte) = byte(token) else {
                // Where not one number stands, this is no array of them.
                if bytes.is_empty() {
                    return None;
                }
                let what = "a number from 0 to 255 is expected between two commas";
                return misfit(first_line + index, what);
            };
            bytes.push(byte);
        }
    }
    if bytes.is_empty() {
        return None;
    }
    match unclosed {
        Some(line) => misfit(line, "the comment that begins here does not end"),
        None => Some(Ok(bytes)),
    }
}

/// A text with blanks for its comments, whichever sign of one comes first, and its lines as they were; and
/// the line in which a comment begins that does not end.
fn without_comments(text: &str) -> (Cow<'_, str>, Option<usize>) {
    if !text.contains("//") && !text.contains("/*") {
        return (Cow::Borrowed(text), None);
    }
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('/') {
        let (before, comment) = rest.split_at(at);
        left.push_str(before);
        let end = match comment.as_bytes().get(1) {
            Some(b'/') => comment.find('\n').unwrap_or(comment.len()),
            Some(b'*') => match comment.get(2..).and_then(|inside| inside.find("*/")) {
                Some(end) => end + 4,
                None => {
                    let line = left.matches('\n').count() + 1;
                    return (left.into(), Some(line));
                }
            },
            _ => {
                left.push('/');
                rest = comment.get(1..).unwrap_or_default();
                continue;
            }
        };
        let (comment, behind) = comment.split_at(end);
        left.push(' ');
        left.extend(comment.matches('\n'));
        rest = behind;
    }
    left.push_str(rest);
    (left.into(), None)
}

/// `0xA4`, `164`, and `-92`, as Java has it.
fn byte(token: &str) -> Option<u8> {
    let token = token.trim_end_matches(['u', 'U']);
    let digits = token
        .strip_prefix("0x")
        .or_else(|| token.strip_prefix("0X"));
    match digits {
        // A number alone, without a sign that says nothing.
        _ if digits.unwrap_or(token).starts_with('+') => None,
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => token
            .parse()
            .ok()
            .or_else(|| Some(token.parse::<i8>().ok()?.cast_unsigned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_several_languages_are_the_same_bytes() {
        let expected = vec![0x00, 0xA4, 0x04, 0x00];
        for text in [
            "{0x00, 0xA4, 0x04, 0x00}",
            "const unsigned char apdu[] = {\n  0x00, 0xa4, // SELECT\n  0x04, /* by AID */ 0x00,\n};\n",
            "[0x00, 0xA4, 0x04, 0x00]",
            "[0, 164, 4, 0]",
            "byte[] apdu = new byte[] { 0x00, (byte)0xA4, 0x04, 0x00 };",
            "{ 0, -92, 4, 0 }",
            "0x00 0xA4 0x04 0x00",
            "0x00,0xA4,0x04,0x00",
            "uint8_t x[4] = {0x00u, 0xA4u, 4, 0};",
            "SELECT = [0x00, 0xA4,\n          0x04, 0x00]\n",
            // Whichever sign of a comment comes first.
            "{0x00, /* see http://x */ 0xA4, 0x04, 0x00}",
            "{0x00, 0xA4, // not /* a comment\n 0x04, 0x00}",
            "{0x00, /* over\n lines, {0x01}; */ 0xA4, /**/0x04, 0x00}",
            "0x00, // SELECT;\n0xA4, 0x04, 0x00",
        ] {
            let written = read(text).and_then(Result::ok);
            assert_eq!(written, Some(expected.clone()), "{text}");
        }
    }

    #[test]
    fn a_text_without_comments_is_not_copied() {
        for text in ["{0x00, 0xA4}", "[0, 164] / *", ""] {
            assert!(matches!(without_comments(text), (Cow::Borrowed(same), None) if same == text));
        }
        let (left, unclosed) = without_comments("{0, // one\n1 / 2 /* two */}");
        assert_eq!((&*left, unclosed), ("{0,  \n1 / 2  }", None));
    }

    #[test]
    fn what_is_no_array_of_bytes_is_none_or_told_with_its_line() {
        for text in [
            "",
            "{}",
            "[a]",
            "00A4",
            "{\"a\": 1}",
            "{1}; {2}",
            "{1} and more",
            // Statements of a script.
            "0x00 0xA4 0x04 0x00;",
            "0x00 0xA4 0x04 0x00;\n0x00 0xB0 0x00 0x00 0x10;\n",
            "{0x00, /* 0xA4}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        for (text, line) in [
            ("{ 0x00,\n 0x1A4 }", 2),
            ("{ /* one\n two */ 0x00,\n 0x+5 }", 3),
            ("{ 0x00,\n +5 }", 2),
            ("[0, 1,\n\n164, +0x05]", 3),
            ("[0, -+5]", 1),
            ("{ 0x00 / 0x01 }", 1),
            ("0x00 0xA4\n/* 0x04 0x00", 2),
        ] {
            let misfit = read(text).expect("an array").expect_err("no byte");
            assert_eq!(misfit.line, line, "{text}");
        }
    }
}
