//! GeneralizedTime in the form that DER allows (X.690 §11.7), whole seconds in UTC.

use core::fmt;

use crate::error::EncodeError;

/// A GeneralizedTime of the form `YYYYMMDDhhmmssZ`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GeneralizedTime(String);

impl GeneralizedTime {
    /// The time that `text` (`YYYYMMDDhhmmssZ`) spells.
    ///
    /// # Errors
    /// Another form, or a month, day, hour, minute or second that does not exist.
    pub fn new(text: &str) -> Result<Self, EncodeError> {
        if !is_valid(text) {
            return Err(EncodeError::value(
                "GeneralizedTime",
                format!("{text:?} is not a time of the form YYYYMMDDhhmmssZ"),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The time as `YYYYMMDDhhmmssZ`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GeneralizedTime {
    /// The time as RFC 3339 has it: `2026-11-24T06:20:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |from, to| self.0.get(from..to).unwrap_or_default();
        write!(
            f,
            "{}-{}-{}T{}:{}:{}Z",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(8, 10),
            part(10, 12),
            part(12, 14)
        )
    }
}

fn is_valid(text: &str) -> bool {
    let Some(digits) = text.strip_suffix('Z') else {
        return false;
    };
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let number = |from, to| {
        digits
            .get(from..to)
            .and_then(|part| part.parse::<u32>().ok())
    };
    let (Some(year), Some(month), Some(day)) = (number(0, 4), number(4, 6), number(6, 8)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
        && number(8, 10) < Some(24)
        && number(10, 12) < Some(60)
        && number(12, 14) < Some(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_that_exist_are_taken() {
        let time = GeneralizedTime::new("20240229235959Z").expect("a leap day");
        assert_eq!(time.to_string(), "2024-02-29T23:59:59Z");
        for text in [
            "20230229000000Z",
            "20240101240000Z",
            "20241301000000Z",
            "20240100000000Z",
            "20240101000060Z",
            "202401010000Z",
            "20240101000000",
            "20240101000000.5Z",
            "2024010100000åZ",
        ] {
            assert!(GeneralizedTime::new(text).is_err(), "{text}");
        }
    }
}
