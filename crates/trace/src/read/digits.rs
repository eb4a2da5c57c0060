//! Bytes in lines of logs: groups of hexadecimal digits with words, or the bytes' characters, behind them.

use core::str::FromStr;

use zeroize::Zeroizing;

/// What stands at the start of a text.
pub(super) struct Run<'a> {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// What follows the bytes.
    pub(super) behind: &'a str,
    /// Whether the last two bytes are written with one digit each, at least one of them.
    pub(super) single: bool,
}

/// The bytes at the start of a text, up to the first thing that is none: a word, a sign, or a gap of two
/// blanks, behind which logs show the characters. Groups have whole bytes, with blanks or colons between
/// them. Some programs write 0 as one digit in a status word (`90 0`): a group of one digit is a byte where
/// it is the last or the last but one.
pub(super) fn run(text: &str) -> Run<'_> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let mut rest = text.trim_start();
    let mut single = 0_usize;
    loop {
        let end = rest
            .find(|character: char| !character.is_ascii_hexdigit())
            .unwrap_or(rest.len());
        let (group, behind) = rest.split_at(end);
        let ends_here = behind
            .chars()
            .next()
            .is_none_or(|character| matches!(character, ' ' | '\t' | ':' | '\r' | ','));
        let is_single = group.len() == 1;
        let is_bytes = group.len() >= 2 && group.len() % 2 == 0 && single == 0;
        if !ends_here || !(is_bytes || is_single || (single > 0 && group.len() == 2)) {
            break;
        }
        match is_single {
            true => bytes.extend(byte(group)),
            false => {
                let (pairs, _) = group.as_bytes().as_chunks::<2>();
                let pair = |pair: &[u8; 2]| byte(str::from_utf8(pair).ok()?);
                bytes.extend(pairs.iter().filter_map(pair));
            }
        }
        if is_single || single > 0 {
            single = single.saturating_add(1);
        }
        let mut characters = behind.chars();
        match (characters.next(), characters.next()) {
            (Some(' ' | '\t' | ':'), Some(next)) if next.is_ascii_hexdigit() => {
                rest = behind.get(1..).unwrap_or_default();
            }
            _ => {
                rest = behind;
                break;
            }
        }
    }
    // Two at most are written so: more are no bytes, but numbers.
    if single > 2 {
        bytes.clear();
    }
    Run {
        bytes,
        behind: rest,
        single: single > 0,
    }
}

/// The byte that hexadecimal digits are, and nothing else: a sign is none.
pub(super) fn byte(digits: &str) -> Option<u8> {
    let is_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_digits.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// The number that decimal digits are, and nothing else: a sign is none.
pub(super) fn number<T: FromStr>(digits: &str) -> Option<T> {
    let is_digits = digits.bytes().all(|digit| digit.is_ascii_digit());
    is_digits.then(|| digits.parse().ok())?
}

/// The answer to reset that a line tells.
pub(super) fn atr(content: &str) -> Option<Vec<u8>> {
    let rest = content
        .strip_prefix("Card ATR")
        .or_else(|| content.strip_prefix("ATR"))?;
    let rest = rest.trim_start().strip_prefix([':', '='])?;
    let run = run(rest);
    let is_atr = matches!(run.bytes.first(), Some(0x3B | 0x3F)) && !run.single;
    (is_atr && (2..=33).contains(&run.bytes.len())).then(|| run.bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_end_where_something_else_begins() {
        for (text, expected) in [
            ("00 A4 04 00", "00A40400"),
            ("00A40400 08 0F00", "00A40400080F00"),
            ("  6F 10 84 90 00 : Normal processing.", "6F10849000"),
            ("6A 82 j.", "6A82"),
            ("6A 82  ab cd", "6A82"),
            ("3b:ff:96", "3BFF96"),
            ("90 0 ", "9000"),
            ("6F 02 90 0", "6F029000"),
            ("6 A", "060A"),
            ("1 2 3", ""),
            ("hello", ""),
            ("", ""),
            ("123", ""),
            ("9000: 6F", "9000"),
        ] {
            let run = run(text);
            assert_eq!(hex::encode_upper(&*run.bytes), expected, "{text:?}");
        }
        assert_eq!(run("  6A 82 j.").behind, " j.");
        assert_eq!(run("6A 82 zz").behind, " zz");
        assert_eq!(run("6A 82").behind, "");
        assert_eq!(run(" none").behind, "none");
        assert!(run("90 0").single && !run("90 00").single);
    }

    #[test]
    fn bytes_and_numbers_are_digits_alone() {
        for (digits, expected) in [("A4", 0xA4), ("a4", 0xA4), ("0", 0), ("00A4", 0xA4)] {
            assert_eq!(byte(digits), Some(expected), "{digits}");
        }
        for digits in ["", "+5", "-0", "0x5", " 5", "5 ", "5_", "100", "ä"] {
            assert_eq!(byte(digits), None, "{digits}");
        }
        assert_eq!(number("0255"), Some(255_u8));
        for digits in ["", "+5", "-0", " 5", "A", "256"] {
            assert_eq!(number::<u8>(digits), None, "{digits}");
        }
    }
}
