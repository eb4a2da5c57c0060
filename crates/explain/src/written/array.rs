//! Arrays of bytes as programs have them: `{0x00, 0xA4}`, `[0, 164]`, `(byte)0xA4`, with or without a
//! declaration before them.

use super::{Misfit, Written};

const FORM: &str = "an array";

/// The bytes, if the text has brackets with numbers in them, or is numbers that begin with 0x.
pub(super) fn read(text: &str) -> Option<Result<Written, Misfit>> {
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
        None if text.trim_start().starts_with("0x") => (0, text),
        None => return None,
    };
    let (start, inside) = inside;
    let first_line = text.get(..start)?.matches('\n').count() + 1;
    let mut bytes = Vec::new();
    let mut in_comment = false;
    for (index, line) in inside.split('\n').enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        let line = without_comments(line, &mut in_comment);
        let line = line.replace("(byte)", " ").replace("(uint8_t)", " ");
        let tokens = line.split(|character: char| character.is_whitespace() || character == ',');
        for token in tokens.filter(|token| !token.is_empty()) {
            let Some(byte) = byte(token) else {
                // Where not one number stands, this is no array of them.
                return (!bytes.is_empty()).then(|| {
                    Err(Misfit {
                        form: FORM,
                        line: first_line + index,
                        what: "a number from 0 to 255 is expected between two commas".to_owned(),
                    })
                });
            };
            bytes.push(byte);
        }
    }
    (!bytes.is_empty()).then_some(Ok(Written { form: FORM, bytes }))
}

/// A line without what stands between the signs of a comment, which may have begun before it and may go on.
fn without_comments(line: &str, in_comment: &mut bool) -> String {
    let mut left = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let sign = if *in_comment { "*/" } else { "/*" };
        let Some((before, behind)) = rest.split_once(sign) else {
            if !*in_comment {
                left.push_str(rest);
            }
            return left;
        };
        if !*in_comment {
            left.push_str(before);
            left.push(' ');
        }
        *in_comment = !*in_comment;
        rest = behind;
    }
}

/// `0xA4`, `164`, and `-92`, as Java has it.
fn byte(token: &str) -> Option<u8> {
    let token = token.trim_end_matches(['u', 'U']);
    let digits = token
        .strip_prefix("0x")
        .or_else(|| token.strip_prefix("0X"));
    match digits {
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
        ] {
            let written = read(text).and_then(Result::ok).map(|written| written.bytes);
            assert_eq!(written, Some(expected.clone()), "{text}");
        }
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
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let misfit = read("{ 0x00,\n 0x1A4 }")
            .expect("an array")
            .expect_err("no byte");
        assert_eq!(misfit.line, 2);
    }
}
