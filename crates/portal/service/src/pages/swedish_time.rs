//! Days and times as a clock in Sweden shows them: that is where the holders are, and what the server
//! stands in is no matter of theirs.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use kortlab_issuer::clock::Timestamp;

/// Europe/Stockholm as POSIX writes it: central European time, and an hour more from the last Sunday
/// of March at 02:00 until the last of October at 03:00 (directive 2000/84/EC). So no database of
/// time zones is needed. Before 1996 summers ended earlier: no certificate here is that old.
const SWEDEN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The day of a point in time in Sweden: `2026-11-24`.
pub(super) fn day(time: Timestamp) -> String {
    shown(time, "%Y-%m-%d")
}

/// The time of day in Sweden: `07:30`.
pub(super) fn time_of_day(time: Timestamp) -> String {
    shown(time, "%H:%M")
}

fn shown(time: Timestamp, format: &str) -> String {
    let text = || {
        let zone = TimeZone::posix(SWEDEN).ok()?;
        let seconds = i64::try_from(time.unix_seconds()).ok()?;
        let there = jiff::Timestamp::from_second(seconds)
            .ok()?
            .to_zoned_datetime(zone);
        strtime::format(format, &there).ok()
    };
    // A time that cannot be converted is shown as what it is.
    text().unwrap_or_else(|| time.to_string())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn days_and_times_are_those_that_date_shows_in_stockholm() {
        let times = [
            "2026-11-24T06:30:59Z",
            "2026-11-24T23:00:00Z",
            "2026-12-31T22:59:59Z",
            "2026-12-31T23:00:00Z",
            "2026-06-30T21:59:59Z",
            "2026-06-30T22:00:00Z",
            // Both sides of each change, in four years.
            "2026-03-29T00:59:59Z",
            "2026-03-29T01:00:00Z",
            "2026-10-25T00:59:59Z",
            "2026-10-25T01:00:00Z",
            "2027-03-28T01:00:00Z",
            "2027-10-31T01:00:00Z",
            "2028-02-29T12:00:00Z",
            "2030-03-31T00:59:59Z",
            "2030-10-27T01:00:00Z",
        ];
        for text in times {
            let date = |arguments: &[&str]| {
                let output = Command::new("date")
                    .env("TZ", "Europe/Stockholm")
                    .env("LC_ALL", "C")
                    .arg(format!("--date={text}"))
                    .args(arguments)
                    .output()
                    .unwrap();
                String::from_utf8(output.stdout).unwrap().trim().to_owned()
            };
            let time = Timestamp::from_unix_seconds(date(&["+%s"]).parse().unwrap());
            let judge = (date(&["+%Y-%m-%d"]), date(&["+%H:%M"]));
            assert!(
                date(&["+%Z"]).starts_with("CE"),
                "tzdata is not installed; run: cargo xtask test"
            );
            assert_eq!((day(time), time_of_day(time)), judge, "{text}");
        }
        let night = Timestamp::from_unix_seconds(1_795_561_200);
        assert_eq!(
            (day(night), time_of_day(night)),
            ("2026-11-25".into(), "00:00".into())
        );
    }
}
