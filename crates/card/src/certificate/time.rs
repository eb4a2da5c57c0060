//! The times in a certificate (RFC 5280 §4.1.2.5): read leniently, and told whether they are DER.
//!
//! What other programs make of a time that is not DER differs. What is read here is what OpenSSL
//! reads: seconds may be missing, an offset from UTC or (in a GeneralizedTime) a fraction may be
//! there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kortlab_apdu::tlv::{Tag, Tlv};

/// UTCTime.
pub(super) const UTC_TIME: Tag = Tag::new(0x17);

/// A time as it stands in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadTime {
    seconds: i64,
    /// Whether it is in the one form that DER allows, so that every program reads it alike.
    pub is_der: bool,
}

impl ReadTime {
    /// The time in `tlv`, if it can be read at all.
    pub fn read(tlv: &Tlv<'_>) -> Option<Self> {
        let form = Form::of(tlv.tag)?;
        let (seconds, is_der) = form.read(tlv.value)?;
        Some(Self { seconds, is_der })
    }

    /// Seconds since the Unix epoch; negative before 1970.
    pub const fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// The same for comparing with a clock.
    pub fn to_system_time(self) -> SystemTime {
        let distance = Duration::from_secs(self.seconds.unsigned_abs());
        let time = if self.seconds < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        time.unwrap_or(UNIX_EPOCH)
    }

    /// The same as ISO 8601 has it: `2026-11-24T06:30:00Z`.
    pub fn to_text(self) -> String {
        let days = self.seconds.div_euclid(DAY);
        let second = self.seconds.rem_euclid(DAY);
        let (year, month, day) = civil(days);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

const DAY: i64 = 24 * 3600;

/// UTCTime or GeneralizedTime.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Utc,
    Generalized,
}

impl Form {
    fn of(tag: Tag) -> Option<Self> {
        match tag {
            UTC_TIME => Some(Self::Utc),
            Tag::GENERALIZED_TIME => Some(Self::Generalized),
            _ => None,
        }
    }

    /// Seconds since the epoch, and whether the form is DER's (X.690 §11.7, §11.8).
    fn read(self, bytes: &[u8]) -> Option<(i64, bool)> {
        let mut rest = bytes;
        let first = digits(&mut rest)?;
        let year = match self {
            Self::Utc if first < 50 => 2000 + first,
            Self::Utc => 1900 + first,
            Self::Generalized => first * 100 + digits(&mut rest)?,
        };
        let month = within(digits(&mut rest)?, 1, 12)?;
        let day = within(digits(&mut rest)?, 1, days_in(year, month))?;
        let hour = within(digits(&mut rest)?, 0, 23)?;
        let minute = within(digits(&mut rest)?, 0, 59)?;
        let mut is_der = true;
        let second = match rest.first()? {
            b'Z' | b'+' | b'-' => {
                is_der = false;
                0
            }
            _ => within(digits(&mut rest)?, 0, 59)?,
        };
        if let (Self::Generalized, [b'.', fraction @ ..]) = (self, rest) {
            is_der = false;
            let length = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if length == 0 {
                return None;
            }
            rest = fraction.get(length..)?;
        }
        let seconds = seconds_of(year, month, day) + hour * 3600 + minute * 60 + second;
        match rest {
            [b'Z'] => Some((seconds, is_der)),
            [sign @ (b'+' | b'-'), offset @ ..] => {
                let mut offset = offset;
                let hours = within(digits(&mut offset)?, 0, 12)?;
                let minutes = within(digits(&mut offset)?, 0, 59)?;
                let distance = hours * 3600 + minutes * 60;
                let distance = if *sign == b'+' { -distance } else { distance };
                offset.is_empty().then_some((seconds + distance, false))
            }
            _ => None,
        }
    }
}

/// Takes two digits.
fn digits(bytes: &mut &[u8]) -> Option<i64> {
    let [first, second, rest @ ..] = *bytes else {
        return None;
    };
    if !first.is_ascii_digit() || !second.is_ascii_digit() {
        return None;
    }
    *bytes = rest;
    Some(i64::from(first - b'0') * 10 + i64::from(second - b'0'))
}

fn within(number: i64, low: i64, high: i64) -> Option<i64> {
    (low..=high).contains(&number).then_some(number)
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970-01-01 to the first of March in the year 0 of the Gregorian calendar.
const TO_MARCH_0: i64 = 719_468;

/// The start of a day in seconds since the epoch. Years are counted from March, so that the leap
/// day is the last one.
const fn seconds_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1;
    (days - TO_MARCH_0) * DAY
}

/// Year, month and day of a day counted from the epoch.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + TO_MARCH_0;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + if month < 3 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::tlv::{object, read_one};

    fn read(tag: Tag, text: &str) -> Option<(String, bool)> {
        let bytes = object(tag, text.as_bytes());
        let time = ReadTime::read(&read_one(&bytes).expect("built"))?;
        Some((time.to_text(), time.is_der))
    }

    fn utc(text: &str) -> Option<(String, bool)> {
        read(UTC_TIME, text)
    }

    fn general(text: &str) -> Option<(String, bool)> {
        read(Tag::GENERALIZED_TIME, text)
    }

    fn some(text: &str, is_der: bool) -> Option<(String, bool)> {
        Some((text.to_owned(), is_der))
    }

    #[test]
    fn times_in_der_are_read_also_before_1970() {
        assert_eq!(utc("261124063000Z"), some("2026-11-24T06:30:00Z", true));
        assert_eq!(utc("500101000000Z"), some("1950-01-01T00:00:00Z", true));
        assert_eq!(utc("691231235959Z"), some("1969-12-31T23:59:59Z", true));
        assert_eq!(utc("491231235959Z"), some("2049-12-31T23:59:59Z", true));
        assert_eq!(
            general("99991231235959Z"),
            some("9999-12-31T23:59:59Z", true)
        );
        assert_eq!(
            general("20240229000000Z"),
            some("2024-02-29T00:00:00Z", true)
        );
        assert_eq!(
            general("00010101000000Z"),
            some("0001-01-01T00:00:00Z", true)
        );
    }

    #[test]
    fn what_is_not_der_is_read_as_far_as_it_can_be_understood_and_said_to_be_so() {
        assert_eq!(utc("2001010000Z"), some("2020-01-01T00:00:00Z", false));
        assert_eq!(
            utc("200101000000+0100"),
            some("2019-12-31T23:00:00Z", false)
        );
        assert_eq!(utc("2001010000-0130"), some("2020-01-01T01:30:00Z", false));
        assert_eq!(
            general("20200101000000.5Z"),
            some("2020-01-01T00:00:00Z", false)
        );
        assert_eq!(
            general("202001010000Z"),
            some("2020-01-01T00:00:00Z", false)
        );
    }

    #[test]
    fn what_makes_no_sense_is_no_time() {
        for text in [
            "",
            "Z",
            "201301000000Z",
            "200100000000Z",
            "200230000000Z",
            "200101240000Z",
            "200101006000Z",
            "200101000060Z",
            "200101000000",
            "200101000000.5Z",
            "200101000000ZZ",
            "200101000000+1300",
            "200101000000+010",
            "20010100000åZ",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
        for text in ["20200101000000", "20200101000000.Z", "20201301000000Z"] {
            assert_eq!(general(text), None, "{text}");
        }
        assert_eq!(read(Tag::UTF8_STRING, "261124063000Z"), None);
    }
}
