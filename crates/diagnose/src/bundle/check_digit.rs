//! The check digit of card numbers and of personal numbers (ISO/IEC 7812-1, annex B): every other digit
//! from the last but one on counts twice, and the sum of all digits ends in 0.

use kortlab_issuer::card_number::luhn_check_digit;

/// The fewest digits of a number that has one.
const SHORTEST: usize = 10;

/// Whether a text is digits alone, enough of them, and the last is the check digit.
pub(super) fn is_right(text: &str) -> bool {
    let is_number = text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && corrected(text) == text
}

/// The same number with the check digit that it must have.
pub(super) fn corrected(number: &str) -> String {
    let body = number
        .get(..number.len().saturating_sub(1))
        .unwrap_or_default();
    format!("{body}{}", char::from(luhn_check_digit(body.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_number_is_right_and_a_corrected_one_becomes_it() {
        // The first is the tax office's own example of a personal number.
        for number in ["1212121212", "4992739871600000006"] {
            let corrected = corrected(number);
            assert_eq!(corrected.len(), number.len());
            assert!(is_right(&corrected), "{number}");
        }
        assert!(is_right("1212121212"));
        assert_eq!(corrected("1212121219"), "1212121212");
        assert!(!is_right("1212121213"));
        for wrong in (0..10).filter(|digit| *digit != 2) {
            assert!(!is_right(&format!("121212121{wrong}")), "{wrong}");
        }
        assert!(!is_right("12345") && !is_right("12121212a2") && !is_right(""));
    }
}
