//! Serial numbers.

use crate::hexadecimal::Hex;

/// A serial number as people write it: text where it is text, digits where it is digits two a
/// byte (with an F behind an odd number of them), else hexadecimal.
pub fn serial(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && bytes.iter().all(u8::is_ascii_graphic)
    {
        return text.to_owned();
    }
    let text = Hex(bytes).to_string();
    match text.strip_suffix('F') {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_shown_as_people_write_them() {
        assert_eq!(serial(&[0x97, 0x52, 0x00, 0x4F]), "9752004");
        assert_eq!(serial(b"ABC-1"), "ABC-1");
        assert_eq!(serial(&[0x00, 0xAF]), "00AF");
        assert_eq!(serial(&[]), "");
    }
}
