//! Points in time in JSON.

use core::fmt;
use core::str::FromStr;

use der::DateTime;
use kortlab_issuer::clock::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A point in time, UTC, as ISO 8601 writes it: `2026-11-24T06:30:00Z`, whole seconds from 1970 to
/// 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(pub Timestamp);

/// Why a text is not a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a point in time is written as 2026-11-24T06:30:00Z")]
pub struct TimeError;

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let time: DateTime = text.parse().map_err(|_| TimeError)?;
        Ok(Self(Timestamp::from_unix_seconds(
            time.unix_duration().as_secs(),
        )))
    }
}

impl TryFrom<String> for Time {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_second_comes_back(seconds in 0_u64..=253_402_300_799) {
            let time = Time(Timestamp::from_unix_seconds(seconds));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,30}") {
            let _ = text.parse::<Time>();
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for wrong in [
            "",
            "2026-11-24",
            "2026-11-24T06:30:00",
            "2026-11-24T06:30:00+01:00",
            "2026-02-30T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-24T06:30:00.5Z",
        ] {
            assert_eq!(wrong.parse::<Time>(), Err(TimeError), "{wrong}");
        }
    }
}
