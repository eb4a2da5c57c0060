//! The number of a card: 19 digits, `9752…`, with a Luhn check digit.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::random::IssuerRng;

/// The digits every Swedish identification card number begins with: 9 for national assignment,
/// 752 for Sweden (ISO/IEC 7812-1, ISO 3166-1).
const PREFIX: &[u8] = b"9752";
const LENGTH: usize = 19;

/// The number printed on a card and named in its certificates (SEIS card number extension,
/// 1.2.752.34.2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CardNumber([u8; LENGTH]);

/// Why a text is not a card number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CardNumberError {
    /// Not 19 digits.
    #[error("a card number has 19 digits")]
    Shape,
    /// Another prefix.
    #[error("a Swedish card number begins with 9752")]
    Prefix,
    /// The check digit is wrong.
    #[error("the last digit of the card number should be {expected}: check for a typing error")]
    CheckDigit {
        /// The digit that would be right.
        expected: char,
    },
}

impl CardNumber {
    /// A random number for a test card.
    pub fn generate(rng: &mut IssuerRng) -> Self {
        let mut digits = [b'0'; LENGTH];
        for (index, digit) in digits.iter_mut().enumerate() {
            *digit = match PREFIX.get(index) {
                Some(prefix) => *prefix,
                // Five zeros tell a test card from a real one at a glance.
                None if index < 9 => b'0',
                None => b'0' + (rng.below(10) as u8),
            };
        }
        let (body, check) = digits.split_at_mut(LENGTH - 1);
        let expected = luhn_check_digit(body);
        check.fill(expected);
        Self(digits)
    }

    /// The 19 digits.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for CardNumber {
    type Err = CardNumberError;

    fn from_str(text: &str) -> Result<Self, CardNumberError> {
        let digits: [u8; LENGTH] = text
            .as_bytes()
            .try_into()
            .map_err(|_| CardNumberError::Shape)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(CardNumberError::Shape);
        }
        if !digits.starts_with(PREFIX) {
            return Err(CardNumberError::Prefix);
        }
        let [body @ .., check] = &digits;
        let expected = luhn_check_digit(body);
        if *check != expected {
            return Err(CardNumberError::CheckDigit {
                expected: char::from(expected),
            });
        }
        Ok(Self(digits))
    }
}

impl TryFrom<String> for CardNumber {
    type Error = CardNumberError;

    fn try_from(text: String) -> Result<Self, CardNumberError> {
        text.parse()
    }
}

impl From<CardNumber> for String {
    fn from(number: CardNumber) -> Self {
        number.as_str().to_owned()
    }
}

impl fmt::Display for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardNumber({self})")
    }
}

/// The Luhn check digit (ISO/IEC 7812-1 annex B) of ASCII digits, as an ASCII digit.
pub fn luhn_check_digit(body: &[u8]) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit.saturating_sub(b'0')) * if index % 2 == 0 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    b'0' + ((10 - sum % 10) % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_agrees_with_published_examples() {
        // ISO/IEC 7812-1's and the Swedish personal number's example.
        assert_eq!(luhn_check_digit(b"7992739871"), b'3');
        assert_eq!(luhn_check_digit(b"640823323"), b'4');
    }

    #[test]
    fn generated_numbers_parse_and_any_changed_digit_is_noticed() {
        let mut rng = IssuerRng::from_seed(1, "card number");
        for _ in 0..100 {
            let number = CardNumber::generate(&mut rng);
            assert_eq!(number.as_str().parse(), Ok(number));
            let mut digits = number.0;
            digits[12] = if digits[12] == b'9' {
                b'0'
            } else {
                digits[12] + 1
            };
            let wrong = core::str::from_utf8(&digits).unwrap();
            assert!(matches!(
                wrong.parse::<CardNumber>(),
                Err(CardNumberError::CheckDigit { .. })
            ));
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        assert_eq!("9752".parse::<CardNumber>(), Err(CardNumberError::Shape));
        assert_eq!(
            "975200000123456789x".parse::<CardNumber>(),
            Err(CardNumberError::Shape)
        );
        assert_eq!(
            "4752000001234567890".parse::<CardNumber>(),
            Err(CardNumberError::Prefix)
        );
    }
}
