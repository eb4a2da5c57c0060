//! The table of a card's certificates, as data: the test page's two blue and two pink.

use kortlab_issuer::authority::CertificateState;
use kortlab_issuer::inspect::{Colour, Purpose};
use kortlab_portal_core::TestPageRow;
use serde::Serialize;

/// The certificates of one card, in the order of the table: blue before pink, authentication
/// before signature, older before newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One row a certificate.
    pub certificates: Vec<ReportRow>,
    /// How many there are of each kind that is valid now.
    pub valid: ValidCount,
}

/// How many certificates are valid now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ValidCount {
    /// Carrier certificates.
    pub blue: usize,
    /// HCCs.
    pub pink: usize,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    /// `blue`: the carrier's; `pink`: an HCC; `other`.
    pub colour: &'static str,
    /// `authentication`, `signature` or `other`.
    pub purpose: &'static str,
    /// The same in Swedish: `Legitimering`, `Underskrift` or `annat`.
    pub purpose_sv: &'static str,
    /// The subject's common name.
    pub holder: String,
    /// The HSA-id, in HCCs.
    pub hsa_id: Option<String>,
    /// The card number.
    pub card_number: Option<String>,
    /// The issuer's common name.
    pub issuer: String,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// From when it is valid: ISO 8601, UTC.
    pub not_before: String,
    /// Until when it is valid: ISO 8601, UTC.
    pub not_after: String,
    /// `valid`, `expired`, `revoked`, `on-hold`, `not-yet-valid`, or `unknown`: its dates are good,
    /// and the portal has not issued it.
    pub state: &'static str,
    /// The same in Swedish.
    pub state_sv: &'static str,
    /// Why it is revoked, if it is: RFC 5280's name.
    pub revocation_reason: Option<&'static str>,
}

impl Report {
    /// The table of what the portal's test page says.
    pub fn new(rows: &[TestPageRow]) -> Self {
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| {
            let summary = &row.summary;
            (summary.colour, summary.purpose, summary.not_before)
        });
        let count = |colour| {
            rows.iter()
                .filter(|row| row.is_valid() && row.summary.colour == colour)
                .count()
        };
        Self {
            valid: ValidCount {
                blue: count(Colour::Blue),
                pink: count(Colour::Pink),
            },
            certificates: rows.into_iter().map(ReportRow::new).collect(),
        }
    }

    /// How many HCCs there are that are not valid now: expired, revoked, on hold, not valid yet, or
    /// not issued by the portal.
    pub fn invalid_pink(&self) -> usize {
        let pink = self.certificates.iter();
        pink.filter(|row| {
            row.colour == Colour::Pink.name() && row.state != CertificateState::Valid.name()
        })
        .count()
    }

    /// What the guide wants to see: two blue and two pink certificates, each colour once for
    /// authentication and once for signature, all valid, and no HCC that is not.
    pub fn is_complete(&self) -> bool {
        let one = |colour: Colour, purpose: Purpose| {
            let matching = self.certificates.iter().filter(|row| {
                row.colour == colour.name()
                    && row.purpose == purpose.name()
                    && row.state == CertificateState::Valid.name()
            });
            matching.count() == 1
        };
        self.valid == ValidCount { blue: 2, pink: 2 }
            && self.invalid_pink() == 0
            && [Colour::Blue, Colour::Pink].into_iter().all(|colour| {
                one(colour, Purpose::Authentication) && one(colour, Purpose::Signature)
            })
    }
}

impl ReportRow {
    fn new(row: &TestPageRow) -> Self {
        let summary = &row.summary;
        Self {
            colour: summary.colour.name(),
            purpose: summary.purpose.name(),
            purpose_sv: summary.purpose.swedish(),
            holder: summary.holder.clone(),
            hsa_id: summary.hsa_id.clone(),
            card_number: summary.card_number.clone(),
            issuer: summary.issuer.clone(),
            serial: summary.serial_hex(),
            not_before: summary.not_before.to_string(),
            not_after: summary.not_after.to_string(),
            state: row.state_name(),
            state_sv: row.state_swedish(),
            revocation_reason: match row.state {
                CertificateState::Revoked(reason) => Some(reason.name()),
                _ => None,
            },
        }
    }
}
