//! A certificate as a page shows it.

use jiff::tz::TimeZone;
use kortlab_card::{CertificateInfo, Slot};
use kortlab_issuer::DocumentError;
use kortlab_issuer::clock::Timestamp;
use kortlab_issuer::inspect::{CertificateSummary, Colour, Purpose};

use crate::words::visible;

/// A certificate, on the card or on its way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The certificate itself, DER.
    pub(crate) der: Vec<u8>,
    /// What it says.
    pub(crate) summary: CertificateSummary,
    subject: Option<String>,
    issuer: Option<String>,
}

impl Seen {
    /// A certificate in DER.
    pub(crate) fn new(der: &[u8]) -> Result<Self, DocumentError> {
        let summary = CertificateSummary::from_der(der)?;
        let info = CertificateInfo::parse(der);
        let names = info.map(|info| (info.subject, info.issuer));
        let (subject, issuer) = names.unwrap_or_default();
        Ok(Self {
            der: der.to_vec(),
            summary,
            subject,
            issuer,
        })
    }

    /// The certificate in a slot; `None` if it cannot be read.
    pub(crate) fn in_slot(slot: &Slot) -> Option<Self> {
        Self::new(&slot.der).ok()
    }

    /// Whether it is an HCC.
    pub(crate) fn is_hcc(&self) -> bool {
        self.summary.colour == Colour::Pink && !self.summary.is_authority
    }

    /// Whether it is a carrier's certificate of the holder.
    pub(crate) fn is_carrier(&self) -> bool {
        self.summary.colour == Colour::Blue
    }

    /// Whether its key signs.
    pub(crate) fn is_for_signature(&self) -> bool {
        self.summary.purpose == Purpose::Signature
    }

    /// Whom it names.
    pub(crate) fn holder(&self) -> String {
        visible(&self.summary.holder)
    }

    /// The subject's whole name (RFC 4514), in its relative names.
    pub(crate) fn subject(&self) -> Vec<String> {
        relative_names(self.subject.as_deref().unwrap_or(&self.summary.holder))
    }

    /// The issuer's common name.
    pub(crate) fn issuer_name(&self) -> String {
        visible(&self.summary.issuer)
    }

    /// The issuer's whole name (RFC 4514), in its relative names.
    pub(crate) fn issuer(&self) -> Vec<String> {
        relative_names(self.issuer.as_deref().unwrap_or(&self.summary.issuer))
    }

    /// The serial number in hexadecimal.
    pub(crate) fn serial(&self) -> String {
        self.summary.serial_hex()
    }

    /// The first and the last day on which it is valid, in Sweden.
    pub(crate) fn days(&self) -> [String; 2] {
        [self.summary.not_before, self.summary.not_after].map(day)
    }
}

/// The relative names of a whole one, each with the comma behind it, so that lines break between
/// them. A comma behind a backslash belongs to a value (RFC 4514 §2.4).
fn relative_names(name: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut one, mut is_escaped) = (String::new(), false);
    for character in name.chars() {
        one.push(character);
        if character == ',' && !is_escaped {
            names.push(visible(&core::mem::take(&mut one)));
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    if !one.is_empty() {
        names.push(visible(&one));
    }
    names
}

/// Central European time, and an hour more from the last Sunday of March to that of October, as
/// POSIX writes it (directive 2000/84/EC): no table of the system is needed.
const SWEDEN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The day in Sweden, as 2026-11-24.
fn day(time: Timestamp) -> String {
    let seconds = i64::try_from(time.unix_seconds()).ok();
    let utc = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    match (utc, TimeZone::posix(SWEDEN)) {
        (Some(utc), Ok(zone)) => utc.to_zoned_datetime(zone).date().to_string(),
        // Later than any calendar here goes.
        _ => time
            .to_string()
            .split('T')
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_between_its_relative_names_and_loses_nothing() {
        for (name, parts) in [
            ("", &[][..]),
            ("CN=A", &["CN=A"]),
            ("CN=A,O=B\\, C,C=SE", &["CN=A,", "O=B\\, C,", "C=SE"]),
            ("CN=A\\\\,O=B", &["CN=A\\\\,", "O=B"]),
            ("CN=A,", &["CN=A,"]),
            ("CN=A\\", &["CN=A\\"]),
        ] {
            assert_eq!(relative_names(name), parts, "{name}");
            assert_eq!(relative_names(name).concat(), name);
        }
    }

    #[test]
    fn a_day_is_the_one_in_sweden() {
        let of = |text: &str| {
            let time: jiff::Timestamp = text.parse().expect("a time");
            let seconds = u64::try_from(time.as_second()).expect("after 1970");
            day(Timestamp::from_unix_seconds(seconds))
        };
        for (utc, there) in [
            ("2026-11-24T22:59:59Z", "2026-11-24"),
            ("2026-11-24T23:00:00Z", "2026-11-25"),
            ("2026-07-01T21:59:59Z", "2026-07-01"),
            ("2026-07-01T22:00:00Z", "2026-07-02"),
            ("2026-12-31T23:30:00Z", "2027-01-01"),
        ] {
            assert_eq!(of(utc), there, "{utc}");
        }
    }
}
