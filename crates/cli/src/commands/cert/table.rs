//! Certificates as a table.

use kortlab_explain::card::CertificateEntry;

use crate::output::{BLUE, Cell, DIM, ERROR, GOOD, PINK, Table, WARNING};

/// The certificates as a table.
pub fn table(certificates: &[CertificateEntry]) -> Table {
    let mut table = Table::new([
        "",
        "ID",
        "Key",
        "Purpose",
        "Holder",
        "Issuer",
        "Valid until",
        "State",
        "Revocation",
    ])
    .or("no certificates were found on the card");
    for certificate in certificates {
        let text = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or("?"));
        let mark = match certificate.colour {
            "blue" => Cell::from("● blue").styled(BLUE),
            "pink" => Cell::from("● pink").styled(PINK),
            _ if certificate.authority => "○ authority".into(),
            _ => "○ other".into(),
        };
        let purpose = match certificate.authority {
            true => "issues certificates".to_owned(),
            false => format!("{} ({})", certificate.purpose_sv, certificate.purpose),
        };
        let until = certificate.not_after.as_deref().unwrap_or("?");
        let until = until.split('T').next().unwrap_or(until);
        table.row([
            mark,
            certificate.id.clone().into(),
            certificate.key.clone().into(),
            purpose.into(),
            text(&certificate.holder),
            text(&certificate.issuer),
            until.into(),
            Cell::from(certificate.state).styled(match certificate.state {
                "valid" => GOOD,
                "not-yet-valid" | "unknown" => WARNING,
                _ => ERROR,
            }),
            Cell::from(certificate.revocation).styled(match certificate.revocation {
                "good" => GOOD,
                "revoked" => ERROR,
                "unknown" => WARNING,
                _ => DIM,
            }),
        ]);
    }
    table
}
