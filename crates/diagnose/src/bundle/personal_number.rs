//! Swedish personal numbers (SKV 704), in text and packed.

use core::ops::Range;

use super::check_digit;

/// Personal numbers of twelve digits, two a byte. Of ten digits too many bytes look like one by chance.
pub(super) fn packed_personal_numbers(bytes: &[u8]) -> Vec<String> {
    let digits = |packed: &[u8]| -> Option<Vec<u8>> {
        let digits: Vec<u8> = packed
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0x0F])
            .collect();
        digits.iter().all(|digit| *digit < 10).then_some(digits)
    };
    let windows = bytes
        .windows(6)
        .filter(|window| matches!(window, [0x19 | 0x20, ..]));
    let found = windows
        .filter_map(digits)
        .filter(|digits| is_personal_number(digits));
    found
        .map(|digits| digits.iter().map(u8::to_string).collect())
        .collect()
}

/// The ten digits of a text that is a personal number, whatever century and sign it has.
pub(super) fn personal_number(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_written = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || is_sign(byte));
    let values: Vec<u8> = digits.bytes().map(|digit| digit - b'0').collect();
    let last = digits.get(digits.len().checked_sub(10)?..)?;
    (is_written && is_personal_number(&values)).then(|| last.to_owned())
}

/// Swedish personal numbers in ASCII: ten or twelve digits, a hyphen (a plus from a hundred years on), a blank or
/// nothing before the last four, a month, a day, and the check digit (SKV 704).
fn find(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut before: Option<Range<usize>> = None;
    let mut at = 0;
    while let Some(start) = digit_from(bytes, at) {
        let length = bytes.get(start..).unwrap_or_default();
        let length = length
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let end = start + length;
        at = end;
        // With the digits before it, where a sign is between.
        let joined = before.filter(|before| {
            before.end + 1 == start
                && length == 4
                && matches!(before.len(), 6 | 8)
                && bytes.get(before.end).copied().is_some_and(is_sign)
        });
        before = Some(start..end);
        // Times end in Z.
        if bytes.get(end) == Some(&b'Z') {
            continue;
        }
        let ranges = [Some(start..end), joined.map(|joined| joined.start..end)];
        let texts = ranges
            .into_iter()
            .flatten()
            .filter_map(|range| bytes.get(range));
        found.extend(texts.filter(|text| is_personal_number(&digits_of(text))));
    }
    found
}

/// The first digit from a place on.
fn digit_from(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    Some(at + rest.iter().position(u8::is_ascii_digit)?)
}

/// The values of the digits in a text.
fn digits_of(text: &[u8]) -> Vec<u8> {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    digits.map(|byte| byte - b'0').collect()
}

/// What stands before the last four digits.
const fn is_sign(byte: u8) -> bool {
    matches!(byte, b'-' | b'+' | b' ')
}

/// [`find`], as texts.
pub(super) fn personal_numbers(bytes: &[u8]) -> Vec<String> {
    let found = find(bytes).into_iter();
    found
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

fn is_personal_number(digits: &[u8]) -> bool {
    let short = match digits.len() {
        10 => digits,
        12 if digits.starts_with(&[1, 9]) || digits.starts_with(&[2, 0]) => {
            digits.get(2..).unwrap_or_default()
        }
        _ => return false,
    };
    let [_, _, m1, m2, d1, d2, ..] = *short else {
        return false;
    };
    let (month, day) = (m1 * 10 + m2, d1 * 10 + d2);
    let number: String = short.iter().map(u8::to_string).collect();
    // Co-ordination numbers have 60 added to the day.
    (1..=12).contains(&month) && matches!(day, 1..=31 | 61..=91) && check_digit::is_right(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_numbers_have_a_date_and_a_check_digit_and_times_are_none() {
        let found = |text: &str| personal_numbers(text.as_bytes());
        assert_eq!(found("x 19121212-1212 y"), ["19121212-1212"]);
        assert_eq!(found("1212121212"), ["1212121212"]);
        assert_eq!(found("121212+1212"), ["121212+1212"]);
        assert_eq!(
            packed_personal_numbers(b"\x00\x19\x12\x12\x12\x12\x12\x00"),
            ["191212121212"]
        );
        for text in [
            "19121212-1212",
            "191212121212",
            "121212+1212",
            "121212 1212",
            "1212121212",
        ] {
            assert_eq!(
                personal_number(text).as_deref(),
                Some("1212121212"),
                "{text}"
            );
        }
        assert_eq!(personal_number("9752000003140029704"), None);
        assert_eq!(found("id 121212 1212, x"), ["121212 1212"]);
        assert_eq!(found("19121212 1212"), ["19121212 1212"]);
        assert_eq!(found("123456 1212121212"), ["1212121212"]);
        assert_eq!(found("121212 121212-1212"), ["121212-1212"]);
        assert!(found("121212  1212").is_empty() && found("121212 12123").is_empty());
        assert!(found("1212121213").is_empty());
        assert!(found("121212121212Z").is_empty());
        assert!(found("9999999999").is_empty());
    }
}
