//! What a test world begins with: its seed, and the day that it is made for.

use kortlab_emulator::CardRng;
use kortlab_issuer::clock::{Clock as _, SystemClock, Timestamp};

/// The seed that was given, or a random one.
///
/// # Errors
/// The operating system gives no random bytes; in words.
pub fn seed(given: Option<u64>) -> Result<u64, String> {
    if let Some(seed) = given {
        return Ok(seed);
    }
    let mut bytes = [0; 8];
    CardRng::from_os()
        .map_err(|error| format!("no random numbers: {error}"))?
        .fill(&mut bytes);
    Ok(u64::from_be_bytes(bytes))
}

/// Now, as the certificates of a new card see it.
pub fn today() -> Timestamp {
    SystemClock.now()
}

/// A day that is written `YYYY-MM-DD`: midnight UTC at its start.
///
/// # Errors
/// It is no such day, or one that certificates of the past and the future of a card cannot
/// surround; in words.
pub fn day(text: &str) -> Result<Timestamp, String> {
    let parts: Vec<_> = text.split('-').collect();
    let (year, month, day) = match parts[..] {
        [year, month, day] => (number(year, 4), number(month, 2), number(day, 2)),
        _ => (None, None, None),
    };
    let small = |part: Option<u16>| u8::try_from(part?).ok();
    let date = match (year, small(month), small(day)) {
        (Some(year @ 1990..=2200), Some(month), Some(day)) => {
            Timestamp::from_date(year, month, day)
        }
        (Some(_), Some(_), Some(_)) => return Err("give a day between 1990 and 2200".to_owned()),
        _ => None,
    };
    date.ok_or_else(|| "give a day as YYYY-MM-DD, for example 2026-11-24".to_owned())
}

/// A number of at most so many digits and of nothing else.
fn number(text: &str, digits: usize) -> Option<u16> {
    let is_number = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_of_the_calendar() {
        let start = day("2026-11-24").expect("a day");
        assert_eq!(start.to_string(), "2026-11-24T00:00:00Z");
        assert!(day("2028-02-29").is_ok());
        for text in [
            "2026-02-29",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "24.11.2026",
            "",
            "-2026-01-01",
            "+2026-01-01",
            "9999-12-31",
            "1989-12-31",
            "2026-11-24T10:00",
            "2026-11",
            "2026-11-24-01",
        ] {
            assert!(day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_seed_that_is_given_is_taken_and_others_differ() {
        assert_eq!(seed(Some(7)), Ok(7));
        assert_ne!(seed(None), seed(None));
    }
}
